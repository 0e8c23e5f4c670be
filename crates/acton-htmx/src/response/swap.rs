//! Overriding what the element asked for: how, where and which part.

use std::convert::Infallible;

use axum_core::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::HeaderValue;

use super::{Respelled, header_responder, whole_response};
use crate::{dialect::HtmxVersion, error::Error, headers, selector::Selector, swap::Swap};

/// Swaps in another way than the element asked for (`HX-Reswap`).
///
/// Takes a [`SwapStyle`](crate::SwapStyle) or a [`Swap`] with modifiers.
///
/// ```
/// use acton_htmx::{HxReswap, SwapStyle};
///
/// let responder = (HxReswap(SwapStyle::BeforeEnd), "<li>Milk</li>");
/// # drop(responder);
/// ```
///
/// Reference: <https://htmx.org/reference/#response_headers>
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a header is sent only when returned from the handler"]
pub struct HxReswap<S = Swap>(pub S);

impl<S: Into<Swap>> IntoResponseParts for HxReswap<S> {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let swap = self.0.into();
        let spell =
            |version| HeaderValue::try_from(swap.spell(version)).expect("a swap is visible ASCII");
        let (v2, v4) = (spell(HtmxVersion::V2), spell(HtmxVersion::V4));
        Respelled {
            name: headers::HX_RESWAP,
            v2,
            v4,
        }
        .apply(&mut parts);
        Ok(parts)
    }
}

impl<S: Into<Swap>> IntoResponse for HxReswap<S> {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

/// Swaps into another element (`HX-Retarget`).
///
/// Reference: <https://htmx.org/reference/#response_headers>
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a header is sent only when returned from the handler"]
pub struct HxRetarget(pub Selector);

impl HxRetarget {
    /// Takes a selector, or `this` for the element that sent the request.
    ///
    /// # Errors
    ///
    /// [`Error::Selector`] when the selector cannot be sent; as a response, that is a 500.
    pub fn new(selector: impl AsRef<str>) -> Result<Self, Error> {
        Selector::new(selector.as_ref()).map(Self)
    }
}

header_responder!(HxRetarget, headers::HX_RETARGET, |retarget| retarget
    .0
    .header_value());

/// Takes another part of the answer (`HX-Reselect`).
///
/// Reference: <https://htmx.org/reference/#response_headers>
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a header is sent only when returned from the handler"]
pub struct HxReselect(pub Selector);

impl HxReselect {
    /// Takes a selector of CSS.
    ///
    /// # Errors
    ///
    /// [`Error::Selector`] when the selector cannot be sent; as a response, that is a 500.
    pub fn new(selector: impl AsRef<str>) -> Result<Self, Error> {
        Selector::css(selector.as_ref()).map(Self)
    }
}

header_responder!(HxReselect, headers::HX_RESELECT, |reselect| reselect
    .0
    .header_value());
