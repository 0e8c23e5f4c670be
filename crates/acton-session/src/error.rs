use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::error::Category;
use tower_sessions::{session, session_store};

/// Why a session could not be used.
///
/// As an answer: the status of [`Error::status`], a sentence for people, and the error itself as a response
/// extension, so that whoever renders error pages can tell what happened.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store did not answer in time, or refused. The answer is 503 with `Retry-After`.
    ///
    /// The text is for the log; the browser does not get it.
    #[error("session store unavailable: {0}")]
    Unavailable(String),
    /// So many requests wrote to one session at once that this one gave up. The answer is 503 with `Retry-After`.
    #[error("session contended")]
    Contended,
    /// A value cannot be written as JSON, or is not what was asked for. The answer is 500.
    ///
    /// What is wrong is said in a few words, since the text of serde quotes the value.
    #[error("session value cannot be used: {0}")]
    Value(&'static str),
    /// The route is not inside a [`SessionLayer`](crate::SessionLayer). The answer is 500.
    #[error("no session layer around this route")]
    MissingLayer,
    /// The request changes something and did not prove that it comes from a page of this application. 403.
    #[error("{0}")]
    Csrf(#[from] CsrfError),
    /// Nobody is logged in. 401, or the way to the login page.
    #[error("login required")]
    LoginRequired,
    /// Whoever is logged in may not do this. 403.
    #[error("not allowed")]
    Forbidden,
}

/// Why a request was taken for a forgery.
///
/// Reference: <https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrfError {
    /// `Origin` names another site.
    #[error("the request comes from another origin")]
    Origin,
    /// `Sec-Fetch-Site` says that another site sent the request.
    #[error("the request comes from another site")]
    Site,
    /// Neither the header nor the form field holds a token.
    #[error("the security token is missing")]
    Missing,
    /// The token is not one of this session.
    #[error("the security token is not valid any more")]
    Invalid,
}

impl Error {
    /// The status that fits.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unavailable(_) | Self::Contended => StatusCode::SERVICE_UNAVAILABLE,
            Self::Value(_) | Self::MissingLayer => StatusCode::INTERNAL_SERVER_ERROR,
            Self::LoginRequired => StatusCode::UNAUTHORIZED,
            Self::Csrf(_) | Self::Forbidden => StatusCode::FORBIDDEN,
        }
    }

    pub(crate) fn of_value(error: &serde_json::Error) -> Self {
        Self::Value(kind(error))
    }

    /// What a person reads.
    fn sentence(&self) -> &'static str {
        match self {
            Self::Unavailable(_) | Self::Contended => {
                "The service is busy for a moment. Please try again."
            }
            Self::Value(_) | Self::MissingLayer => "Something went wrong on our side.",
            Self::Csrf(_) => {
                "This page has expired or the request came from elsewhere. Please reload the page and try again."
            }
            Self::LoginRequired => "Please log in.",
            Self::Forbidden => "You may not do this.",
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.sentence()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status().is_server_error() {
            tracing::error!(error = %self, "session not usable");
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<session::Error> for Error {
    fn from(error: session::Error) -> Self {
        match error {
            session::Error::SerdeJson(error) => Self::of_value(&error),
            session::Error::Store(error) => error.into(),
        }
    }
}

impl From<session_store::Error> for Error {
    fn from(error: session_store::Error) -> Self {
        // What cannot be encoded or decoded is quoted there.
        Self::Unavailable(match error {
            session_store::Error::Encode(_) => "a session cannot be encoded".to_owned(),
            session_store::Error::Decode(_) => "a session cannot be decoded".to_owned(),
            session_store::Error::Backend(text) => text,
        })
    }
}

impl From<Error> for session_store::Error {
    fn from(error: Error) -> Self {
        Self::Backend(match error {
            Error::Unavailable(text) => text,
            error => error.to_string(),
        })
    }
}

/// What is wrong with a value, without the value: the text of serde quotes it.
pub(crate) fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        Category::Io => "not written",
        Category::Syntax => "no JSON",
        Category::Data => "of another type",
        Category::Eof => "incomplete",
    }
}

/// What cannot be configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Browsers refuse `SameSite=None` without `Secure`, and `Secure` needs an `https` origin.
    #[error("session.same_site = \"none\" needs an https public origin")]
    SameSiteNone,
    /// A lifetime of zero ends every session before it begins.
    #[error("session.{0} must be longer than zero")]
    ZeroLifetime(&'static str),
    /// Not `scheme://host[:port]`.
    #[error("{key} is not an origin such as https://example.org: {value:?}")]
    Origin {
        /// The configuration key.
        key: &'static str,
        /// What it says.
        value: String,
    },
    /// Paths begin with one slash.
    #[error("{key} is not a path of this site: {value:?}")]
    Path {
        /// The configuration key.
        key: &'static str,
        /// What it says.
        value: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_store_answers_503_and_says_when_to_try_again() {
        let response = Error::Unavailable("redis://secret".to_owned()).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn what_serde_says_of_a_value_is_left_out() {
        let error = serde_json::from_str::<u32>("\"secret\"").unwrap_err();
        assert!(error.to_string().contains("secret"));
        let text = "invalid type: string \"secret\", expected u32".to_owned();
        for error in [
            session::Error::SerdeJson(error).into(),
            session_store::Error::Encode(text.clone()).into(),
            session_store::Error::Decode(text).into(),
        ] {
            let error: Error = error;
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_a_store_says_is_said_once() {
        let error = session_store::Error::from(Error::Unavailable("no answer".to_owned()));
        assert_eq!(
            Error::from(error).to_string(),
            "session store unavailable: no answer"
        );
    }

    #[test]
    fn an_answer_carries_the_error_for_those_who_render_pages() {
        let response = Error::Csrf(CsrfError::Missing).into_response();
        assert!(matches!(
            response.extensions().get(),
            Some(Error::Csrf(CsrfError::Missing))
        ));
    }
}
