//! One id per request, in the log, the answer and the error page.

use std::{
    convert::Infallible,
    fmt,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer foreign ids are replaced, so that they cannot fill the log.
const LONGEST: usize = 64;

/// Names this request in the log, in the answer's `X-Request-Id` and on error pages.
///
/// A proxy's `X-Request-Id` is kept when it is 1 to 64 letters, digits, `-`, `_` or `.`; otherwise a new id is made.
/// Ids are unique, not secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Id);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Id {
    /// Made here; it is copied around and allocates nothing before it is a header.
    Own([u8; OWN]),
    Foreign(HeaderValue),
}

/// Eight digits for the process, eight for the request.
const OWN: usize = 8 + 1 + 8;

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        headers
            .get(X_REQUEST_ID)
            .filter(|value| acceptable(value.as_bytes()))
            .map_or_else(Self::new, |value| Self(Id::Foreign(value.clone())))
    }

    fn new() -> Self {
        static PROCESS: LazyLock<u32> = LazyLock::new(|| getrandom::u32().unwrap_or_default());
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut id = [b'-'; OWN];
        write_hex(u64::from(*PROCESS), &mut id[..8]);
        write_hex(number, &mut id[9..]);
        Self(Id::Own(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Id::Own(id) => id,
            Id::Foreign(value) => value.as_bytes(),
        }
    }

    pub(crate) fn header_value(&self) -> HeaderValue {
        match &self.0 {
            Id::Own(id) => {
                HeaderValue::from_bytes(id).expect("hexadecimal digits are a header value")
            }
            Id::Foreign(value) => value.clone(),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The id the service gave this request; outside a service, the request's own id or a new one.
impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        Ok(known.unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

/// As many hexadecimal digits as there is room for; `format!` would be the slowest thing about an id.
fn write_hex(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

fn acceptable(id: &[u8]) -> bool {
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=LONGEST).contains(&id.len()) && id.iter().all(harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_for(sent: &str) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, sent.parse().unwrap());
        RequestId::of(&headers)
    }

    #[test]
    fn a_harmless_foreign_id_is_kept() {
        assert_eq!(id_for("proxy-1.a_B").as_str(), "proxy-1.a_B");
    }

    #[test]
    fn a_foreign_id_with_markup_is_replaced() {
        assert!(!id_for("evil\"><x").as_str().contains('<'));
    }

    #[test]
    fn an_overlong_foreign_id_is_replaced() {
        assert!(id_for(&"a".repeat(65)).as_str().len() < 65);
    }

    #[test]
    fn hexadecimal_digits_are_written_in_order() {
        let mut digits = [0; 6];
        write_hex(0x0a_bcde, &mut digits);
        assert_eq!(&digits, b"0abcde");
    }

    #[test]
    fn new_ids_differ() {
        assert_ne!(RequestId::new(), RequestId::new());
    }
}
