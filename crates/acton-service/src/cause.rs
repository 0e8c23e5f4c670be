//! Why a handler failed, where it says so in its answer alone.
//!
//! The browser gets an error page in place of that text, so without a line in the log nobody would ever see it.

use axum::{
    body::{Body, HttpBody, to_bytes},
    response::Response,
};
use futures_util::FutureExt;
use http::{StatusCode, header};

/// More than any reason needs, in bytes.
const LONGEST: usize = 4096;

/// Writes the plain text of an internal error into the log.
///
/// axum's own complaints are such texts, about an `Extension` that is missing for example, and so is what a handler
/// answers as `(StatusCode, String)`.
pub(crate) fn tell(response: Response) -> Response {
    if !is_internal(response.status()) || !is_text(&response) || is_told(&response) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let is_short = |length| (1..=LONGEST as u64).contains(&length);
    if !HttpBody::size_hint(&body).exact().is_some_and(is_short) {
        return Response::from_parts(parts, body);
    }
    // A text of this kind is there at once.
    let Some(Ok(text)) = to_bytes(body, LONGEST).now_or_never() else {
        return Response::from_parts(parts, Body::empty());
    };
    let error = String::from_utf8_lossy(&text);
    let reason = parts.status.canonical_reason().unwrap_or_default();
    if !error.eq_ignore_ascii_case(reason) {
        tracing::error!(?error, "request failed");
    }
    Response::from_parts(parts, Body::from(text))
}

/// A 503 is no failure of the handler, and comes in crowds.
fn is_internal(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE
}

fn is_text(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

/// A session that could not be used has written its own line.
#[cfg(feature = "session")]
fn is_told(response: &Response) -> bool {
    let error: Option<&crate::session::Error> = response.extensions().get();
    error.is_some()
}

#[cfg(not(feature = "session"))]
fn is_told(_: &Response) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::{Arc, Mutex},
    };

    use axum::{Extension, body::Bytes, extract::Request, response::IntoResponse, routing::get};
    use futures_util::stream;
    use tower::ServiceExt;

    use super::*;
    use crate::{Config, ServiceBuilder, VersionedApiBuilder, log::Written};

    /// What the whole service logs as errors while it answers a handler.
    async fn logged<H, T>(handler: H) -> String
    where
        H: axum::handler::Handler<T, ()>,
        T: 'static,
    {
        let log = Written::default();
        let subscriber = log.subscriber(tracing::Level::ERROR);
        let _guard = tracing::subscriber::set_default(subscriber);
        let routes = VersionedApiBuilder::new()
            .with_frontend_routes(|router| router.route("/", get(handler)))
            .build_routes();
        let router = ServiceBuilder::new()
            .with_config(Config::<()>::default())
            .with_routes(routes)
            .build()
            .into_router();
        let request = Request::get("/").body(Body::empty()).unwrap();
        let Ok(_) = router.oneshot(request).await;
        log.text()
    }

    #[tokio::test]
    async fn an_extension_that_is_missing_is_named_in_the_log() {
        let log = logged(|_: Extension<Arc<str>>| async {}).await;
        assert!(log.contains("Missing request extension"), "{log}");
        assert!(log.contains("alloc::sync::Arc<str>"), "{log}");
    }

    #[tokio::test]
    async fn what_a_handler_says_of_its_failure_is_one_line_of_the_log() {
        let failed = (StatusCode::INTERNAL_SERVER_ERROR, "no\nway".to_owned());
        let log = logged(|| async { failed }).await;
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains(r#"request failed error="no\nway""#), "{log}");
    }

    #[tokio::test]
    async fn a_failure_that_says_nothing_or_is_none_adds_no_line() {
        let long = "x".repeat(LONGEST + 1);
        let streamed = stream::iter([Ok::<_, Infallible>(Bytes::from("later"))]);
        for answer in [
            StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            (StatusCode::INTERNAL_SERVER_ERROR, "internal server error").into_response(),
            (StatusCode::INTERNAL_SERVER_ERROR, long).into_response(),
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                Body::from_stream(streamed),
            )
                .into_response(),
            (StatusCode::SERVICE_UNAVAILABLE, "busy").into_response(),
            (StatusCode::BAD_REQUEST, "not a number: secret").into_response(),
            (StatusCode::OK, "fine").into_response(),
        ] {
            let answer = Arc::new(Mutex::new(Some(answer)));
            let taken = move || async move { answer.lock().unwrap().take().unwrap() };
            assert_eq!(logged(taken).await, "");
        }
    }
}
