//! The headers that make a browser careful.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{content_type::ContentType, request::id::X_REQUEST_ID};

/// Scripts, styles and forms from our own origin, images also inline, nothing embedded, nobody may frame us.
///
/// <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy>
const CSP: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                   object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The same policy, and inline scripts and styles that name this nonce.
///
/// <https://www.w3.org/TR/CSP3/#security-nonces>
#[cfg(feature = "askama")]
fn csp_with(nonce: &str) -> Option<HeaderValue> {
    let own = |directive: &str| format!("{directive} 'self'");
    let policy = ["script-src", "style-src"]
        .iter()
        .fold(CSP.to_owned(), |policy, directive| {
            policy.replace(
                &own(directive),
                &format!("{} 'nonce-{nonce}'", own(directive)),
            )
        });
    policy.parse().ok()
}

/// 128 bits that nobody can guess; nothing where the system has no randomness, and then the policy stays as it is.
#[cfg(feature = "askama")]
pub(crate) fn nonce() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => format!("{:032x}", u128::from_ne_bytes(bytes)),
        Err(_) => String::new(),
    }
}

/// Two years, as OWASP and Rails have it; no preload, which cannot be undone quickly.
const HSTS: &str = "max-age=63072000; includeSubDomains";

const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("strict-origin-when-cross-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // The filter this switched on was itself a hole.
    (header::X_XSS_PROTECTION, HeaderValue::from_static("0")),
];

/// What nearly every answer has besides; a copy of a map has room for as many lines as the map has, and these are the
/// first.
const PLACES: [HeaderName; 3] = [X_REQUEST_ID, header::CONTENT_TYPE, header::CONTENT_LENGTH];

/// Adds what a handler has not set itself.
#[derive(Clone, Debug)]
pub(crate) struct SecurityHeaders {
    document: HeaderMap,
    other: HeaderMap,
}

impl SecurityHeaders {
    /// `https`: whether browsers reach us by it, as the public origin says.
    pub(crate) fn new(https: bool) -> Self {
        // Large enough for what handlers set, so that few lines more need no other map.
        let mut other = HeaderMap::with_capacity(24);
        other.extend(PLACES.map(|name| (name, HeaderValue::from_static(""))));
        other.extend(ALWAYS);
        if https {
            let hsts = HeaderValue::from_static(HSTS);
            other.insert(header::STRICT_TRANSPORT_SECURITY, hsts);
        }
        let mut document = other.clone();
        let csp = HeaderValue::from_static(CSP);
        document.insert(header::CONTENT_SECURITY_POLICY, csp);
        Self { document, other }
    }

    /// Adds ours, and the id of the request.
    ///
    /// A copy of ours is quicker to have than each of them is to look up and insert.
    pub(crate) fn apply(&self, headers: &mut HeaderMap, kind: ContentType, id: HeaderValue) {
        let ours = match kind.is_document() {
            true => &self.document,
            false => &self.other,
        };
        let set = std::mem::replace(headers, ours.clone());
        // It is known later, and its place stays.
        headers.remove(header::CONTENT_LENGTH);
        // Many handlers have set their type and nothing else.
        if let (Some(kind), 1) = (set.get(header::CONTENT_TYPE), set.len()) {
            let values = [id, kind.clone()];
            for (place, value) in headers.values_mut().zip(values) {
                *place = value;
            }
            return;
        }
        if kind == ContentType::Unsaid {
            headers.remove(header::CONTENT_TYPE);
        }
        // What a handler has set takes the place of ours, line by line.
        headers.extend(set);
        headers.insert(X_REQUEST_ID, id);
    }

    /// Lets inline scripts and styles through that name the nonce somebody asked for.
    #[cfg(feature = "askama")]
    pub(crate) fn allow(nonce: &str, headers: &mut HeaderMap) {
        let is_ours = headers
            .get(header::CONTENT_SECURITY_POLICY)
            .is_some_and(|policy| policy == CSP);
        if !is_ours || nonce.is_empty() {
            return;
        }
        if let Some(policy) = csp_with(nonce) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        // From a cache the page would meet the policy of another answer.
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(https: bool, headers: &mut HeaderMap) {
        let kind = ContentType::of(headers);
        SecurityHeaders::new(https).apply(headers, kind, HeaderValue::from_static("id"));
    }

    fn applied(https: bool, content_type: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        apply(https, &mut headers);
        headers
    }

    #[test]
    fn every_answer_forbids_sniffing() {
        assert_eq!(
            applied(false, "application/json")["x-content-type-options"],
            "nosniff"
        );
    }

    #[test]
    fn documents_carry_a_content_security_policy() {
        for kind in ["text/html; charset=utf-8", "Text/HTML", "image/svg+xml"] {
            let headers = applied(false, kind);
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(
                policy.contains("object-src 'none'; base-uri 'none'"),
                "{kind}"
            );
        }
        assert!(!applied(false, "application/json").contains_key("content-security-policy"));
    }

    #[cfg(feature = "askama")]
    #[test]
    fn a_nonce_is_named_for_scripts_and_styles_and_changes_nothing_else() {
        let mut headers = applied(false, "text/html");
        SecurityHeaders::allow("abc", &mut headers);
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("script-src 'self' 'nonce-abc'; style-src 'self' 'nonce-abc'; img")
        );
        assert_eq!(policy.replace(" 'nonce-abc'", ""), CSP);
        assert_eq!(headers["cache-control"], "no-store");
    }

    #[cfg(feature = "askama")]
    #[test]
    fn a_policy_of_the_handlers_own_stays() {
        let mut headers = HeaderMap::new();
        let own = HeaderValue::from_static("default-src 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, own.clone());
        SecurityHeaders::allow("abc", &mut headers);
        assert_eq!(headers["content-security-policy"], own);
        assert_eq!(headers.len(), 1);
    }

    #[cfg(feature = "askama")]
    #[test]
    fn nonces_differ_and_have_128_bits() {
        let (one, other) = (nonce(), nonce());
        assert_ne!(one, other);
        assert_eq!(one.len(), 32);
    }

    #[test]
    fn only_https_demands_https() {
        assert!(applied(true, "text/html").contains_key("strict-transport-security"));
        assert!(!applied(false, "text/html").contains_key("strict-transport-security"));
    }

    #[test]
    fn lines_of_one_name_stay_apart_and_in_order() {
        let mut headers = HeaderMap::new();
        for value in ["a=1", "b=2", "c=3"] {
            headers.append(header::SET_COOKIE, HeaderValue::from_static(value));
        }
        apply(false, &mut headers);
        let lines: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(lines, ["a=1", "b=2", "c=3"]);
    }

    #[test]
    fn places_that_nobody_takes_are_no_headers() {
        let mut headers = HeaderMap::new();
        apply(false, &mut headers);
        assert_eq!(headers.len(), ALWAYS.len() + 1);
        assert_eq!(headers[X_REQUEST_ID], "id");
        let length = HeaderValue::from_static("5");
        let mut headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, length)]);
        apply(false, &mut headers);
        assert_eq!(headers[header::CONTENT_LENGTH], "5");
        assert_eq!(headers.len(), ALWAYS.len() + 2);
    }

    #[test]
    fn what_a_handler_has_set_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::X_FRAME_OPTIONS,
            HeaderValue::from_static("SAMEORIGIN"),
        );
        apply(false, &mut headers);
        assert_eq!(headers["x-frame-options"], "SAMEORIGIN");
    }
}
