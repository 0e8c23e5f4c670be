//! What goes wrong in real life: slow handlers, panics, large bodies.

use std::time::Duration;

use acton_service::prelude::*;
use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Deserialize;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/slow", get(slow))
        .route("/panic", get(panic_where))
        .route("/stream-panic", get(stream_panic))
        .route("/echo", post(echo))
}

#[derive(Deserialize)]
struct Slow {
    ms: u64,
}

async fn slow(Query(slow): Query<Slow>) -> &'static str {
    tokio::time::sleep(Duration::from_millis(slow.ms.min(60_000))).await;
    "done"
}

#[derive(Deserialize)]
struct Where {
    r#where: Option<String>,
}

/// Panics while the request is read, if the request asks for it.
struct PanicsInExtractor;

impl<S: Send + Sync> FromRequestParts<S> for PanicsInExtractor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        if parts.uri.query() == Some("where=extractor") {
            panic!("SECRET in an extractor");
        }
        Ok(Self)
    }
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("SECRET in a drop");
    }
}

async fn panic_where(_: PanicsInExtractor, Query(place): Query<Where>) -> &'static str {
    match place.r#where.as_deref() {
        Some("drop") => drop(PanicsInDrop),
        Some("task") => {
            let task = tokio::spawn(async { panic!("SECRET in a task") });
            let () = task.await.expect("SECRET came from a task");
        }
        _ => panic!("SECRET in a handler"),
    }
    "unreachable"
}

/// Panics after the head of the answer was sent.
async fn stream_panic() -> Body {
    let chunks = stream::iter(0..2).map(|number| match number {
        0 => Ok::<_, Infallible>(Bytes::from_static(b"first")),
        _ => panic!("SECRET in a stream"),
    });
    Body::from_stream(chunks)
}

async fn echo(body: Bytes) -> Bytes {
    body
}
