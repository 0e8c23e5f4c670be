//! The `Vary` header: every request header that decided, none twice.
//!
//! Reference: <https://www.rfc-editor.org/rfc/rfc9110#field.vary>

use http::{HeaderMap, HeaderValue, header::VARY};

use crate::consulted::Consulted;

/// Adds what was consulted to what other layers said, and leaves one line without repetition.
pub(crate) fn merge(headers: &mut HeaderMap, consulted: &Consulted) {
    if consulted.is_empty() {
        return;
    }
    let mut merged = String::new();
    for line in headers.get_all(VARY) {
        let Ok(line) = line.to_str() else { continue };
        line.split(',')
            .for_each(|name| add(&mut merged, name.trim()));
    }
    if merged.split(", ").any(|name| name == "*") {
        return;
    }
    consulted.names().for_each(|name| add(&mut merged, name));
    let value = HeaderValue::try_from(merged).expect("made of header values");
    headers.insert(VARY, value);
}

fn add(merged: &mut String, name: &str) {
    let known = merged
        .split(", ")
        .any(|known| known.eq_ignore_ascii_case(name));
    if known || name.is_empty() {
        return;
    }
    if !merged.is_empty() {
        merged.push_str(", ");
    }
    merged.push_str(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers;

    fn merged(lines: &[&'static str]) -> Vec<String> {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(VARY, HeaderValue::from_static(line));
        }
        let consulted = Consulted::default();
        consulted.mark(&headers::HX_REQUEST);
        merge(&mut map, &consulted);
        map.get_all(VARY)
            .iter()
            .map(|line| line.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn what_others_said_stays() {
        assert_eq!(
            merged(&["Accept-Encoding", "Cookie, Origin"]),
            ["Accept-Encoding, Cookie, Origin, HX-Request"]
        );
    }

    #[test]
    fn no_name_comes_twice() {
        assert_eq!(
            merged(&["hx-request, COOKIE", "cookie"]),
            ["hx-request, COOKIE"]
        );
    }

    #[test]
    fn everything_is_more_than_anything() {
        assert_eq!(merged(&["Cookie, *"]), ["Cookie, *"]);
    }

    #[test]
    fn nothing_consulted_changes_nothing() {
        let mut map = HeaderMap::new();
        merge(&mut map, &Consulted::default());
        assert!(map.is_empty());
    }
}
