//! The request headers, as extractors that cannot fail.
//!
//! Both majors of htmx give the same meaning: a target is the id of the target, whoever asks.

use std::convert::Infallible;

use axum_core::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, Uri, request::Parts};

use crate::{
    consulted::Consulted,
    decode::{self, Element},
    dialect::{self, Htmx, HtmxVersion},
    headers,
    url::LocalUrl,
};

/// Whether htmx sent this request (`HX-Request`).
///
/// The history restore of htmx 4 does not carry the header; see [`Htmx`] for the whole picture.
///
/// Reference: <https://htmx.org/reference/#request_headers>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HxRequest(pub bool);

/// Whether a boosted link or form sent this request (`HX-Boosted`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HxBoosted(pub bool);

/// Whether htmx restores a page that its history no longer holds
/// (`HX-History-Restore-Request`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HxHistoryRestoreRequest(pub bool);

/// The id of the element to be swapped (`HX-Target`); `None` when it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HxTarget(pub Option<String>);

/// The tag of the element to be swapped, in lower case; known from htmx 4 only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HxTargetTag(pub Option<String>);

/// The id of the element that sent the request (`HX-Trigger`, in htmx 4 `HX-Source`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HxTrigger(pub Option<String>);

/// The tag of the element that sent the request (`HX-Source`), in lower case; known from htmx 4
/// only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HxTriggerTag(pub Option<String>);

/// The `name` of the element that sent the request (`HX-Trigger-Name`); htmx 2 only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HxTriggerName(pub Option<String>);

/// What the user answered to `hx-prompt` (`HX-Prompt`); an empty answer is `Some("")`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HxPrompt(pub Option<String>);

/// The version of what is shown (`HX-PTag`), sent by the `hx-ptag` extension of htmx 4.
///
/// It is what an earlier answer named with [`HxResponsePTag`](crate::HxResponsePTag); an answer of 304
/// leaves the target as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HxPTag(pub Option<String>);

/// The URL in the address bar, fragment included (`HX-Current-URL`).
///
/// `None` when the header is missing or is not an absolute `http` or `https` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HxCurrentUrl(pub Option<String>);

/// How much of the answer is used (`HX-Request-Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestType {
    /// The body is replaced, or a part is selected from a page.
    Full,
    /// The answer is the part.
    Partial,
}

/// How much of the answer is used; known from htmx 4, and from htmx 2 under the script of `Head`
/// where it is a whole page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HxRequestType(pub Option<RequestType>);

impl RequestType {
    /// The word in the header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
        }
    }
}

impl HxCurrentUrl {
    /// The path, query and fragment, for coming back later; the origin is left out.
    #[must_use]
    pub fn local(&self) -> Option<LocalUrl> {
        let url = self.0.as_deref()?;
        let (_, after_scheme) = url.split_once("://")?;
        let start = after_scheme
            .find(['/', '?', '#'])
            .unwrap_or(after_scheme.len());
        let path = &after_scheme[start..];
        let local = if path.starts_with('/') {
            LocalUrl::parse(path)
        } else {
            LocalUrl::parse(&format!("/{path}"))
        };
        local.ok()
    }
}

/// An extractor that reads `$headers` with `$read`, and notes what it read.
macro_rules! extractor {
    ($name:ident, [$($header:ident),+], $read:expr) => {
        impl $name {
            /// Reads the request headers, without noting for `Vary` that it did.
            #[must_use]
            pub fn from_headers(headers: &HeaderMap) -> Self {
                let read: fn(&HeaderMap) -> _ = $read;
                Self(read(headers))
            }
        }

        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Infallible;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
                Consulted::mark_in(&parts.extensions, |consulted| {
                    $(consulted.mark(&headers::$header);)+
                });
                Ok(Self::from_headers(&parts.headers))
            }
        }
    };
}

