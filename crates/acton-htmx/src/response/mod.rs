//! The response headers. Each is a whole response, or a part of a tuple with any body. Of several that
//! write one header the last one counts, and so it is among those that leave the page.
//!
//! Reference: <https://htmx.org/reference/#response_headers>

mod history;
mod location;
mod navigation;
mod ptag;
mod swap;

use axum_core::response::ResponseParts;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::headers;

pub use self::{
    history::{HxPushUrl, HxReplaceUrl},
    location::HxLocation,
    navigation::{HxRedirect, HxRefresh},
    ptag::HxResponsePTag,
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
    /// Writes the header, and notes the other spelling when there is one. Of several responders the
    /// last one counts.
    pub(crate) fn apply(self, parts: &mut ResponseParts) {
        write(parts.headers_mut(), self.name.clone(), self.v2.clone());
        let ForV4(respelled) = parts.extensions_mut().get_or_insert_default();
        respelled.retain(|earlier| earlier.name != self.name);
        if self.v2 != self.v4 {
            respelled.push(self);
        }
    }
}

/// Puts a header in place of what was said before.
fn write(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if headers::NAVIGATION.contains(&name) {
        let others = headers::NAVIGATION.iter();
        others.for_each(|other| drop(headers.remove(other)));
    }
    headers.insert(name, value);
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
                $crate::response::write(parts.headers_mut(), $header, $value);
                Ok(parts)
            }
        }

        whole_response!($name);
    };
}

use {header_responder, whole_response};

whole_response!(crate::trigger::HxEvent, crate::trigger::HxResponseTrigger);

#[cfg(test)]
mod tests {
    use axum_core::response::{IntoResponse, IntoResponseParts};

    use super::*;
    use crate::swap::SwapStyle;

    /// Each header of htmx with what each version gets.
    fn sent(parts: impl IntoResponseParts) -> Vec<(String, [String; 2])> {
        let mut response = (parts, ()).into_response();
        let ForV4(respelled) = response.extensions_mut().remove().unwrap_or_default();
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let headers = response.headers().iter();
        let mut sent: Vec<_> = headers
            .map(|(name, value)| {
                let mut newer = respelled.iter().filter(|newer| newer.name == *name);
                let v4 = newer.next().map_or(value, |newer| &newer.v4);
                assert!(newer.next().is_none(), "{name} twice");
                (name.to_string(), [text(value), text(v4)])
            })
            .collect();
        sent.sort();
        sent
    }

    fn one(name: &str, values: [&str; 2]) -> Vec<(String, [String; 2])> {
        vec![(name.to_owned(), values.map(str::to_owned))]
    }

    #[test]
    fn the_last_swap_counts_in_both_versions() {
        let (morph, outer) = (SwapStyle::OuterMorph, SwapStyle::OuterHtml);
        for (first, last, words) in [
            (morph, outer, ["outerHTML"; 2]),
            (outer, morph, ["outerHTML", "outerMorph"]),
            (morph, SwapStyle::OuterSync, ["outerHTML", "outerSync"]),
            (morph, SwapStyle::Delete, ["delete"; 2]),
        ] {
            let parts = (HxReswap(first), HxReswap(last));
            assert_eq!(sent(parts), one("hx-reswap", words), "{first:?} {last:?}");
        }
    }

    #[test]
    fn the_last_word_counts_in_every_header() {
        let retarget = |selector| HxRetarget::new(selector).unwrap();
        let reselect = |selector| HxReselect::new(selector).unwrap();
        let push = |url| HxPushUrl::to(url).unwrap();
        let parts = (retarget("#a"), retarget("#b"));
        assert_eq!(sent(parts), one("hx-retarget", ["#b"; 2]));
        let parts = (reselect("#a"), reselect("#b"));
        assert_eq!(sent(parts), one("hx-reselect", ["#b"; 2]));
        let parts = (HxPushUrl::none(), push("/a"));
        assert_eq!(sent(parts), one("hx-push-url", ["/a"; 2]));
        let parts = (push("/a"), HxPushUrl::none());
        assert_eq!(sent(parts), one("hx-push-url", ["false"; 2]));
        let parts = (HxReplaceUrl::none(), HxReplaceUrl::to("/a").unwrap());
        assert_eq!(sent(parts), one("hx-replace-url", ["/a"; 2]));
    }

    #[test]
    fn a_page_is_left_in_one_way() {
        let redirect = || HxRedirect::to("/a").unwrap();
        let location = || HxLocation::to("/b").unwrap();
        let parts = (location(), HxRefresh, redirect());
        assert_eq!(sent(parts), one("hx-redirect", ["/a"; 2]));
        let parts = (redirect(), location());
        assert_eq!(sent(parts), one("hx-location", [r#"{"path":"/b"}"#; 2]));
        let parts = (redirect(), location(), HxRefresh);
        assert_eq!(sent(parts), one("hx-refresh", ["true"; 2]));
    }
}
