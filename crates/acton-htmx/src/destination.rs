//! Where a redirect leads, seen from the page rather than from the request.

use std::{borrow::Cow, slice};

use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::url::LocalUrl;

/// A `Location` as htmx can follow it with a full load, from whatever page it is on.
///
/// `None` for what leads to another origin without naming it, and for other schemes.
pub(crate) fn absolute(location: &HeaderValue, request: &Uri) -> Option<HeaderValue> {
    let text = in_ascii(location);
    if is_http(&text) {
        return HeaderValue::from_str(&text).ok();
    }
    let local = match text.as_bytes() {
        [b'/', ..] => LocalUrl::parse(&text),
        [b'?', ..] => LocalUrl::parse(&format!("{}{text}", request.path())),
        [b'#', ..] | [] => LocalUrl::parse(&format!("{}{text}", request.path_and_query()?)),
        _ if has_scheme(&text) => return None,
        _ => LocalUrl::parse(&format!("{}{text}", directory(request.path()))),
    };
    local.ok().map(|url| HeaderValue::from(&url))
}

/// Whether a `Location` names another host than the one that was asked.
pub(crate) fn is_foreign(location: &HeaderValue, host: &HeaderValue) -> bool {
    let text = in_ascii(location);
    let named = is_http(&text).then(|| text.split('/').nth(2)).flatten();
    let named = named.and_then(|named| named.split(['?', '#']).next());
    named.is_some_and(|named| !named.as_bytes().eq_ignore_ascii_case(host.as_bytes()))
}

/// Where an `HX-Location` leads: its path, with its values in the query as htmx sends them.
pub(crate) fn path(location: &HeaderValue) -> Option<HeaderValue> {
    #[derive(Deserialize)]
    struct Location {
        path: LocalUrl,
        #[serde(default)]
        values: Map<String, Value>,
    }
    let text = str::from_utf8(location.as_bytes()).ok()?;
    let url = if text.starts_with('{') {
        let Location { path, values } = serde_json::from_str(text).ok()?;
        LocalUrl::parse(&with_query(path.as_str(), &values)).ok()?
    } else {
        LocalUrl::parse(text).ok()?
    };
    Some(HeaderValue::from(&url))
}

/// Puts values behind the query that is there, and before the fragment: a list item by item.
fn with_query(url: &str, values: &Map<String, Value>) -> String {
    let (path, fragment) = match url.find('#') {
        Some(start) => url.split_at(start),
        None => (url, ""),
    };
    let mut to = path.to_owned();
    for (name, value) in values {
        let items = value
            .as_array()
            .map_or(slice::from_ref(value), Vec::as_slice);
        for item in items {
            let text = item
                .as_str()
                .map_or_else(|| item.to_string(), str::to_owned);
            to.push(if to.contains('?') { '&' } else { '?' });
            to.extend(utf8_percent_encode(name, NON_ALPHANUMERIC));
            to.push('=');
            to.extend(utf8_percent_encode(&text, NON_ALPHANUMERIC));
        }
    }
    to + fragment
}

/// The page that a request came from, if it was one of this host.
pub(crate) fn back(referer: &HeaderValue, host: &HeaderValue) -> Option<HeaderValue> {
    let referer: Uri = referer.to_str().ok()?.parse().ok()?;
    if referer.authority()?.as_str().as_bytes() != host.as_bytes() {
        return None;
    }
    let path = referer.path_and_query()?.as_str();
    LocalUrl::parse(path)
        .ok()
        .map(|url| HeaderValue::from(&url))
}

/// A header as browsers read it in a redirect: bytes outside ASCII are percent-encoded, whatever text
/// they make.
fn in_ascii(location: &HeaderValue) -> Cow<'_, str> {
    const NOTHING_MORE: &AsciiSet = &AsciiSet::EMPTY;
    percent_encode(location.as_bytes(), NOTHING_MORE).into()
}

fn is_http(url: &str) -> bool {
    let starts = |scheme: &str| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    starts("http://") || starts("https://")
}

fn has_scheme(url: &str) -> bool {
    url.split(['/', '?', '#'])
        .next()
        .is_some_and(|start| start.contains(':'))
}

