use acton_htmx::{Htmx, HtmxContext};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request,
    header::{ACCEPT, CONTENT_TYPE},
};

use super::ErrorPages;

/// Who asked, remembered until the answer is there.
///
/// Most answers are no errors, so only then is it looked at what the asker accepts.
#[derive(Clone, Debug)]
pub struct Asker {
    pub(super) request_id: Option<String>,
    accept: Vec<HeaderValue>,
    is_api: bool,
    stays_on_page: bool,
    sent_json: bool,
    context: Option<HtmxContext>,
}

/// The form in which an error is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Page,
    Fragment { target: String },
    Api,
    Stream,
}

impl Asker {
    /// Reads from a request who asks.
    #[must_use]
    pub fn of<B>(request: &Request<B>, pages: &ErrorPages) -> Self {
        let (headers, extensions) = (request.headers(), request.extensions());
        let context = HtmxContext::of(extensions);
        let path = request.uri().path();
        let whole = context.map_or(path, |context| context.original_uri().path());
        Self {
            request_id: (pages.request_id)(headers, extensions),
            accept: headers.get_all(ACCEPT).iter().cloned().collect(),
            // Inside another application the prefix is what is left of the path.
            is_api: pages
                .api
                .iter()
                .any(|prefix| is_below(path, prefix) || is_below(whole, prefix)),
            stays_on_page: Htmx::from_headers(headers).stays_on_page(),
            sent_json: sent_json(headers),
            context: context.cloned(),
        }
    }

    /// In which form this one is told of an error.
    pub(super) fn kind(&self) -> Kind {
        let accepts_html = self.accepts_html();
        let json = self.accepts("application/json");
        let json = json.max(self.accepts("application/problem+json"));
        // An event stream and nothing else: the htmx 4 extension adds the type to every request of its page.
        if accepts_html == 0 && self.accepts("text/event-stream") > 0 {
            Kind::Stream
        } else if self.is_api || json > accepts_html {
            Kind::Api
        } else if self.stays_on_page {
            let context = self.context.as_ref();
            let target = context.map_or("#errors", |context| &context.config().error_target);
            Kind::Fragment {
                target: target.to_owned(),
            }
        } else if self.sent_json && accepts_html == 0 {
            Kind::Api
        } else {
            Kind::Page
        }
    }

    fn accepts_html(&self) -> u16 {
        let html = self.accepts("text/html");
        html.max(self.accepts("application/xhtml+xml"))
    }

    fn accepts(&self, media_type: &str) -> u16 {
        accepts(&self.accept, media_type)
    }

    /// The answer depends on the headers of htmx, which `Vary` has to say.
    pub(super) fn mark_consulted(&self) {
        if let Some(context) = &self.context {
            context.consulted().mark_wanted();
        }
    }
}

/// The header in which a proxy or an outer layer has put the id of the request.
pub(super) fn request_id_header(headers: &HeaderMap) -> Option<String> {
    let id = headers
        .get(HeaderName::from_static("x-request-id"))?
        .to_str()
        .ok()?;
    (!id.is_empty() && id.len() <= 128).then(|| id.to_owned())
}

/// Whether `path` is the prefix or below it; a segment of the prefix in braces stands for any.
fn is_below(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    let Some((literal, parameters)) = prefix.split_once('{') else {
        let rest = path.strip_prefix(prefix);
        return rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    };
    let Some((given, rest)) = path.strip_prefix(literal).map(split_segment) else {
        return false;
    };
    let (_, prefix) = split_segment(parameters);
    !given.is_empty() && is_below(rest, prefix)
}

fn split_segment(path: &str) -> (&str, &str) {
    path.split_at(path.find('/').unwrap_or(path.len()))
}

fn sent_json(headers: &HeaderMap) -> bool {
    const JSON: &[u8] = b"application/json";
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let start = value.and_then(|value| value.get(..JSON.len()));
    start.is_some_and(|start| start.eq_ignore_ascii_case(JSON))
}

/// The weight of a media type in `Accept`, in thousandths; a range such as `*/*` does not name it.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc9110#field.accept>
fn accepts(accept: &[HeaderValue], media_type: &str) -> u16 {
    let values = accept.iter().filter_map(|value| value.to_str().ok());
    let named = values
        .flat_map(|value| value.split(','))
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_named = parts.next()?.eq_ignore_ascii_case(media_type);
            is_named.then(|| {
                parts
                    .find_map(|part| part.strip_prefix(['q', 'Q'])?.strip_prefix('='))
                    .map_or(1000, thousandths)
            })
        });
    named.max().unwrap_or(0)
}

fn thousandths(weight: &str) -> u16 {
    let weight = weight.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000"
    )]
    let thousandths = (weight * 1000.0) as u16;
    thousandths
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn weight(accept: &[u8]) -> u16 {
        let accept: Vec<_> = HeaderValue::from_bytes(accept).into_iter().collect();
        accepts(&accept, "text/html")
    }

    #[test]
    fn a_type_has_the_weight_that_accept_gives_it() {
        assert_eq!(weight(b"text/html"), 1000);
        assert_eq!(
            weight(b"application/json, TEXT/HTML ; level=1; q=0.25"),
            250
        );
        assert_eq!(weight(b"text/html;Q=0.5"), 500);
        assert_eq!(weight(b"*/*"), 0);
        assert_eq!(weight(b"text/html;q=0"), 0);
        assert_eq!(weight(b"text/html;q=nonsense"), 0);
        assert_eq!(weight(b"text/html;q=9"), 1000);
    }

    #[test]
    fn json_is_json_in_capitals_too() {
        let sent = |content_type| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            sent_json(&headers)
        };
        assert!(sent("application/json") && sent("Application/JSON; charset=utf-8"));
        assert!(!sent("application") && !sent("text/plain"));
    }

    #[test]
    fn a_segment_in_braces_stands_for_any() {
        for (path, prefix, expected) in [
            ("/api", "/api", true),
            ("/api/v1", "/api/", true),
            ("/apis", "/api", false),
            ("/acme/api/v1", "/{tenant}/api", true),
            ("/acme/api", "/{tenant}/api", true),
            ("/acme/apis", "/{tenant}/api", false),
            ("//api", "/{tenant}/api", false),
            ("/a/b/api", "/{tenant}/api", false),
            ("/api/7/8/x", "/api/{a}/{b}", true),
            ("/api/7", "/api/{a}/{b}", false),
        ] {
            assert_eq!(is_below(path, prefix), expected, "{path} {prefix}");
        }
    }

    #[test]
    fn an_overlong_id_is_not_ours() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-request-id",
            HeaderValue::from_str(&"x".repeat(129)).unwrap(),
        );
        assert_eq!(request_id_header(&headers), None);
    }

    proptest! {
        #[test]
        fn no_accept_header_panics(accept in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(weight(&accept) <= 1000);
        }
    }
}
