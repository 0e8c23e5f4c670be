//! URLs that stay on this origin.

use std::{fmt, str::FromStr};

use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::error::Error;

/// What a URL may not contain in the clear. `%` stays, so nothing is encoded twice.
///
/// Reference: <https://url.spec.whatwg.org/#percent-encoded-bytes>
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A path on this origin, with its query and fragment, ready to be sent.
///
/// It always starts with one `/`. A scheme, a host, `//`, `/\` and control characters are
/// refused, so neither `javascript:` nor another site can hide in it. Characters that may not
/// stand in a URL are percent-encoded; what is encoded already stays as it is.
///
/// ```
/// use acton_htmx::LocalUrl;
///
/// assert_eq!(LocalUrl::parse("/é x")?.as_str(), "/%C3%A9%20x");
/// assert!(LocalUrl::parse("//evil.example").is_err());
/// # Ok::<(), acton_htmx::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct LocalUrl(String);

impl LocalUrl {
    /// Checks and encodes a path.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignUrl`] when the text is not a path on this origin.
    pub fn parse(url: &str) -> Result<Self, Error> {
        if is_local(url) {
            Ok(Self(utf8_percent_encode(url, UNSAFE).to_string()))
        } else {
            Err(Error::ForeignUrl(url.to_owned()))
        }
    }

    /// The encoded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&LocalUrl> for HeaderValue {
    fn from(url: &LocalUrl) -> Self {
        Self::from_str(&url.0).expect("percent-encoded text is visible ASCII")
    }
}

impl FromStr for LocalUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        Self::parse(url)
    }
}

impl<'de> Deserialize<'de> for LocalUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl fmt::Display for LocalUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for LocalUrl {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Browsers read `\` as `/` and drop tabs and newlines, so both are looked for everywhere.
fn is_local(url: &str) -> bool {
    let mut bytes = url.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && !url.chars().any(char::is_control)
        && !resolves_to_two_slashes(url)
}

/// Whether a browser makes `//…` of the path, which scripts that fetch it again read as another host: `/.//host`.
///
/// Specification: <https://url.spec.whatwg.org/#double-dot-path-segment>
fn resolves_to_two_slashes(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let mut segments = Vec::new();
    let mut rest = path.split('/').skip(1).peekable();
    while let Some(segment) = rest.next() {
        let dots = segment.to_ascii_lowercase().replace("%2e", ".");
        match dots.as_str() {
            "." => {}
            ".." => drop(segments.pop()),
            _ => {
                segments.push(segment);
                continue;
            }
        }
        // Dots at the end leave a slash there.
        if rest.peek().is_none() {
            segments.push("");
        }
    }
    segments.len() > 1 && segments[0].is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Option<String> {
        LocalUrl::parse(url).ok().map(|url| url.to_string())
    }

    #[test]
    fn a_path_with_query_and_fragment_stays_as_it_is() {
        assert_eq!(
            parse("/a/b?c=1&d=%20#e").as_deref(),
            Some("/a/b?c=1&d=%20#e")
        );
    }

    #[test]
    fn what_may_not_stand_in_a_url_is_encoded_once() {
        assert_eq!(parse("/é x").as_deref(), Some("/%C3%A9%20x"));
        assert_eq!(parse("/%C3%A9%20x").as_deref(), Some("/%C3%A9%20x"));
        assert_eq!(parse(r"/a\b<c>").as_deref(), Some("/a%5Cb%3Cc%3E"));
    }

    #[test]
    fn other_origins_are_refused() {
        for url in [
            "https://evil.example/",
            "//evil.example",
            r"/\evil.example",
            "javascript:alert(1)",
            "data:,x",
            "/.//evil.example",
            "/..//evil.example",
            "/%2E//evil.example/x?y",
            "/a/b/../%2e././/evil.example",
            "/..///..",
            "/.//%2E",
            "/a/..//.?x",
        ] {
            assert_eq!(parse(url), None, "{url}");
        }
        for url in [
            "/a//b",
            "/./a",
            "/a/../b/",
            "/?next=/.//x",
            "/a/..",
            "/.",
            "/a//..",
        ] {
            assert!(parse(url).is_some(), "{url}");
        }
    }

    #[test]
    fn a_path_starts_with_a_slash() {
        for url in ["", "tasks", "?a=1", "#top", " /tasks"] {
            assert_eq!(parse(url), None, "{url}");
        }
    }

    #[test]
    fn characters_that_browsers_drop_are_refused() {
        for url in ["/\t/evil.example", "/a\nb", "/a\rb", "/a\0", "/\u{85}"] {
            assert_eq!(parse(url), None, "{url:?}");
        }
    }

    #[test]
    fn a_field_of_a_form_is_checked_as_it_is_read() {
        assert!(serde_json::from_str::<LocalUrl>(r#""//evil.example""#).is_err());
        let next: LocalUrl = serde_json::from_str(r#""/tasks""#).unwrap();
        assert_eq!(next.as_str(), "/tasks");
    }
}