/// Everything up to the last slash; dots in what follows are for the browser to resolve.
fn directory(path: &str) -> &str {
    path.rfind('/').map_or("/", |slash| &path[..=slash])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(location: &'static str) -> Option<String> {
        let request = Uri::from_static("/tasks/7?page=2");
        let value = absolute(&HeaderValue::from_static(location), &request)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_relative_location_counts_from_the_request_and_not_from_the_page() {
        assert_eq!(from("edit").as_deref(), Some("/tasks/edit"));
        assert_eq!(from("?page=3").as_deref(), Some("/tasks/7?page=3"));
        assert_eq!(from("#end").as_deref(), Some("/tasks/7?page=2#end"));
        assert_eq!(from("../login").as_deref(), Some("/tasks/../login"));
    }

    #[test]
    fn bytes_outside_ascii_are_encoded_as_browsers_do() {
        let request = Uri::from_static("/tasks/7?page=2");
        let from = |location: &[u8]| {
            let value = absolute(&HeaderValue::from_bytes(location).unwrap(), &request);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(from("/café".as_bytes()).as_deref(), Some("/caf%C3%A9"));
        assert_eq!(from(b"/caf\xe9?\xe9").as_deref(), Some("/caf%E9?%E9"));
        assert_eq!(from("é%20".as_bytes()).as_deref(), Some("/tasks/%C3%A9%20"));
        let abroad = from("https://id.example/é".as_bytes());
        assert_eq!(abroad.as_deref(), Some("https://id.example/%C3%A9"));
    }

    #[test]
    fn whole_urls_are_followed_over_http_only() {
        assert_eq!(
            from("https://id.example/x").as_deref(),
            Some("https://id.example/x")
        );
        assert_eq!(from("/login?next=%2F").as_deref(), Some("/login?next=%2F"));
        for location in [
            "javascript:alert(1)",
            "data:,x",
            "//evil.example",
            "mailto:a@b",
        ] {
            assert_eq!(from(location), None, "{location}");
        }
    }

    #[test]
    fn the_values_of_a_location_are_in_its_query() {
        let to = |location: &'static str| {
            let value = path(&HeaderValue::from_static(location)).unwrap();
            value.to_str().unwrap().to_owned()
        };
        assert_eq!(to("/a?b=1"), "/a?b=1");
        assert_eq!(to(r#"{"path":"/a","values":{}}"#), "/a");
        assert_eq!(to(r#"{"path":"/a","values":{"page":2}}"#), "/a?page=2");
        let list = r##"{"path":"/a?b=1#end","values":{"c d":["x&y","\u00e9"],"e":[],"f":true}}"##;
        assert_eq!(to(list), "/a?b=1&c%20d=x%26y&c%20d=%C3%A9&f=true#end");
        let nested = r#"{"path":"/a","values":{"b":{"c":1},"d":null}}"#;
        assert_eq!(to(nested), "/a?b=%7B%22c%22%3A1%7D&d=null");
    }

    #[test]
    fn another_host_is_foreign_and_a_path_is_not() {
        let host = HeaderValue::from_static("App.example:8080");
        let foreign = |location| is_foreign(&HeaderValue::from_static(location), &host);
        assert!(foreign("https://id.example/authorize?client=1"));
        assert!(foreign("http://app.example/login"));
        assert!(foreign("http://app.example?a=/app.example:8080"));
        for location in [
            "/login",
            "http://app.example:8080/login",
            "login",
            "",
            "?a=1",
        ] {
            assert!(!foreign(location), "{location}");
        }
    }

    #[test]
    fn only_pages_of_this_host_are_gone_back_to() {
        let back = |referer| {
            back(
                &HeaderValue::from_static(referer),
                &HeaderValue::from_static("h:1"),
            )
        };
        assert_eq!(back("http://h:1/a?b").unwrap(), "/a?b");
        for referer in [
            "http://evil.example/a",
            "http://h:1//evil.example",
            "about:blank",
            "",
        ] {
            assert_eq!(back(referer), None, "{referer}");
        }
    }
}
