//! The handler of the first page: axum's own `Sse` over a subscription.

use std::{convert::Infallible, sync::Arc};

use acton_sse::prelude::*;
use axum::{Extension, Router, body::Body, http::Request, routing::get};
use futures_util::stream::{self, Stream};
use http_body_util::BodyExt;
use tower::ServiceExt;

async fn events(
    Extension(broadcaster): Extension<Arc<SseBroadcaster>>,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    let rx = broadcaster.subscribe();

    let stream = stream::unfold(rx, |mut rx| async move {
        match rx.recv().await {
            Ok(msg) => Some((Ok(msg.into_event()), rx)),
            Err(_) => None,
        }
    });

    Sse::new(stream).keep_alive(KeepAlive::default())
}

async fn body_after(act: impl FnOnce(&SseBroadcaster)) -> String {
    let broadcaster = Arc::new(SseBroadcaster::new());
    let app = Router::new()
        .route("/events", get(events))
        .layer(Extension(Arc::clone(&broadcaster)));
    let request = Request::get("/events")
        .body(Body::empty())
        .expect("request");
    let response = app.oneshot(request).await.expect("infallible");
    act(&broadcaster);
    broadcaster.shutdown();
    let bytes = response
        .into_body()
        .collect()
        .await
        .expect("whole body")
        .to_bytes();
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[tokio::test]
async fn messages_arrive_in_order_with_ids() {
    let body = body_after(|broadcaster| {
        broadcaster.broadcast("one");
        broadcaster.broadcast(BroadcastMessage::named("news", "two").unwrap());
    })
    .await;
    let lines: Vec<_> = body
        .lines()
        .filter(|line| !line.starts_with("id: "))
        .collect();
    assert_eq!(lines, ["data: one", "", "event: news", "data: two", ""]);
    assert_eq!(body.matches("id: ").count(), 2);
}

#[tokio::test]
async fn a_subscriber_that_falls_behind_gets_one_gap_and_goes_on() {
    let body = body_after(|broadcaster| {
        for number in 0..5000 {
            broadcaster.broadcast(number.to_string());
        }
    })
    .await;
    assert_eq!(body.matches("event: gap").count(), 1);
    let numbers = body
        .lines()
        .filter_map(|line| line.strip_prefix("data: ")?.parse::<u32>().ok());
    assert!(numbers.eq(4000..5000));
}

#[tokio::test]
async fn no_text_makes_it_panic() {
    let body = body_after(|broadcaster| {
        for data in ["", "\n", "\r", "\0", "a\r\nb\rc", "\u{feff}", "data: x"] {
            broadcaster.broadcast(data);
        }
    })
    .await;
    assert!(!body.contains('\r'));
}
