//! Why a service could not start, stop or answer.

use std::{fmt, io};

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::config::ConfigError;

/// Why a service could not start, stop or answer.
///
/// Returned from a handler it becomes a bare `500 Internal Server Error` (or the status its variant stands for);
/// the cause goes to the log, and the service turns the bare status into a page, a fragment or JSON.
///
/// `Debug` prints the sentence and its causes, because that is what `main` shows when it returns an error.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is wrong; the sentence names key and source.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The routes cannot be served together.
    #[error("{0}")]
    Routes(String),
    /// The address could not be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address as configured.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A session could not be used.
    #[cfg(feature = "session")]
    #[error(transparent)]
    Session(#[from] crate::session::Error),
    /// A password was refused, a login throttled, a token not accepted, or the settings for that are unusable.
    #[cfg(any(feature = "auth", feature = "jwt"))]
    #[error(transparent)]
    Auth(#[from] crate::auth::Error),
    /// A value cannot be sent to htmx.
    #[cfg(feature = "htmx")]
    #[error(transparent)]
    Htmx(#[from] crate::htmx::Error),
    /// A message cannot be sent, or the streams are closed.
    #[cfg(feature = "sse")]
    #[error(transparent)]
    Sse(#[from] crate::sse::Error),
    /// A template could not be rendered.
    #[cfg(feature = "askama")]
    #[error("a template could not be rendered")]
    Template(#[from] crate::askama::Error),
    /// The database refused.
    #[cfg(any(feature = "database", feature = "sqlite"))]
    #[error("the database could not be used")]
    Database(#[from] sqlx::Error),
    /// The database could not be brought to the current schema.
    #[cfg(any(feature = "database", feature = "sqlite"))]
    #[error("the database migrations could not be run")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The Turso database refused.
    #[cfg(feature = "turso")]
    #[error("the Turso database could not be used")]
    Turso(#[from] turso::Error),
    /// Every connection of a pool is in use: 503.
    #[cfg(feature = "turso")]
    #[error("all database connections are in use")]
    Busy,
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Anything else; made by [`Error::other`] or by `?` on a boxed error.
    #[error(transparent)]
    Other(#[from] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Wraps any error, for `.map_err(Error::other)?`.
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }

    fn status(&self) -> StatusCode {
        match self {
            #[cfg(any(feature = "database", feature = "sqlite"))]
            Self::Database(sqlx::Error::RowNotFound) => StatusCode::NOT_FOUND,
            #[cfg(any(feature = "database", feature = "sqlite"))]
            Self::Database(sqlx::Error::PoolClosed) => StatusCode::SERVICE_UNAVAILABLE,
            #[cfg(any(feature = "database", feature = "sqlite"))]
            Self::Database(error) if crate::database::may_pass(error) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            #[cfg(feature = "turso")]
            Self::Turso(turso::Error::QueryReturnedNoRows) => StatusCode::NOT_FOUND,
            #[cfg(feature = "turso")]
            Self::Turso(error) if crate::turso_pool::may_pass(error) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            #[cfg(feature = "turso")]
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

#[cfg(feature = "session")]
impl From<crate::session::tower_sessions::session::Error> for Error {
    fn from(error: crate::session::tower_sessions::session::Error) -> Self {
        Self::Session(error.into())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Causes(self), formatter)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        #[cfg(feature = "session")]
        if let Self::Session(error) = self {
            return error.into_response();
        }
        #[cfg(any(feature = "auth", feature = "jwt"))]
        if let Self::Auth(error) = self {
            return error.into_response();
        }
        #[cfg(feature = "htmx")]
        if let Self::Htmx(error) = self {
            return error.into_response();
        }
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = %Causes(&self), "request failed");
        }
        status.into_response()
    }
}

/// An error and everything that caused it, in one line.
pub(crate) struct Causes<'a>(pub(crate) &'a dyn std::error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_the_sentence_and_its_causes() {
        let error = Error::Listen {
            address: "127.0.0.1:80".to_owned(),
            source: io::Error::other("permission denied"),
        };
        assert_eq!(
            format!("{error:?}"),
            "cannot listen on 127.0.0.1:80: permission denied"
        );
    }

    #[test]
    fn a_browser_sees_the_bare_status() {
        let response = Error::other("password=hunter2").into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!response.headers().contains_key("content-type"));
    }
}
