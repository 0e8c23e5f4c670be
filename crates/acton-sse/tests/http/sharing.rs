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
