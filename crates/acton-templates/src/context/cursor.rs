use std::{fmt, sync::Arc};

use http::Extensions;

/// Where live updates stand now, asked by each [`TemplateContext`](super::TemplateContext) when it is extracted.
///
/// `acton-service` puts one into the extensions of every request when the service has a broadcaster. Elsewhere:
///
/// ```
/// use acton_templates::{CursorSource, TemplateContext};
/// use axum::{Extension, Router, response::Html, routing::get};
///
/// # struct Broadcaster;
/// # impl Broadcaster { fn cursor(&self) -> String { "c1-42".into() } }
/// async fn board(ctx: TemplateContext) -> Html<String> {
///     Html(format!(r#"<main hx-ext="sse" sse-connect="/events?last-event-id={}">…</main>"#, ctx.cursor()))
/// }
///
/// let broadcaster = Broadcaster;
/// let app: Router = Router::new()
///     .route("/board", get(board))
///     .layer(Extension(CursorSource::new(move || broadcaster.cursor())));
/// ```
#[derive(Clone)]
pub struct CursorSource(Arc<dyn Fn() -> String + Send + Sync>);

impl CursorSource {
    /// A source that answers with the id after which a stream goes on, in letters, digits, `-` and `.`.
    #[must_use]
    pub fn new(now: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Where the source of a request stands; empty when it has none.
    pub(super) fn now(extensions: &Extensions) -> String {
        let source: Option<&Self> = extensions.get();
        source.map(|source| (source.0)()).unwrap_or_default()
    }
}

impl fmt::Debug for CursorSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CursorSource")
            .finish_non_exhaustive()
    }
}
