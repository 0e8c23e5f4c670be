//! Event streams.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::browser::Browser;
use crate::event_stream::EventStream;
use crate::fixture::Fixture;

/// Long enough for a busy machine.
const SOON: Duration = Duration::from_secs(20);

async fn publish(browser: &Browser, topic: &str, data: &str) -> String {
    let answer = browser
        .post("/t/sse/publish")
        .json(&json!({"topic": topic, "data": data}))
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_stream_starts_at_once_and_stays_alive() {
    let fixture = Fixture::with(&[("ACTON_SSE__KEEP_ALIVE", "300ms")]);
    let browser = fixture.browser();
    let opened = tokio::time::timeout(
        Duration::from_secs(1),
        EventStream::open(browser.get("/t/sse?topic=a")),
    );
    let mut stream = opened.await.expect("the head arrives within a second");
    let header = |name: &str| stream.head.headers[name].to_str().unwrap().to_owned();
    assert_eq!(stream.head.status, 200);
    assert!(header("content-type").starts_with("text/event-stream"));
    assert!(
        header("cache-control").contains("no-cache")
            && header("cache-control").contains("no-transform")
    );
    assert_eq!(header("x-accel-buffering"), "no");
    let begun = Instant::now();
    while stream.comments < 4 {
        let silence = stream.next_within(Duration::from_millis(300)).await;
        assert_eq!(silence, None);
        assert!(begun.elapsed() < SOON, "{} comments", stream.comments);
    }
}

#[tokio::test]
async fn a_topic_reaches_its_subscribers_in_order() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    let mut one = EventStream::open(browser.get("/events?topic=t")).await;
    let mut two = EventStream::open(browser.get("/events?topic=t")).await;
    let mut other = EventStream::open(browser.get("/events?topic=u")).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(publish(&browser, "t", &number.to_string()).await);
    }
    for stream in [&mut one, &mut two] {
        let events = stream.take(5).await;
        let data: Vec<&str> = events.iter().map(|event| event.data.as_str()).collect();
        assert_eq!(data, ["0", "1", "2", "3", "4"]);
        assert!(events.iter().map(|event| &event.id).eq(&ids));
    }
    assert_eq!(other.next_within(Duration::from_millis(300)).await, None);
}

#[tokio::test]
async fn any_text_survives() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    let mut stream = EventStream::open(browser.get("/t/sse?topic=a")).await;
    let long = "ü".repeat(32_768);
    for (sent, read) in [
        ("a\nb", "a\nb"),
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\nb"),
        (" leading", " leading"),
        ("", ""),
        ("\n", "\n"),
        (&long, &long),
        ("😀: event: id:", "😀: event: id:"),
    ] {
        publish(&browser, "a", sent).await;
        assert_eq!(stream.next().await.expect("an event").data, read);
    }
}

#[tokio::test]
async fn a_reconnect_gets_exactly_what_it_missed() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    let mut ids = Vec::new();
    let mut first = EventStream::open(browser.get("/t/sse?topic=a")).await;
    for number in 0..6 {
        ids.push(publish(&browser, "a", &number.to_string()).await);
    }
    first.take(6).await;
    drop(first);
    let by_header = browser
        .get("/t/sse?topic=a")
        .header("Last-Event-ID", &ids[2]);
    let by_query = browser.get(&format!("/t/sse?topic=a&last-event-id={}", ids[2]));
    let both = browser
        .get(&format!("/t/sse?topic=a&last-event-id={}", ids[0]))
        .header("Last-Event-ID", &ids[2]);
    let mut streams = Vec::new();
    for request in [by_header, by_query, both] {
        streams.push(EventStream::open(request).await);
    }
    publish(&browser, "a", "live").await;
    for mut stream in streams {
        let data: Vec<String> = stream
            .take(4)
            .await
            .into_iter()
            .map(|event| event.data)
            .collect();
        assert_eq!(data, ["3", "4", "5", "live"]);
        assert_eq!(stream.next_within(Duration::from_millis(200)).await, None);
    }
}

#[tokio::test]
async fn a_private_topic_is_private() {
    let fixture = Fixture::start();
    let (anonymous, alice, bob) = (fixture.browser(), fixture.browser(), fixture.browser());
    alice.log_in("alice").await;
    bob.log_in("bob").await;
    for browser in [&anonymous, &alice] {
        let answer = browser.get("/events?topic=user:bob").open().await;
        assert!(
            [401, 403].contains(&answer.status().as_u16()),
            "{}",
            answer.status()
        );
    }
    let mut stream = EventStream::open(bob.get("/events?topic=user:bob")).await;
    publish(&anonymous, "user:bob", "secret").await;
    assert_eq!(stream.next().await.expect("an event").data, "secret");
}

#[tokio::test]
async fn an_unknown_cursor_is_answered_with_one_explicit_gap() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    publish(&browser, "a", "0").await;
    for cursor in [
        "0-1",
        "zzzzzzzz-99",
        "not a cursor",
        "%00",
        "99999999999999999999999-1",
    ] {
        let path = format!(
            "/t/sse?topic=a&last-event-id={}",
            crate::browser::encode(cursor)
        );
        let mut stream = EventStream::open(browser.get(&path)).await;
        assert_eq!(stream.head.status, 200, "{cursor}");
        let event = stream.next().await.expect("a gap");
        assert_ne!(event.data, "0", "{cursor}: {event:?}");
    }
}

#[tokio::test]
async fn a_closed_topic_has_no_subscribers() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    let mut stream = EventStream::open(browser.get("/t/sse?topic=a")).await;
    assert_eq!(
        browser.get("/t/sse/stats").send().await.json()["subscribers"],
        1
    );
    browser
        .post("/t/sse/close")
        .json(&json!({"topic": "a"}))
        .send()
        .await;
    while stream.next().await.is_some() {}
    for _ in 0..50 {
        if browser.get("/t/sse/stats").send().await.json()["subscribers"] == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the subscriber is still counted");
}
