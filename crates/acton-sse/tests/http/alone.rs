//! Who comes to an instance that is alone. Time is not real here.

use std::time::Duration;

use acton_sse::{SseConfig, Subscription, prelude::*};
use tokio::time::{sleep, timeout};

use crate::{
    instances::{
        connected, instance, instance_with_own_way, is_quiet, next, numbers, publish_numbers, take,
    },
    row::{SharedRow, Trouble},
};

/// An instance with a small backlog, and its way to the row.
fn small(row: &SharedRow) -> (SseBroadcaster, SharedRow) {
    let own = row.another();
    let config = SseConfig {
        backlog: 10,
        ..SseConfig::default()
    };
    let broadcaster = SseBroadcaster::with_backplane(&config, own.clone());
    (broadcaster, own)
}

/// Brings an instance into trouble that it knows of.
async fn trouble(broadcaster: &SseBroadcaster, own: &SharedRow, trouble: Trouble) {
    own.set(trouble);
    while broadcaster.is_connected() {
        sleep(Duration::from_millis(100)).await;
    }
}

/// The cursor of a browser that has seen the first message here.
async fn start(broadcaster: &SseBroadcaster) -> String {
    let mut reader = broadcaster.subscribe();
    broadcaster.broadcast("start").await.expect("a backplane");
    assert_eq!(next(&mut reader).await, "start");
    reader.cursor()
}

