//! What becomes of an event stream whose session has ended.

use std::time::Duration;

use crate::browser::{Browser, Request};
use crate::event_stream::EventStream;
use crate::fixture::Fixture;
use crate::redis::Redis;
use crate::security_redis::wait_for_ready_within;

/// Another node asks every ten seconds whether a session goes on, and a machine may be busy.
const SOON: Duration = Duration::from_secs(20);

/// How long a node may take to be ready, on a machine that is busy too.
const READY: Duration = Duration::from_secs(20);

/// As the browser's own EventSource asks, which htmx 2 uses.
fn by_event_source(browser: &Browser) -> Request<'_> {
    browser
        .get("/t/sse/private?topic=user:alice")
        .header("Accept", "text/event-stream")
}

/// As htmx 4 asks.
fn by_htmx4(browser: &Browser) -> Request<'_> {
    browser
        .get("/t/sse/private?topic=user:alice")
        .htmx4()
        .header("Accept", "text/html, text/event-stream")
}

async fn log_out(browser: &Browser) {
    let token = browser.csrf_token().await;
    let answer = browser.post("/logout").form(&[("csrf_token", &token)]);
    let answer = answer.send().await;
    assert!(answer.status < 400, "{}", answer.text());
}

/// The stream says `close`, after which a page with `sse-close` does not come back, and ends.
async fn ends_soon(stream: &mut EventStream) {
    let event = stream.next_within(SOON).await;
    assert_eq!(event.expect("a close event in time").kind, "close");
    assert_eq!(stream.next_within(Duration::from_secs(5)).await, None);
}

/// Neither major goes on at full speed: EventSource gives up on any status but 200, and its extension backs off;
/// htmx 4 backs off at 401, and would hammer at 204 or at a login page that is answered 200.
async fn is_refused(browser: &Browser, last_event_id: &str) {
    for request in [by_event_source(browser), by_htmx4(browser)] {
        let answer = request.header("Last-Event-ID", last_event_id).send().await;
        assert_eq!(answer.status, 401, "{}", answer.text());
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(!kind.starts_with("text/event-stream"), "{kind}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_the_reconnect_is_refused() {
    let fixture = Fixture::start();
    let alice = fixture.browser();
    alice.log_in("alice").await;
    let mut streams = [
        EventStream::open(by_event_source(&alice)).await,
        EventStream::open(by_htmx4(&alice)).await,
    ];
    let session = alice.cloned_to(&fixture.origin());
    let id = publish(&alice, "before").await;
    for stream in &mut streams {
        assert_eq!(stream.next().await.expect("an event").data, "before");
    }
    log_out(&alice).await;
    for stream in &mut streams {
        ends_soon(stream).await;
    }
    publish(&fixture.browser(), "after").await;
    // With the cookie that it had, as with the one that it has.
    is_refused(&session, &id).await;
    is_refused(&alice, &id).await;
}

#[tokio::test]
async fn a_stream_ends_with_a_session_that_another_node_revokes() {
    let Some(redis) = Redis::start() else { return };
    let node = || {
        Fixture::with(&[
            ("ACTON_SESSION__STORAGE", "redis"),
            ("ACTON_SSE__BACKPLANE", "redis"),
            ("ACTON_REDIS__URL", &redis.url()),
        ])
    };
    let (a, b) = (node(), node());
    wait_for_ready_within(READY, &a, 200).await;
    wait_for_ready_within(READY, &b, 200).await;
    let on_a = a.browser();
    on_a.log_in("alice").await;
    let mut streams = [
        EventStream::open(by_event_source(&on_a)).await,
        EventStream::open(by_htmx4(&on_a)).await,
    ];
    let id = publish(&on_a, "before").await;
    for stream in &mut streams {
        assert_eq!(stream.next().await.expect("an event").data, "before");
    }
    log_out(&on_a.cloned_to(&b.origin())).await;
    for stream in &mut streams {
        ends_soon(stream).await;
    }
    is_refused(&on_a, &id).await;
    is_refused(&on_a.cloned_to(&b.origin()), &id).await;
}

async fn publish(browser: &Browser, data: &str) -> String {
    let message = serde_json::json!({"topic": "user:alice", "data": data});
    let answer = browser.post("/t/sse/publish").json(&message).send().await;
    answer.json()["id"].as_str().unwrap().to_owned()
}
