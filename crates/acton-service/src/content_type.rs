//! What kind of answer a handler gave, as far as headers depend on it.

use http::{HeaderMap, header};

/// The `Content-Type` of an answer; looked up once for all who ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    Unsaid,
    Html,
    /// Something else that a browser shows as a document.
    Document,
    /// Text and JSON, which handlers make for one visitor.
    Data,
    EventStream,
    /// Style sheets, scripts and images, and whatever else there is.
    Other,
}

/// The most frequent first.
const KINDS: [(&[u8], ContentType); 9] = [
    (b"text/html", ContentType::Html),
    (b"text/plain", ContentType::Data),
    (b"application/json", ContentType::Data),
    (b"text/event-stream", ContentType::EventStream),
    (b"application/problem+json", ContentType::Data),
    (b"application/xhtml+xml", ContentType::Document),
    (b"image/svg+xml", ContentType::Document),
    (b"text/xml", ContentType::Document),
    (b"application/xml", ContentType::Document),
];

impl ContentType {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            return Self::Unsaid;
        };
        let value = value.as_bytes();
        // As axum and this crate write them, letter for letter.
        match value {
            b"text/html; charset=utf-8" => return Self::Html,
            b"text/plain; charset=utf-8" | b"application/json" => return Self::Data,
            _ => {}
        }
        let is = |kind: &[u8]| {
            value.len() >= kind.len() && value[..kind.len()].eq_ignore_ascii_case(kind)
        };
        let known = KINDS.iter().find(|(kind, _)| is(kind));
        known.map_or(Self::Other, |(_, known)| *known)
    }

    /// Whether a browser shows it as a document, which can run scripts.
    pub(crate) fn is_document(self) -> bool {
        matches!(self, Self::Html | Self::Document)
    }

    /// Whether handlers make it for one visitor; style sheets, scripts and images are the same for all.
    pub(crate) fn may_be_personal(self) -> bool {
        matches!(self, Self::Unsaid | Self::Html | Self::Data)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn kind(value: &'static str) -> ContentType {
        let value = HeaderValue::from_static(value);
        ContentType::of(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)]))
    }

    #[test]
    fn a_kind_is_known_in_any_case_and_with_parameters() {
        assert_eq!(kind("TEXT/HTML; charset=utf-8"), ContentType::Html);
        assert_eq!(kind("text/html; charset=utf-8"), ContentType::Html);
        assert_eq!(kind("text/plain; charset=utf-8"), ContentType::Data);
        assert_eq!(kind("Text/Plain;charset=utf-8"), ContentType::Data);
        assert_eq!(kind("Text/Event-Stream"), ContentType::EventStream);
        assert_eq!(kind("text/css"), ContentType::Other);
        assert_eq!(kind(""), ContentType::Other);
        assert_eq!(ContentType::of(&HeaderMap::new()), ContentType::Unsaid);
    }

    #[test]
    fn what_runs_scripts_is_a_document() {
        for document in [
            "text/html",
            "image/svg+xml",
            "application/xhtml+xml",
            "text/xml",
        ] {
            assert!(kind(document).is_document(), "{document}");
        }
        for other in [
            "text/plain",
            "application/json",
            "text/event-stream",
            "image/png",
        ] {
            assert!(!kind(other).is_document(), "{other}");
        }
    }

    #[test]
    fn what_says_nothing_may_be_personal_and_a_script_is_not() {
        assert!(ContentType::Unsaid.may_be_personal());
        assert!(kind("application/problem+json").may_be_personal());
        assert!(!kind("text/javascript").may_be_personal());
    }
}