fn from(broadcaster: &SseBroadcaster, cursor: &str) -> Subscription {
    broadcaster.subscribe_from("everyone", Some(cursor))
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_before_it_is_read_back_is_a_gap() {
    let row = SharedRow::default();
    let (a, own) = small(&row);
    let b = instance(&row);
    let start = start(&a).await;
    connected(&b).await;
    trouble(&a, &own, Trouble::Deaf).await;
    publish_numbers(&a, 1..26).await;
    let mut at_a = from(&a, &start);
    assert_eq!(next(&mut at_a).await, "gap");
    assert_eq!(take(&mut at_a, 10).await, numbers(16..26));
    let cursor = at_a.cursor();
    own.set(Trouble::None);
    connected(&a).await;
    publish_numbers(&a, 26..27).await;
    for reader in [&mut at_a, &mut from(&a, &cursor), &mut from(&b, &cursor)] {
        assert_eq!(next(reader).await, "26");
        assert!(is_quiet(reader).await);
    }
    // Elsewhere, and here from now on, nothing was lost.
    for instance in [&a, &b] {
        assert_eq!(take(&mut from(instance, &start), 26).await, numbers(1..27));
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_backlog_cannot_hold_is_a_gap_also_before_the_row_is_back() {
    let row = SharedRow::default();
    let (a, own) = small(&row);
    let b = instance(&row);
    let start = start(&a).await;
    connected(&b).await;
    trouble(&a, &own, Trouble::Down).await;
    let mut live = a.subscribe();
    let mut quiet = a.subscribe_from("quiet", Some(&start));
    for number in 1..26 {
        let _ = a.broadcast(number.to_string()).await;
        assert_eq!(next(&mut live).await, number.to_string());
    }
    let mut away = from(&a, &start);
    assert_eq!(next(&mut away).await, "gap");
    assert_eq!(take(&mut away, 9).await, numbers(17..26));
    assert!(is_quiet(&mut away).await && is_quiet(&mut live).await);
    // It is told once, and only who has missed something.
    own.set(Trouble::None);
    connected(&a).await;
    a.publish("quiet", "26").await.expect("a backplane");
    publish_numbers(&a, 26..27).await;
    let mut moved = [from(&b, &away.cursor()), from(&b, &live.cursor())];
    let mut elsewhere = from(&b, &start);
    assert_eq!(next(&mut elsewhere).await, "gap");
    assert_eq!(take(&mut elsewhere, 9).await, numbers(17..26));
    let [first, second] = &mut moved;
    for reader in [
        &mut away,
        &mut live,
        &mut quiet,
        &mut elsewhere,
        first,
        second,
    ] {
        assert_eq!(next(reader).await, "26");
        assert!(is_quiet(reader).await);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_of_what_was_dropped_without_a_next_message() {
    for backlog in [1, 10] {
        let row = SharedRow::default();
        let own = row.another();
        let config = SseConfig {
            backlog,
            ..SseConfig::default()
        };
        let a = SseBroadcaster::with_backplane(&config, own.clone());
        let mut reader = a.subscribe_to("quiet");
        a.publish("quiet", "start").await.expect("a backplane");
        assert_eq!(next(&mut reader).await, "start");
        own.set(Trouble::Silent);
        // The instance does not know yet that it is alone.
        a.publish("quiet", "dropped");
        for _ in 0..25 {
            a.publish("busy", "x");
        }
        assert!(a.is_connected());
        let told = timeout(Duration::from_secs(3), next(&mut reader)).await;
        assert_eq!(told.as_deref(), Ok("gap"), "{backlog}");
        let mut later = a.subscribe_from("quiet", Some(&a.cursor()));
        own.set(Trouble::None);
        connected(&a).await;
        a.publish("quiet", "on").await.expect("a backplane");
        for reader in [&mut reader, &mut later] {
            assert_eq!(next(reader).await, "on", "{backlog}");
            assert!(is_quiet(reader).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_dropped_while_the_row_did_not_answer_is_a_gap() {
    let row = SharedRow::default();
    let (a, own) = small(&row);
    let mut live = a.subscribe();
    publish_numbers(&a, 0..1).await;
    assert_eq!(next(&mut live).await, "0");
    own.set(Trouble::Silent);
    // The instance does not know yet that it is alone.
    let all: Vec<_> = (1..26)
        .map(|number| a.broadcast(number.to_string()))
        .collect();
    assert!(a.is_connected());
    for published in all {
        assert!(published.await.is_err());
    }
    assert_eq!(next(&mut live).await, "gap");
    assert_eq!(take(&mut live, 9).await, numbers(17..26));
    assert!(is_quiet(&mut live).await);
}

#[tokio::test(start_paused = true)]
async fn another_topic_that_the_backlog_cannot_hold_is_no_gap_here() {
    let row = SharedRow::default();
    let (a, own) = small(&row);
    let start = start(&a).await;
    trouble(&a, &own, Trouble::Deaf).await;
    let mut quiet = a.subscribe_to("quiet");
    for number in 0..30 {
        a.publish("busy", "x").await.unwrap();
        if number % 15 == 14 {
            a.publish("quiet", number.to_string()).await.unwrap();
            assert_eq!(next(&mut quiet).await, number.to_string());
        }
    }
    // Topics that nobody reads are told apart no more once they are forgotten.
    let mut away = a.subscribe_from("quiet", Some(&start));
    assert_eq!(take(&mut away, 2).await, ["gap", "29"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_rendered_in_an_outage_gets_what_comes_after_it() {
    let row = SharedRow::default();
    let (a, own) = instance_with_own_way(&row);
    let b = instance(&row);
    publish_numbers(&a, 0..1).await;
    connected(&b).await;
    trouble(&a, &own, Trouble::Down).await;
    for number in 1..4 {
        let _ = a.broadcast(number.to_string()).await;
    }
    let cursor = a.cursor();
    let mut readers = [from(&a, &cursor), a.subscribe(), from(&a, "another-1")];
    assert_eq!(next(&mut readers[2]).await, "gap");
    let _ = a.broadcast("4").await;
    for reader in &mut readers {
        assert_eq!(next(reader).await, "4");
    }
    own.set(Trouble::None);
    connected(&a).await;
    publish_numbers(&b, 5..6).await;
    for reader in &mut readers {
        assert_eq!(next(reader).await, "5");
        assert!(is_quiet(reader).await);
    }
    assert_eq!(take(&mut from(&b, &cursor), 2).await, ["4", "5"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_closed_in_an_outage_does_not_end_who_comes_later() {
    let row = SharedRow::default();
    let (a, own) = instance_with_own_way(&row);
    connected(&a).await;
    trouble(&a, &own, Trouble::Down).await;
    let _ = a.close("t").await;
    let cursor = a.cursor();
    let mut readers = [
        a.subscribe_to("t"),
        a.subscribe_to(["s", "t"]),
        a.subscribe_from(["s", "t"], Some(&cursor)),
    ];
    let _ = a.publish("t", "new").await;
    for reader in &mut readers {
        assert_eq!(next(reader).await, "new");
    }
    own.set(Trouble::None);
    connected(&a).await;
    a.publish("t", "back").await.unwrap();
    for reader in &mut readers {
        assert_eq!(next(reader).await, "back");
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_further_along_the_row_is_told_once_and_goes_on() {
    let row = SharedRow::default();
    let (a, own) = instance_with_own_way(&row);
    let b = instance(&row);
    let mut at_b = b.subscribe();
    publish_numbers(&a, 0..1).await;
    assert_eq!(next(&mut at_b).await, "0");
    trouble(&a, &own, Trouble::Deaf).await;
    publish_numbers(&a, 1..2).await;
    publish_numbers(&b, 2..3).await;
    assert_eq!(take(&mut at_b, 2).await, numbers(1..3));
    own.set(Trouble::Down);
    let _ = a.broadcast("3").await;
    // It may have seen 1 and 3, or not.
    let mut moved = from(&a, &at_b.cursor());
    assert_eq!(next(&mut moved).await, "gap");
    for number in 4..6 {
        let _ = a.broadcast(number.to_string()).await;
        assert_eq!(next(&mut moved).await, number.to_string());
    }
    own.set(Trouble::None);
    connected(&a).await;
    publish_numbers(&b, 6..7).await;
    assert_eq!(next(&mut moved).await, "6");
    assert!(is_quiet(&mut moved).await);
    assert_eq!(take(&mut at_b, 4).await, numbers(3..7));
}
