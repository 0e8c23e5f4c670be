//! Which htmx asked, and what kind of answer it can use.

use std::convert::Infallible;

use axum_core::extract::FromRequestParts;
use http::{Extensions, HeaderMap, HeaderName, request::Parts};
use serde::{Deserialize, Deserializer, de};

use crate::{consulted::Consulted, headers};

/// A major version of htmx.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HtmxVersion {
    /// htmx 2, the default.
    #[default]
    V2,
    /// htmx 4.
    V4,
}

impl HtmxVersion {
    /// The number of the major version.
    #[must_use]
    pub const fn major(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V4 => 4,
        }
    }
}

impl<'de> Deserialize<'de> for HtmxVersion {
    /// Reads `2` or `4`, as a number or as text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let written = match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        match written.as_str() {
            "2" => Ok(Self::V2),
            "4" => Ok(Self::V4),
            other => Err(de::Error::custom(format_args!(
                "htmx version `{other}` is not 2 or 4"
            ))),
        }
    }
}

/// What a request wants to be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wanted {
    /// A whole page: plain navigation, or a request that replaces the body or selects from a page.
    /// htmx 2 says so under the script of `Head`.
    Page,
    /// A part of a page.
    Fragment,
    /// A whole page, fetched by htmx in place of the browser.
    Boosted,
    /// A whole page, fetched because the history cache no longer holds it.
    /// htmx ignores every response header here.
    HistoryRestore,
}

/// Who asked, and for what: every htmx decision of a handler in one small value.
///
/// ```
/// use acton_htmx::{Htmx, Wanted};
///
/// async fn tasks(htmx: Htmx) -> &'static str {
///     if htmx.wants_fragment() { "<li>Milk</li>" } else { "<html>…</html>" }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Htmx {
    /// The version of htmx that asked; `None` for a plain browser or any other client.
    pub version: Option<HtmxVersion>,
    /// The kind of answer that fits.
    pub wanted: Wanted,
}

impl Htmx {
    /// A request that did not come from htmx.
    pub const PLAIN: Self = Self {
        version: None,
        wanted: Wanted::Page,
    };

    /// Reads the request headers.
    ///
    /// The answer then depends on them, so a layer that uses this says so with
    /// [`Htmx::of`] or [`Consulted::mark_htmx`].
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        if !headers::any(headers) {
            return Self::PLAIN;
        }
        let request = is_true(headers, &headers::HX_REQUEST);
        let restore = is_true(headers, &headers::HX_HISTORY_RESTORE_REQUEST);
        if !request && !restore {
            return Self::PLAIN;
        }
        let wanted = match () {
            () if restore => Wanted::HistoryRestore,
            () if is_true(headers, &headers::HX_BOOSTED) => Wanted::Boosted,
            () if is_full(headers) => Wanted::Page,
            () => Wanted::Fragment,
        };
        Self {
            version: Some(Self::version_of(headers)),
            wanted,
        }
    }

    /// Reads the request headers and notes for `Vary` that the answer depends on them.
    #[must_use]
    pub fn of(headers: &HeaderMap, extensions: &Extensions) -> Self {
        Consulted::mark_in(extensions, Consulted::mark_htmx);
        Self::from_headers(headers)
    }

    /// htmx 2 by itself sends neither of these two headers, htmx 4 always sends one of them.
    pub(crate) fn version_of(headers: &HeaderMap) -> HtmxVersion {
        let newer = headers.contains_key(headers::HX_SOURCE)
            || headers
                .get(headers::HX_REQUEST_TYPE)
                .is_some_and(|value| value != FULL_OF_V2);
        if newer {
            HtmxVersion::V4
        } else {
            HtmxVersion::V2
        }
    }

    /// Whether htmx sent the request.
    #[must_use]
    pub const fn is_htmx(self) -> bool {
        self.version.is_some()
    }

    /// Whether a part of a page is wanted.
    #[must_use]
    pub const fn wants_fragment(self) -> bool {
        matches!(self.wanted, Wanted::Fragment)
    }

    /// Whether htmx will act on the response headers: it sent the request, and not to restore
    /// history.
    #[must_use]
    pub const fn obeys_headers(self) -> bool {
        self.is_htmx() && !matches!(self.wanted, Wanted::HistoryRestore)
    }

    /// Whether the answer is swapped into a page that stays: htmx asked, and neither on behalf
    /// of a link nor to restore history.
    #[must_use]
    pub const fn stays_on_page(self) -> bool {
        self.is_htmx() && matches!(self.wanted, Wanted::Fragment | Wanted::Page)
    }
}

