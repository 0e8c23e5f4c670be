//! What holds on two nodes and when Redis fails.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::event_stream::EventStream;
use crate::fixture::Fixture;
use crate::redis::Redis;

fn node(redis: &Redis) -> Fixture {
    Fixture::with(&[
        ("ACTON_SESSION__STORAGE", "redis"),
        ("ACTON_SSE__BACKPLANE", "redis"),
        ("ACTON_REDIS__URL", &redis.url()),
    ])
}

#[tokio::test]
async fn a_public_page_costs_no_store_command() {
    let Some(redis) = Redis::start() else { return };
    let fixture = node(&redis);
    let browser = fixture.browser();
    browser.log_in("alice").await;
    let mut monitor = redis.monitor();
    monitor.commands();
    for visitor in [&fixture.browser(), &browser] {
        assert_eq!(visitor.get("/").send().await.status, 200);
    }
    let commands: Vec<String> = monitor
        .commands()
        .into_iter()
        .filter(|line| line.contains("acton:session") || line.contains("acton:user"))
        .collect();
    assert!(commands.is_empty(), "{commands:?}");
    browser.get("/session/get?k=a").send().await;
    let commands: Vec<String> = monitor
        .commands()
        .into_iter()
        .filter(|line| line.contains("session"))
        .collect();
    assert_eq!(commands.len(), 1, "{commands:?}");
}

#[tokio::test]
async fn two_nodes_share_sessions() {
    let Some(redis) = Redis::start() else { return };
    let (a, b) = (node(&redis), node(&redis));
    let on_a = a.browser();
    on_a.log_in("alice").await;
    on_a.post("/session/set")
        .form(&[("k", "x"), ("v", "1")])
        .send()
        .await;
    let on_b = on_a.cloned_to(&b.origin());
    assert_eq!(on_b.get("/session/get?k=x").send().await.text(), "1");
    let token = on_b.csrf_token().await;
    let logout = on_b
        .post("/logout")
        .form(&[("csrf_token", &token)])
        .send()
        .await;
    assert!(logout.status < 400, "{}", logout.text());
    assert_eq!(on_a.user().await, None);
}

#[tokio::test]
async fn a_publication_reaches_the_other_node_once() {
    let Some(redis) = Redis::start() else { return };
    let (a, b) = (node(&redis), node(&redis));
    let (on_a, on_b) = (a.browser(), b.browser());
    wait_for_ready(&a, 200).await;
    wait_for_ready(&b, 200).await;
    let mut stream = EventStream::open(on_b.get("/t/sse?topic=t")).await;
    let mut fastest = Duration::MAX;
    // One of some: on a machine that is busy any single one may wait for the processor.
    for number in 0..10 {
        let text = format!("across {number}");
        let start = Instant::now();
        on_a.post("/t/sse/publish")
            .json(&json!({"topic": "t", "data": text}))
            .send()
            .await;
        assert_eq!(stream.next().await.expect("an event").data, text);
        fastest = fastest.min(start.elapsed());
    }
    assert!(fastest < Duration::from_millis(500), "{fastest:?}");
    assert_eq!(stream.next_within(Duration::from_millis(400)).await, None);
}

#[tokio::test]
async fn readiness_follows_redis() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let fixture = node(&redis);
    let browser = fixture.browser();
    browser.log_in("alice").await;
    wait_for_ready(&fixture, 200).await;

    redis.kill();
    wait_for_ready(&fixture, 503).await;
    assert_eq!(browser.get("/health").send().await.status, 200);
    assert_eq!(browser.get("/").send().await.status, 200);
    let start = Instant::now();
    let down = browser.get("/session/get?k=a").send().await;
    assert_eq!(down.status, 503, "{}", down.text());
    assert!(down.header("retry-after").is_some());
    assert!(down.all("set-cookie").is_empty());
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );

    redis.start_again();
    wait_for_ready(&fixture, 200).await;
    assert_eq!(browser.get("/session/get?k=a").send().await.status, 200);
}

async fn wait_for_ready(fixture: &Fixture, status: u16) {
    wait_for_ready_within(Duration::from_secs(5), fixture, status).await;
}

pub(crate) async fn wait_for_ready_within(limit: Duration, fixture: &Fixture, status: u16) {
    let start = Instant::now();
    loop {
        let answer = fixture.browser().get("/ready").send().await;
        assert!(!answer.text().contains("redis://"), "{}", answer.text());
        if answer.status == status {
            return;
        }
        assert!(
            start.elapsed() < limit,
            "/ready is {status} within {limit:?}: {}",
            answer.text()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
