use axum_core::{
    extract::rejection::BytesRejection,
    response::{IntoResponse, Response},
};
use http::StatusCode;

/// Why a request holds no form at all.
///
/// A form that is merely wrong is never rejected: see [`ValidForm::Invalid`](crate::ValidForm::Invalid).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormRejection {
    /// The body is not `application/x-www-form-urlencoded`: 415.
    #[error("expected a form (application/x-www-form-urlencoded)")]
    UnsupportedMediaType,
    /// More fields than anyone types (1000): 413.
    #[error("the form has too many fields")]
    TooManyFields,
    /// A field is not text in UTF-8, which every browser sends from a page in UTF-8: 400. What was
    /// typed could only be guessed.
    #[error("the form is not text in UTF-8")]
    NotUtf8,
    /// The body is larger than the route allows (413), or broke off (400).
    #[error("the form could not be read")]
    Body(#[source] BytesRejection),
}

impl FormRejection {
    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyFields => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotUtf8 => StatusCode::BAD_REQUEST,
            Self::Body(rejection) => rejection.status(),
        }
    }
}

impl IntoResponse for FormRejection {
    fn into_response(self) -> Response {
        (self.status(), self.to_string()).into_response()
    }
}
