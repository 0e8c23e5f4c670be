use axum_core::response::{IntoResponse, Response};

/// Why a template did not become an answer.
///
/// As an answer it is a bare 500: the log gets the template and the cause, the browser an error page.
/// It stays one in a tuple with another status, like [`acton_htmx::Error`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The template failed while it was rendered.
    #[error("template {template} failed")]
    Template {
        /// The type of the template.
        template: &'static str,
        /// What Askama says.
        #[source]
        source: askama::Error,
    },
    /// A whole document was to be sent as a fragment, which would put a page into a page.
    #[error("template {template} is a whole document, not a fragment: render one of its blocks")]
    WholeDocument {
        /// The type of the template.
        template: &'static str,
    },
    /// An htmx header or an out-of-band part was refused.
    #[error("htmx part refused")]
    Htmx(#[from] acton_htmx::Error),
    /// The name or the value of a header cannot be sent.
    #[error("not a valid header: {name}")]
    Header {
        /// The name as it was given.
        name: String,
    },
}

impl IntoResponse for RenderError {
    fn into_response(self) -> Response {
        acton_htmx::Error::Render(Box::new(self)).into_response()
    }
}
