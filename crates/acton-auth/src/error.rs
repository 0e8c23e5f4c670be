use std::time::Duration;

use axum_core::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};

/// Why a proof was not accepted, or could not be checked.
///
/// As an answer it is a status with the headers that belong to it, and a sentence without detail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The new password is too short: 422.
    #[error("the password must be at least {min_bytes} bytes long")]
    PasswordTooShort {
        /// The shortest length that is accepted.
        min_bytes: usize,
    },
    /// The new password is too long: 422. Nothing is ever cut off.
    #[error("the password must be at most {max_bytes} bytes long")]
    PasswordTooLong {
        /// The longest length that is accepted.
        max_bytes: usize,
    },
    /// Too many people are logging in at this moment: 503 with `Retry-After`.
    #[error("too many logins at this moment")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many failures for this account or from this address: 429 with `Retry-After`.
    #[error("too many failed attempts")]
    Throttled {
        /// When to try again.
        retry_after: Duration,
    },
    /// The request carries no bearer token: 401 with `WWW-Authenticate: Bearer`.
    #[error("a bearer token is required")]
    TokenMissing,
    /// The bearer token is malformed, expired or not ours: 401 with `error="invalid_token"`.
    ///
    /// The cause is for the log: an answer that told it would help whoever forges tokens.
    #[error("the bearer token is not valid")]
    TokenInvalid(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// A setting is missing or unusable: 500.
    #[error("{key}: {reason}")]
    Config {
        /// The setting, as written in the configuration: `jwt.secret`.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Hashing or signing failed, for example because memory ran out: 500.
    #[error("cryptography failed")]
    Crypto(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::PasswordTooShort { .. } | Self::PasswordTooLong { .. } => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TokenMissing | Self::TokenInvalid(_) => StatusCode::UNAUTHORIZED,
            Self::Config { .. } | Self::Crypto(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What `Retry-After` says: whole seconds, rounded up, at least one.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Busy { retry_after } | Self::Throttled { retry_after } => {
                let begun = u64::from(retry_after.subsec_nanos() > 0);
                Some(retry_after.as_secs().saturating_add(begun).max(1))
            }
            _ => None,
        }
    }

    /// The challenge of a 401.
    ///
    /// Reference: <https://www.rfc-editor.org/rfc/rfc6750#section-3>
    pub(crate) fn challenge(&self) -> Option<HeaderValue> {
        match self {
            Self::TokenMissing => Some(HeaderValue::from_static("Bearer")),
            Self::TokenInvalid(_) => {
                Some(HeaderValue::from_static(r#"Bearer error="invalid_token""#))
            }
            _ => None,
        }
    }

    /// The answer without a body.
    pub(crate) fn head<B: Default>(&self) -> http::Response<B> {
        let mut response = http::Response::new(B::default());
        *response.status_mut() = self.status();
        if let Some(seconds) = self.retry_after_seconds() {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = self.challenge() {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (parts, ()) = self.head::<()>().into_parts();
        let text = match parts.status {
            StatusCode::INTERNAL_SERVER_ERROR => {
                tracing::error!(
                    error = &self as &dyn std::error::Error,
                    "authentication failed"
                );
                "internal server error".to_owned()
            }
            _ => self.to_string(),
        };
        (parts.status, parts.headers, text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        let seconds = |millis| {
            let retry_after = Duration::from_millis(millis);
            Error::Throttled { retry_after }.retry_after_seconds()
        };
        assert_eq!(
            [seconds(0), seconds(1), seconds(1000), seconds(1001)],
            [Some(1), Some(1), Some(1), Some(2)]
        );
    }

    #[test]
    fn a_failure_inside_tells_the_browser_nothing() {
        let response = Error::Config {
            key: "jwt.secret",
            reason: "SECRET".into(),
        }
        .into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
