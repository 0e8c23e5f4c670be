//! What the address bar shows.

use http::HeaderValue;

use super::{header_responder, whole_response};
use crate::{error::Error, headers, url::LocalUrl};

/// A responder for a URL, or for leaving the history alone.
macro_rules! history_responder {
    ($(#[$docs:meta])+ $name:ident, $header:expr) => {
        $(#[$docs])+
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[must_use = "a header is sent only when returned from the handler"]
        pub struct $name(Option<LocalUrl>);

        impl $name {
            /// Shows a path on this origin.
            ///
            /// # Errors
            ///
            /// [`Error::ForeignUrl`] for anything else; as a response, that is a 500.
            pub fn to(url: impl AsRef<str>) -> Result<Self, Error> {
                LocalUrl::parse(url.as_ref()).map(Some).map(Self)
            }

            /// Leaves the history alone, whatever the element asks for.
            pub const fn none() -> Self {
                Self(None)
            }
        }

        impl From<LocalUrl> for $name {
            fn from(url: LocalUrl) -> Self {
                Self(Some(url))
            }
        }

        header_responder!($name, $header, |responder| value(responder.0));
    };
}

history_responder!(
    /// Puts a URL into the history (`HX-Push-Url`), also with an error or an answer without
    /// content, which otherwise leave the address bar alone.
    ///
    /// Reference: <https://htmx.org/headers/hx-push-url/>
    HxPushUrl,
    headers::HX_PUSH_URL
);

history_responder!(
    /// Replaces the URL in the address bar (`HX-Replace-Url`), with any status. [`HxPushUrl`] wins
    /// over it.
    ///
    /// Reference: <https://htmx.org/headers/hx-replace-url/>
    HxReplaceUrl,
    headers::HX_REPLACE_URL
);

fn value(url: Option<LocalUrl>) -> HeaderValue {
    url.as_ref()
        .map_or(HeaderValue::from_static("false"), HeaderValue::from)
}
