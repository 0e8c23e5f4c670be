//! The version of what is shown.

use http::HeaderValue;

use super::{header_responder, whole_response};
use crate::{error::Error, headers};

/// Names the version of what is shown (`HX-PTag`). The `hx-ptag` extension of htmx 4 sends it along
/// with the next request of the element, where [`HxPTag`](crate::HxPTag) reads it; htmx 2 has no such
/// extension and gets the whole answer every time.
///
/// ```
/// use acton_htmx::{Error, HxPTag, HxResponsePTag};
/// use axum_core::response::{IntoResponse, Response};
/// use http::StatusCode;
///
/// async fn news(HxPTag(shown): HxPTag) -> Result<Response, Error> {
///     let version = "v7";
///     if shown.as_deref() == Some(version) {
///         return Ok(StatusCode::NOT_MODIFIED.into_response());
///     }
///     Ok((HxResponsePTag::new(version)?, "<li>Milk</li>").into_response())
/// }
/// ```
///
/// Reference: <https://four.htmx.org/extensions/hx-ptag>
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a header is sent only when returned from the handler"]
pub struct HxResponsePTag(HeaderValue);

impl HxResponsePTag {
    /// A version of visible ASCII without spaces, such as a number or a hash.
    ///
    /// # Errors
    ///
    /// [`Error::PTag`] for anything else, which would not come back as it is; as a response, that is a 500.
    pub fn new(version: impl AsRef<str>) -> Result<Self, Error> {
        let version = version.as_ref();
        let sound = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_graphic());
        let value = sound.then(|| HeaderValue::from_str(version).ok()).flatten();
        value
            .map(Self)
            .ok_or_else(|| Error::PTag(version.to_owned()))
    }
}

header_responder!(HxResponsePTag, headers::HX_PTAG, |version| version.0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_come_back_is_refused() {
        for version in ["v7", "\"a,b\"", "0"] {
            assert_eq!(HxResponsePTag::new(version).unwrap().0, version);
        }
        for version in ["", " ", "a b", "a\nb", "é", "日", "\u{7f}"] {
            assert!(HxResponsePTag::new(version).is_err(), "{version:?}");
        }
    }
}
