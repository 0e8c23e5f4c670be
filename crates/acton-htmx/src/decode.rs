//! How htmx writes text into request headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

/// A request header of the application's own as text, such as one from `hx-headers`.
///
/// Browsers write characters up to U+00FF as one byte each, which [`HeaderValue::to_str`] does not
/// read. Other text htmx percent-encodes, and says so in a second header,
/// `<name>-URI-AutoEncoded: true`; htmx 4 does under the script of `Head`. What is encoded wrongly
/// is read as far as it goes. `None` when the header is missing; of several lines the first counts.
///
/// An answer that depends on it names both headers in `Vary`.
///
/// ```
/// use acton_htmx::header_text;
/// use http::{HeaderMap, HeaderName, HeaderValue};
///
/// let name = HeaderName::from_static("x-city");
/// let mut headers = HeaderMap::new();
/// headers.insert(&name, HeaderValue::from_static("%E6%9D%B1%E4%BA%AC"));
/// headers.insert("x-city-uri-autoencoded", HeaderValue::from_static("true"));
/// assert_eq!(header_text(&headers, &name).as_deref(), Some("東京"));
/// ```
#[must_use]
pub fn header_text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    let marker = headers.get(format!("{name}-uri-autoencoded"));
    Some(read(value, marker))
}

/// A request header as text.
///
/// `marker` names the header by which htmx says that it had to percent-encode the value.
pub(crate) fn text(headers: &HeaderMap, name: &HeaderName, marker: &HeaderName) -> Option<String> {
    Some(read(headers.get(name)?, headers.get(marker)))
}

fn read(value: &HeaderValue, marker: Option<&HeaderValue>) -> String {
    let encoded = marker.is_some_and(|marker| marker == "true");
    if encoded {
        percent_decoded(&latin1(value))
    } else {
        latin1(value)
    }
}

/// A request header that is percent-encoded whether it has to be or not.
pub(crate) fn percent_decoded_text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers
        .get(name)
        .map(|value| percent_decoded(&latin1(value)))
}

/// A request header that is never encoded.
pub(crate) fn latin1_text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(latin1)
}

/// An element as htmx 4 names it: `tag` or `tag#id`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) tag: String,
    pub(crate) id: Option<String>,
}

impl Element {
    pub(crate) fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let text = latin1(headers.get(name)?);
        Some(match text.split_once('#') {
            Some((tag, id)) => Self {
                tag: tag.to_owned(),
                id: Some(percent_decoded(id)),
            },
            None => Self {
                tag: text,
                id: None,
            },
        })
    }
}

/// Browsers write one byte for each character up to U+00FF.
fn latin1(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}

fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: HeaderName = crate::headers::HX_TARGET;
    const MARKER: HeaderName = crate::headers::HX_TARGET_ENCODED;

    fn headers(value: &[u8], marker: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(NAME, HeaderValue::from_bytes(value).unwrap());
        if let Some(marker) = marker {
            headers.insert(MARKER, HeaderValue::from_static(marker));
        }
        headers
    }

    #[test]
    fn bytes_are_latin_1() {
        assert_eq!(
            text(&headers(b"caf\xe9", None), &NAME, &MARKER).as_deref(),
            Some("café")
        );
    }

    #[test]
    fn percent_signs_mean_something_only_with_the_marker() {
        let read = |marker| text(&headers(b"%E6%97%A5", marker), &NAME, &MARKER).unwrap();
        assert_eq!(read(Some("true")), "日");
        assert_eq!(read(Some("false")), "%E6%97%A5");
        assert_eq!(read(None), "%E6%97%A5");
    }

    #[test]
    fn a_header_of_the_application_is_read_by_the_same_rules() {
        let read = |value, marker| header_text(&headers(value, marker), &NAME);
        assert_eq!(read(b"caf\xe9", None).as_deref(), Some("café"));
        assert_eq!(read(b"%E6%97%A5", Some("true")).as_deref(), Some("日"));
        assert_eq!(read(b"%E6%97%A5", None).as_deref(), Some("%E6%97%A5"));
        assert_eq!(header_text(&HeaderMap::new(), &NAME), None);
    }

    #[test]
    fn an_element_of_htmx_4_is_split_at_the_first_hash() {
        let element = |value: &[u8]| Element::of(&headers(value, None), &NAME).unwrap();
        assert_eq!(
            element(b"div#a#b%20c"),
            Element {
                tag: "div".into(),
                id: Some("a#b c".into())
            }
        );
        assert_eq!(
            element(b"body"),
            Element {
                tag: "body".into(),
                id: None
            }
        );
    }

    #[test]
    fn broken_encodings_are_read_as_far_as_they_go() {
        let read = |value| text(&headers(value, Some("true")), &NAME, &MARKER).unwrap();
        assert_eq!(read(b"%E6%97"), "\u{fffd}");
        assert_eq!(read(b"100%"), "100%");
    }
}
