use url::Url;

/// Whether whoever resolves the path of this URL once more would find another host in it.
///
/// rust-url lets `..` stop at a segment like `c:`, which is a drive in a `file` URL only. No browser does, so what was
/// written with one says nothing here.
pub fn hides_a_host(url: &Url, written: &str) -> bool {
    url.path().starts_with("//") && !has_drive(written)
}

fn has_drive(written: &str) -> bool {
    written.split(['/', '\\', '?', '#']).any(|segment| {
        matches!(segment.as_bytes(), [letter, b':' | b'|'] if letter.is_ascii_alphabetic())
    })
}
