//! Streams over real connections.

use std::time::{Duration, Instant};

use acton_sse::{CLOSE_EVENT, GAP_EVENT, SseConfig, prelude::*};

use axum::{Router, routing::get};

use crate::client::{Client, serve, serve_app};

fn quick(change: impl FnOnce(&mut SseConfig)) -> SseBroadcaster {
    let mut config = SseConfig::default();
    change(&mut config);
    SseBroadcaster::from_config(&config)
}

fn publish_numbers(broadcaster: &SseBroadcaster, topic: &str, numbers: std::ops::Range<u32>) {
    for number in numbers {
        broadcaster.publish(topic, number.to_string());
    }
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn the_head_and_first_bytes_come_before_any_event() {
    let address = serve(&SseBroadcaster::new()).await;
    let started = Instant::now();
    let mut client = Client::open(address, "/events?topic=t").await;
    assert!(client.read().await);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(client.head.starts_with("http/1.0 200"));
    for line in [
        "content-type: text/event-stream\r\n",
        "cache-control: no-cache, no-transform\r\n",
        "x-accel-buffering: no\r\n",
    ] {
        assert!(client.head.contains(line), "{line}");
    }
    let first = String::from_utf8(client.raw).unwrap();
    let retry = first
        .lines()
        .find_map(|line| line.strip_prefix("retry: "))
        .unwrap();
    assert!((2000..=5000).contains(&retry.parse().unwrap()), "{first}");
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive_with_comments() {
    let broadcaster = quick(|config| config.keep_alive = Duration::from_millis(30));
    let mut client = Client::open(serve(&broadcaster).await, "/events").await;
    while client.raw.iter().filter(|byte| **byte == b':').count() < 6 {
        assert!(client.read().await);
    }
    assert!(String::from_utf8(client.raw).unwrap().ends_with(": \n\n"));
}

#[tokio::test]
async fn a_topic_reaches_its_readers_in_order_and_nobody_else() {
    let broadcaster = SseBroadcaster::new();
    let address = serve(&broadcaster).await;
    let mut first = Client::open(address, "/events?topic=t").await;
    let mut second = Client::open(address, "/events?topic=t").await;
    let mut other = Client::open(address, "/events?topic=u").await;
    publish_numbers(&broadcaster, "t", 0..100);
    broadcaster.publish("u", "only u");
    assert_eq!(first.data(100).await, numbers(0..100));
    assert_eq!(second.data(100).await, numbers(0..100));
    assert_eq!(other.data(1).await, ["only u"]);
}

#[tokio::test]
async fn any_text_arrives_as_it_was_but_for_its_line_breaks() {
    let broadcaster = SseBroadcaster::new();
    let mut client = Client::open(serve(&broadcaster).await, "/events").await;
    let long = "x".repeat(64 * 1024);
    let texts = [
        "a\nb", "a\r\nb", "a\rb", "", " lead", "\n", "end\n", "é 🦀", "data: x", "\0", &long,
    ];
    for text in texts {
        broadcaster.broadcast(text);
        let expected = text.replace("\r\n", "\n").replace('\r', "\n");
        assert_eq!(client.data(1).await, [expected]);
    }
    assert!(!client.raw.contains(&b'\r'));
}

#[tokio::test]
async fn each_event_has_an_id_of_its_own() {
    let broadcaster = SseBroadcaster::new();
    let mut client = Client::open(serve(&broadcaster).await, "/events").await;
    let one = broadcaster.broadcast("one").await.unwrap();
    let two = broadcaster.broadcast("two").await.unwrap();
    assert_eq!(client.next().await.unwrap().id, one);
    assert_eq!(client.next().await.unwrap().id, two);
    assert_ne!(one, two);
}

#[tokio::test]
async fn a_reconnect_gets_what_it_missed_and_then_what_is_new() {
    let broadcaster = SseBroadcaster::new();
    let address = serve(&broadcaster).await;
    let mut client = Client::open(address, "/events?topic=t").await;
    publish_numbers(&broadcaster, "t", 0..10);
    client.data(4).await;
    let id = client.next().await.unwrap().id;
    let path = format!("/events?topic=t&last-event-id={id}");
    let mut by_header = Client::resume_after(address, "/events?topic=t", &id).await;
    let mut by_query = Client::open(address, &path).await;
    let mut by_both = Client::resume_after(address, "/events?topic=t&last-event-id=old", &id).await;
    publish_numbers(&broadcaster, "t", 10..20);
    for client in [&mut by_header, &mut by_query, &mut by_both] {
        assert_eq!(client.data(15).await, numbers(5..20));
    }
}

#[tokio::test]
async fn nothing_is_lost_between_rendering_and_subscribing() {
    let broadcaster = SseBroadcaster::new();
    let cursor = broadcaster.cursor();
    publish_numbers(&broadcaster, "t", 0..3);
    let path = format!("/events?topic=t&last-event-id={cursor}");
    let mut client = Client::open(serve(&broadcaster).await, &path).await;
    assert_eq!(client.data(3).await, numbers(0..3));
}

#[tokio::test]
async fn an_id_of_the_applications_own_is_sent_and_resumed_from() {
    let broadcaster = SseBroadcaster::new();
    let address = serve(&broadcaster).await;
    let own = BroadcastMessage::new("one").with_id("order-17").unwrap();
    assert_eq!(broadcaster.broadcast(own).await.unwrap(), "order-17");
    broadcaster.broadcast("two");
    let mut client = Client::resume_after(address, "/events", "order-17").await;
    assert_eq!(client.data(1).await, ["two"]);
}

#[tokio::test]
async fn an_id_that_two_messages_have_is_answered_with_a_gap() {
    let broadcaster = SseBroadcaster::new();
    let address = serve(&broadcaster).await;
    let task = |text: &str| BroadcastMessage::new(text).with_id("task-7").unwrap();
    broadcaster.broadcast(task("one"));
    broadcaster.broadcast("two");
    broadcaster.broadcast(task("three"));
    let mut client = Client::resume_after(address, "/events", "task-7").await;
    assert_eq!(client.next().await.unwrap().name, GAP_EVENT);
}

#[tokio::test]
async fn a_cursor_that_means_nothing_is_answered_with_one_gap() {
    let broadcaster = SseBroadcaster::new();
    let address = serve(&broadcaster).await;
    let stranger = SseBroadcaster::new().cursor();
    let future = format!("{}9", broadcaster.cursor());
    for id in [
        &stranger,
        &future,
        "junk",
        "-1",
        "99999999999999999999999",
        "é",
    ] {
        let mut client = Client::resume_after(address, "/events", id).await;
        let gap = client.next().await.unwrap();
        assert_eq!(
            (gap.name.as_str(), gap.data.as_str()),
            (GAP_EVENT, ""),
            "{id}"
        );
        broadcaster.broadcast("after");
        assert_eq!(client.data(1).await, ["after"]);
        let mut again = Client::resume_after(address, "/events", &gap.id).await;
        assert_eq!(
            again.data(1).await,
            ["after"],
            "one gap, not one per reconnect"
        );
    }
}

#[tokio::test]
async fn out_of_the_history_comes_one_gap_and_then_the_oldest_kept() {
    let broadcaster = quick(|config| (config.history, config.queue) = (10, 1));
    let address = serve(&broadcaster).await;
    let start = broadcaster.cursor();
    publish_numbers(&broadcaster, "everyone", 0..25);
    let mut client = Client::resume_after(address, "/events", &start).await;
    assert_eq!(client.next().await.unwrap().name, GAP_EVENT);
    assert_eq!(client.data(10).await, numbers(15..25));
}

#[tokio::test]
async fn what_is_kept_for_who_is_behind_is_not_replayed_to_who_comes_back() {
    let broadcaster = quick(|config| config.history = 10);
    let address = serve(&broadcaster).await;
    let start = broadcaster.cursor();
    let mut behind = broadcaster.subscribe();
    publish_numbers(&broadcaster, "everyone", 0..25);
    let mut back = Client::resume_after(address, "/events", &start).await;
    let gap = back.next().await.unwrap();
    assert_eq!(gap.name, GAP_EVENT);
    assert_eq!(back.data(10).await, numbers(15..25));
    let mut again = Client::resume_after(address, "/events", &gap.id).await;
    assert_eq!(again.data(10).await, numbers(15..25));
    publish_numbers(&broadcaster, "everyone", 25..60);
    assert_eq!(again.data(35).await, numbers(25..60));
    for number in numbers(0..60) {
        assert_eq!(behind.recv().await.unwrap().data(), number);
    }
}

#[tokio::test]
async fn a_quiet_stream_moves_its_place_along_with_busy_ones() {
    let broadcaster = quick(|config| config.keep_alive = Duration::from_millis(20));
    let address = serve(&broadcaster).await;
    let mut quiet = Client::open(address, "/events?topic=quiet").await;
    quiet.read().await;
    publish_numbers(&broadcaster, "busy", 0..50);
    // A topic of nobody: the stream looks at the history when it is woken.
    broadcaster.publish("quiet", "ping");
    quiet.next().await.unwrap();
    publish_numbers(&broadcaster, "busy", 50..60);
    while quiet.last_event_id() != broadcaster.cursor() {
        assert!(quiet.read().await);
    }
}

#[tokio::test]
async fn close_tells_the_browser_to_stop_and_ends_the_stream() {
    let broadcaster = SseBroadcaster::new();
    let address = serve(&broadcaster).await;
    let mut client = Client::open(address, "/events?topic=t").await;
    let mut both = Client::open(address, "/events?topic=t,u").await;
    broadcaster.publish("t", "last");
    broadcaster.close("t");
    let names: Vec<_> = client
        .rest()
        .await
        .into_iter()
        .map(|event| event.name)
        .collect();
    assert_eq!(names, ["message", CLOSE_EVENT]);
    broadcaster.publish("u", "still here");
    assert_eq!(both.data(2).await, ["last", "still here"]);
    assert_eq!(broadcaster.subscribers_of("t"), 0);
    broadcaster.close("u");
    assert_eq!(both.rest().await.len(), 1);
    assert_eq!(broadcaster.subscribers(), 0);
}

#[tokio::test]
async fn shutdown_delivers_what_was_published_and_refuses_new_streams() {
    let broadcaster = SseBroadcaster::new();
    let address = serve(&broadcaster).await;
    let mut client = Client::open(address, "/events").await;
    broadcaster.broadcast("last words");
    broadcaster.shutdown();
    assert_eq!(client.rest().await.len(), 1);
    let refused = Client::open(address, "/events").await;
    assert!(refused.head.starts_with("http/1.0 503"));
    assert!(refused.head.contains("retry-after: "));
}

#[tokio::test]
async fn streams_are_bounded_in_total_and_per_user() {
    let broadcaster = quick(|config| config.max_connections_per_user = 2);
    let address = serve(&broadcaster).await;
    let open = [
        Client::open(address, "/events").await,
        Client::open(address, "/events").await,
    ];
    assert!(
        Client::open(address, "/events")
            .await
            .head
            .starts_with("http/1.0 429")
    );
    drop(open);
    while broadcaster.connections() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(
        Client::open(address, "/events")
            .await
            .head
            .starts_with("http/1.0 200")
    );

    let full = serve(&quick(|config| config.max_connections = 0)).await;
    assert!(
        Client::open(full, "/events")
            .await
            .head
            .starts_with("http/1.0 503")
    );
}

#[tokio::test]
async fn the_originator_is_left_out_also_in_replay() {
    let broadcaster = SseBroadcaster::new();
    let address = serve(&broadcaster).await;
    let cursor = broadcaster.cursor();
    let mut mine = Client::open(address, "/events?connection=me").await;
    let mut other = Client::open(address, "/events?connection=you").await;
    broadcaster.broadcast(BroadcastMessage::new("mine").except(ConnectionId::parse("me").unwrap()));
    broadcaster.broadcast("all");
    assert_eq!(mine.data(1).await, ["all"]);
    assert_eq!(other.data(2).await, ["mine", "all"]);
    let mut again = Client::resume_after(address, "/events?connection=me", &cursor).await;
    assert_eq!(again.data(1).await, ["all"]);
}

#[tokio::test]
async fn a_stream_rotates_without_losing_its_place() {
    let broadcaster = quick(|config| config.rotate_after = Duration::from_millis(50));
    let address = serve(&broadcaster).await;
    let mut client = Client::open(address, "/events").await;
    broadcaster.broadcast("one");
    assert_eq!(client.rest().await.len(), 1);
    broadcaster.broadcast("two");
    let id = client.last_event_id().to_owned();
    assert_eq!(
        Client::resume_after(address, "/events", &id)
            .await
            .data(1)
            .await,
        ["two"]
    );
}

#[tokio::test]
async fn a_revoked_stream_says_close_and_sends_nothing_more() {
    let broadcaster = SseBroadcaster::new();
    let (revoke, revoked) = tokio::sync::oneshot::channel::<()>();
    let revoked = std::sync::Mutex::new(Some(revoked));
    let events = {
        let broadcaster = broadcaster.clone();
        move || {
            let revoked = revoked.lock().unwrap().take().unwrap();
            let stream = broadcaster.stream("t", LastEventId(None));
            async move { stream.until(async move { drop(revoked.await) }) }
        }
    };
    let events = std::sync::Arc::new(events);
    let app = Router::new().route("/events", get(move || events()));
    let mut client = Client::open(serve_app(app).await, "/events").await;
    broadcaster.publish("t", "while allowed");
    assert_eq!(client.data(1).await, ["while allowed"]);
    revoke.send(()).unwrap();
    let close = client.next().await.unwrap();
    assert_eq!(close.name, CLOSE_EVENT);
    broadcaster.publish("t", "afterwards");
    assert_eq!(client.rest().await, []);
}

#[tokio::test]
async fn stalled_readers_delay_nobody_and_get_one_gap() {
    let broadcaster = quick(|config| (config.history, config.queue) = (50, 1));
    let address = serve(&broadcaster).await;
    let mut healthy = Client::open(address, "/events").await;
    let mut stalled = Client::open(address, "/events").await;
    let text = "x".repeat(64 * 1024);
    for number in 0..400 {
        broadcaster.broadcast(format!("{number} {text}"));
        assert!(healthy.data(1).await[0].starts_with(&format!("{number} ")));
    }
    let number = |data: &str| -> u32 { data.split(' ').next().unwrap().parse().unwrap() };
    let (mut expected, mut gaps) = (0, 0);
    while expected < 400 {
        let event = stalled.next().await.unwrap();
        if event.name == GAP_EVENT {
            gaps += 1;
            continue;
        }
        let got = number(&event.data);
        assert!(got == expected || gaps == 1, "{got} came for {expected}");
        assert!(got >= expected);
        expected = got + 1;
    }
    assert_eq!(gaps, 1);
}

#[tokio::test]
async fn what_is_too_old_is_a_gap_also_where_nothing_is_published_any_more() {
    let broadcaster = quick(|config| config.history_age = Duration::from_millis(20));
    let start = broadcaster.cursor();
    broadcaster.broadcast("old");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut reader = broadcaster.subscribe_from("everyone", Some(&start));
    assert!(reader.recv().await.unwrap().is_gap());
    assert_eq!(broadcaster.topics(), 1, "that of the reader");
    broadcaster.broadcast("new");
    assert_eq!(reader.recv().await.unwrap().data(), "new");
}
