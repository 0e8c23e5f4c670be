//! What connections have in common.

use acton_sse::prelude::*;
use axum::{body::Body, response::IntoResponse};
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::BodyExt;

fn open(broadcaster: &SseBroadcaster) -> Body {
    let stream = broadcaster.stream("t", LastEventId(None));
    let mut body = stream.into_response().into_body();
    assert!(next(&mut body).starts_with(b": \nretry: "));
    body
}

fn next(body: &mut Body) -> Bytes {
    let frame = body.frame().now_or_never().flatten();
    let frame = frame.expect("bytes at once").expect("never fails");
    frame.into_data().expect("data")
}

#[tokio::test]
async fn a_message_is_encoded_once_whatever_the_number_of_connections() {
    let broadcaster = SseBroadcaster::new();
    let mut bodies: Vec<_> = (0..100).map(|_| open(&broadcaster)).collect();
    for text in ["one", "two\r\nlines", ""] {
        broadcaster.publish("t", text);
        let sent: Vec<_> = bodies.iter_mut().map(next).collect();
        let first = sent[0].as_ptr();
        assert!(sent.iter().all(|bytes| bytes.as_ptr() == first), "{text}");
    }
}

#[tokio::test]
async fn connections_that_come_back_share_what_is_large() {
    let broadcaster = SseBroadcaster::new();
    let start = broadcaster.cursor();
    let large = "x".repeat(100_000);
    broadcaster.publish("t", large.as_str());
    let own = BroadcastMessage::new(large.as_str())
        .with_id("own")
        .unwrap();
    broadcaster.publish("t", own);
    broadcaster.publish("t", "small");
    let sent: Vec<Vec<_>> = (0..3)
        .map(|_| {
            let stream = broadcaster.stream("t", LastEventId(Some(start.clone())));
            let mut body = stream.into_response().into_body();
            (0..4).map(|_| next(&mut body)).collect()
        })
        .collect();
    assert!(sent[0][0].starts_with(b": \nretry: "));
    for part in [1, 2] {
        let first = &sent[0][part];
        assert!(first.len() > large.len());
        assert!(
            sent.iter()
                .all(|parts| parts[part].as_ptr() == first.as_ptr())
        );
    }
    assert!(sent[0][3].ends_with(b"data: small\n\n"));
}
