//! A header that must be one line of visible ASCII.

use http::{HeaderMap, HeaderName};

/// The one line of a header, if it is there.
pub fn line(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut lines = headers.get_all(name).iter();
    let line = lines.next()?;
    assert_eq!(lines.next(), None, "{name} is one line");
    let is_visible = |byte: &u8| matches!(byte, b' '..=b'~');
    assert!(line.as_bytes().iter().all(is_visible), "{line:?}");
    line.to_str().ok().map(str::to_owned)
}
