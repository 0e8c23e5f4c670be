//! The response headers. Each is a whole response, or a part of a tuple with any body.
//!
//! Reference: <https://htmx.org/reference/#response_headers>

mod history;
mod location;
mod navigation;
mod swap;

use axum_core::response::ResponseParts;
use http::{HeaderName, HeaderValue};

pub use self::{
    history::{HxPushUrl, HxReplaceUrl},
    location::HxLocation,
    navigation::{HxRedirect, HxRefresh},
    swap::{HxReselect, HxReswap, HxRetarget},
};

/// Headers that htmx 4 spells differently. Handlers write what htmx 2 reads, and
/// [`HtmxLayer`](crate::HtmxLayer) puts these in their place for htmx 4.
#[derive(Clone, Debug, Default)]
pub(crate) struct ForV4(pub(crate) Vec<Respelled>);

/// One header in both spellings.
#[derive(Clone, Debug)]
pub(crate) struct Respelled {
    pub(crate) name: HeaderName,
    pub(crate) v2: HeaderValue,
    pub(crate) v4: HeaderValue,
}

impl Respelled {
    /// Writes the header, and notes the other spelling when there is one.
    pub(crate) fn apply(self, parts: &mut ResponseParts) {
        parts
            .headers_mut()
            .insert(self.name.clone(), self.v2.clone());
        if self.v2 != self.v4 {
            parts
                .extensions_mut()
                .get_or_insert_default::<ForV4>()
                .0
                .push(self);
        }
    }
}

/// Makes a responder that is a part of a response a whole one, too.
macro_rules! whole_response {
    ($($name:ty),+) => {$(
        impl axum_core::response::IntoResponse for $name {
            fn into_response(self) -> axum_core::response::Response {
                (self, ()).into_response()
            }
        }
    )+};
}

/// A responder that writes one header and cannot fail.
macro_rules! header_responder {
    ($name:ty, $header:expr, |$self:ident| $value:expr) => {
        impl axum_core::response::IntoResponseParts for $name {
            type Error = std::convert::Infallible;

            fn into_response_parts(
                self,
                mut parts: axum_core::response::ResponseParts,
            ) -> Result<axum_core::response::ResponseParts, Self::Error> {
                let $self = self;
                parts.headers_mut().insert($header, $value);
                Ok(parts)
            }
        }

        whole_response!($name);
    };
}

use {header_responder, whole_response};

whole_response!(crate::trigger::HxEvent, crate::trigger::HxResponseTrigger);