extractor!(HxRequest, [HX_REQUEST], |headers| dialect::is_true(
    headers,
    &headers::HX_REQUEST
));
extractor!(HxBoosted, [HX_BOOSTED], |headers| dialect::is_true(
    headers,
    &headers::HX_BOOSTED
));
extractor!(
    HxHistoryRestoreRequest,
    [HX_HISTORY_RESTORE_REQUEST],
    |headers| { dialect::is_true(headers, &headers::HX_HISTORY_RESTORE_REQUEST) }
);
extractor!(
    HxTarget,
    [HX_TARGET, HX_TARGET_ENCODED, HX_REQUEST_TYPE, HX_SOURCE],
    |headers| {
        if is_v4(headers) {
            Element::of(headers, &headers::HX_TARGET)?.id
        } else {
            decode::text(headers, &headers::HX_TARGET, &headers::HX_TARGET_ENCODED)
        }
    }
);
extractor!(
    HxTargetTag,
    [HX_TARGET, HX_REQUEST_TYPE, HX_SOURCE],
    |headers| {
        is_v4(headers)
            .then(|| Element::of(headers, &headers::HX_TARGET))?
            .map(|element| element.tag)
    }
);
extractor!(
    HxTrigger,
    [HX_TRIGGER, HX_TRIGGER_ENCODED, HX_REQUEST_TYPE, HX_SOURCE],
    |headers| {
        if is_v4(headers) {
            Element::of(headers, &headers::HX_SOURCE)?.id
        } else {
            decode::text(headers, &headers::HX_TRIGGER, &headers::HX_TRIGGER_ENCODED)
        }
    }
);
extractor!(HxTriggerTag, [HX_SOURCE], |headers| {
    Element::of(headers, &headers::HX_SOURCE).map(|element| element.tag)
});
extractor!(
    HxTriggerName,
    [HX_TRIGGER_NAME, HX_TRIGGER_NAME_ENCODED],
    |headers| {
        decode::text(
            headers,
            &headers::HX_TRIGGER_NAME,
            &headers::HX_TRIGGER_NAME_ENCODED,
        )
    }
);
extractor!(
    HxPrompt,
    [HX_PROMPT, HX_PROMPT_ENCODED, HX_REQUEST_TYPE, HX_SOURCE],
    prompt
);
extractor!(HxPTag, [HX_PTAG], |headers| decode::latin1_text(
    headers,
    &headers::HX_PTAG
));
extractor!(
    HxCurrentUrl,
    [HX_CURRENT_URL, HX_CURRENT_URL_ENCODED],
    |headers| {
        decode::text(
            headers,
            &headers::HX_CURRENT_URL,
            &headers::HX_CURRENT_URL_ENCODED,
        )
        .filter(|url| is_absolute(url))
    }
);
extractor!(HxRequestType, [HX_REQUEST_TYPE], |headers| {
    match headers.get(headers::HX_REQUEST_TYPE)?.as_bytes() {
        b"full" => Some(RequestType::Full),
        value if value == dialect::FULL_OF_V2.as_bytes() => Some(RequestType::Full),
        b"partial" => Some(RequestType::Partial),
        _ => None,
    }
});

fn is_v4(headers: &HeaderMap) -> bool {
    Htmx::version_of(headers) == HtmxVersion::V4
}

/// The prompt extension of htmx 4 encodes always and says so nowhere.
fn prompt(headers: &HeaderMap) -> Option<String> {
    const NAME: HeaderName = headers::HX_PROMPT;
    if is_v4(headers) {
        decode::percent_decoded_text(headers, &NAME)
    } else {
        decode::text(headers, &NAME, &headers::HX_PROMPT_ENCODED)
    }
}

fn is_absolute(url: &str) -> bool {
    let without_fragment = url.split('#').next().unwrap_or_default();
    without_fragment.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(url: &str) -> Option<String> {
        HxCurrentUrl(Some(url.to_owned()))
            .local()
            .map(|url| url.to_string())
    }

    #[test]
    fn the_way_back_has_no_origin() {
        assert_eq!(
            local("http://h/t/page?x=1#y").as_deref(),
            Some("/t/page?x=1#y")
        );
        assert_eq!(local("https://h").as_deref(), Some("/"));
        assert_eq!(local("https://h?a").as_deref(), Some("/?a"));
    }

    #[test]
    fn a_path_that_looks_like_a_host_is_no_way_back() {
        assert_eq!(local("http://h//evil.example"), None);
    }

    #[test]
    fn only_http_has_an_address_bar() {
        for url in [
            ":::",
            "",
            "/path",
            "file:///etc",
            "javascript:x",
            "http://",
            "http:",
        ] {
            assert!(!is_absolute(url), "{url}");
        }
        assert!(is_absolute("http://127.0.0.1:1/p?q=%C3%A9#frag%20x"));
    }
}