impl<S: Sync> FromRequestParts<S> for Htmx {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, &parts.extensions))
    }
}

/// htmx only ever sends `true`; anything else is somebody else's header.
pub(crate) fn is_true(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get(name).is_some_and(|value| value == "true")
}

/// How the script of `Head` says `full` for htmx 2, in which the header is not known.
pub(crate) const FULL_OF_V2: &str = "full;htmx=2";

fn is_full(headers: &HeaderMap) -> bool {
    headers
        .get(headers::HX_REQUEST_TYPE)
        .is_some_and(|value| value == "full" || value == FULL_OF_V2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn htmx(headers: &[(&'static str, &'static str)]) -> Htmx {
        let pairs = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )
        });
        Htmx::from_headers(&pairs.collect())
    }

    fn asked(version: HtmxVersion, wanted: Wanted) -> Htmx {
        Htmx {
            version: Some(version),
            wanted,
        }
    }

    #[test]
    fn only_true_is_htmx() {
        for value in ["false", "1", "", "True"] {
            assert_eq!(htmx(&[("hx-request", value)]), Htmx::PLAIN, "{value}");
        }
        assert_eq!(
            htmx(&[("hx-request", "true")]),
            asked(HtmxVersion::V2, Wanted::Fragment)
        );
    }

    #[test]
    fn boosted_navigation_receives_the_whole_page() {
        let boosted = htmx(&[("hx-request", "true"), ("hx-boosted", "true")]);
        assert_eq!(boosted, asked(HtmxVersion::V2, Wanted::Boosted));
        assert!(!boosted.wants_fragment() && boosted.obeys_headers() && !boosted.stays_on_page());
    }

    #[test]
    fn boosted_alone_is_somebody_elses_header() {
        assert_eq!(htmx(&[("hx-boosted", "true")]), Htmx::PLAIN);
    }

    #[test]
    fn htmx_2_can_want_a_page_as_htmx_4_does() {
        let full = |value| htmx(&[("hx-request", "true"), ("hx-request-type", value)]);
        assert_eq!(full("full;htmx=2"), asked(HtmxVersion::V2, Wanted::Page));
        assert_eq!(full("full"), asked(HtmxVersion::V4, Wanted::Page));
        assert_eq!(full("partial"), asked(HtmxVersion::V4, Wanted::Fragment));
    }

    #[test]
    fn a_history_restore_is_navigation_in_both_dialects() {
        let v2 = htmx(&[
            ("hx-request", "true"),
            ("hx-history-restore-request", "true"),
        ]);
        let v4 = htmx(&[
            ("hx-history-restore-request", "true"),
            ("hx-request-type", "full"),
        ]);
        assert_eq!(v2, asked(HtmxVersion::V2, Wanted::HistoryRestore));
        assert_eq!(v4, asked(HtmxVersion::V4, Wanted::HistoryRestore));
        assert!(!v2.obeys_headers() && !v4.obeys_headers());
    }

    #[test]
    fn htmx_4_says_whether_it_wants_a_page() {
        let request = |kind| htmx(&[("hx-request", "true"), ("hx-request-type", kind)]);
        assert_eq!(request("partial"), asked(HtmxVersion::V4, Wanted::Fragment));
        assert_eq!(request("full"), asked(HtmxVersion::V4, Wanted::Page));
    }

    #[test]
    fn a_version_is_configured_as_number_or_text() {
        let read = |json| serde_json::from_str::<HtmxVersion>(json).ok();
        assert_eq!(read("2"), Some(HtmxVersion::V2));
        assert_eq!(read(r#""4""#), Some(HtmxVersion::V4));
        assert_eq!(read("3"), None);
    }
}
