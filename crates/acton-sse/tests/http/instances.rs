//! Several instances on one row, in good times and bad. Time is not real here.

use std::{ops::Range, time::Duration};

use acton_sse::{SseConfig, Subscription, prelude::*};
use tokio::time::{sleep, timeout};

use crate::row::{SharedRow, Trouble};

pub(crate) fn instance(row: &SharedRow) -> SseBroadcaster {
    SseBroadcaster::with_backplane(&SseConfig::default(), row.another())
}

/// An instance, and its way to the row, on which there may be trouble.
pub(crate) fn instance_with_own_way(row: &SharedRow) -> (SseBroadcaster, SharedRow) {
    let own = row.another();
    let broadcaster = SseBroadcaster::with_backplane(&SseConfig::default(), own.clone());
    (broadcaster, own)
}

pub(crate) async fn publish_numbers(broadcaster: &SseBroadcaster, numbers: Range<u32>) {
    for number in numbers {
        broadcaster
            .broadcast(number.to_string())
            .await
            .expect("a backplane");
    }
}

/// The next message: its data, or `gap`.
pub(crate) async fn next(reader: &mut Subscription) -> String {
    let message = timeout(Duration::from_secs(60), reader.recv()).await;
    let message = message
        .expect("a message in time")
        .expect("an open broadcaster");
    if message.is_gap() {
        "gap".to_owned()
    } else {
        message.data().to_owned()
    }
}

pub(crate) async fn take(reader: &mut Subscription, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(next(reader).await);
    }
    texts
}

pub(crate) async fn connected(broadcaster: &SseBroadcaster) {
    while !broadcaster.is_connected() {
        sleep(Duration::from_millis(100)).await;
    }
}

pub(crate) async fn is_quiet(reader: &mut Subscription) -> bool {
    timeout(Duration::from_secs(30), reader.recv())
        .await
        .is_err()
}

pub(crate) fn numbers(range: Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_one_publishes_reaches_the_readers_of_all_with_the_same_id() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), instance(&row));
    let (mut at_a, mut at_b) = (a.subscribe(), b.subscribe());
    sleep(Duration::from_secs(1)).await;
    let id = a.broadcast("hello").await.unwrap();
    let (first, second) = (at_a.recv().await.unwrap(), at_b.recv().await.unwrap());
    assert_eq!((first.data(), first.id()), ("hello", Some(id.as_str())));
    assert_eq!((second.data(), second.id()), ("hello", Some(id.as_str())));
}

#[tokio::test(start_paused = true)]
async fn any_instance_replays_also_a_new_one() {
    let row = SharedRow::default();
    let a = instance(&row);
    let id = a.broadcast("seen").await.unwrap();
    publish_numbers(&a, 0..50).await;
    let new = instance(&row);
    let mut reader = new.subscribe_from("everyone", Some(&id));
    assert_eq!(take(&mut reader, 50).await, numbers(0..50));
    publish_numbers(&a, 50..60).await;
    assert_eq!(take(&mut reader, 10).await, numbers(50..60));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_behind_waits_for_what_the_browser_has_seen() {
    let row = SharedRow::default();
    let a = instance(&row);
    let behind = row.another();
    let b = SseBroadcaster::with_backplane(&SseConfig::default(), behind.clone());
    publish_numbers(&a, 0..3).await;
    sleep(Duration::from_secs(1)).await;
    behind.set(Trouble::Silent);
    publish_numbers(&a, 3..5).await;
    let id = a.broadcast("seen at a").await.unwrap();
    let mut reader = b.subscribe_from("everyone", Some(&id));
    publish_numbers(&a, 5..6).await;
    assert!(is_quiet(&mut reader).await);
    behind.set(Trouble::None);
    assert_eq!(next(&mut reader).await, "5");
}

#[tokio::test(start_paused = true)]
async fn out_of_reach_an_instance_goes_on_alone_and_catches_up() {
    for trouble in [
        Trouble::Down,
        Trouble::Silent,
        Trouble::Full,
        Trouble::LostAnswers,
    ] {
        let row = SharedRow::default();
        let (a, own) = instance_with_own_way(&row);
        let b = instance(&row);
        let (mut at_a, mut at_b) = (a.subscribe(), b.subscribe());
        publish_numbers(&a, 0..2).await;
        own.set(trouble);
        assert!(a.broadcast("2").await.is_err());
        assert!(!a.is_connected());
        let _ = a.broadcast("3").await;
        assert_eq!(take(&mut at_a, 4).await, numbers(0..4), "{trouble:?}");
        own.set(Trouble::None);
        assert_eq!(take(&mut at_b, 4).await, numbers(0..4), "{trouble:?}");
        connected(&a).await;
        publish_numbers(&a, 4..5).await;
        assert_eq!(take(&mut at_a, 1).await, ["4"], "{trouble:?}");
        assert_eq!(take(&mut at_b, 1).await, ["4"], "{trouble:?}");
        assert!(
            is_quiet(&mut at_a).await && is_quiet(&mut at_b).await,
            "{trouble:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_changes_the_instance_in_an_outage_gets_nothing_twice() {
    let row = SharedRow::default();
    let (a, own) = instance_with_own_way(&row);
    let b = instance(&row);
    let mut at_a = a.subscribe();
    publish_numbers(&b, 0..2).await;
    assert_eq!(take(&mut at_a, 2).await, numbers(0..2));
    own.set(Trouble::Down);
    for number in 2..5 {
        let _ = a.broadcast(number.to_string()).await;
    }
    assert_eq!(take(&mut at_a, 2).await, numbers(2..4));
    publish_numbers(&b, 10..12).await;
    let mut at_b = b.subscribe_from("everyone", Some(&at_a.cursor()));
    let mut again_at_a = a.subscribe_from("everyone", Some(&at_a.cursor()));
    assert_eq!(next(&mut again_at_a).await, "4");
    assert_eq!(take(&mut at_b, 2).await, numbers(10..12));
    own.set(Trouble::None);
    assert_eq!(next(&mut at_b).await, "4");
    assert_eq!(take(&mut again_at_a, 2).await, numbers(10..12));
    assert!(is_quiet(&mut at_b).await && is_quiet(&mut again_at_a).await);
}

#[tokio::test(start_paused = true)]
async fn what_the_backlog_cannot_hold_is_one_gap_elsewhere() {
    let row = SharedRow::default();
    let own = row.another();
    let config = SseConfig {
        backlog: 10,
        ..SseConfig::default()
    };
    let a = SseBroadcaster::with_backplane(&config, own.clone());
    let b = instance(&row);
    let mut at_b = b.subscribe();
    publish_numbers(&a, 0..1).await;
    assert_eq!(next(&mut at_b).await, "0");
    own.set(Trouble::Down);
    for number in 1..31 {
        let _ = a.broadcast(number.to_string()).await;
    }
    own.set(Trouble::None);
    assert_eq!(next(&mut at_b).await, "gap");
    assert_eq!(take(&mut at_b, 9).await, numbers(22..31));
    publish_numbers(&a, 31..32).await;
    assert_eq!(next(&mut at_b).await, "31");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_lost_everything_is_one_gap_everywhere() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), instance(&row));
    let mut at_b = b.subscribe();
    publish_numbers(&a, 0..2).await;
    assert_eq!(take(&mut at_b, 2).await, numbers(0..2));
    row.begin_anew();
    assert_eq!(next(&mut at_b).await, "gap");
    sleep(Duration::from_secs(10)).await;
    publish_numbers(&a, 2..4).await;
    assert_eq!(take(&mut at_b, 2).await, numbers(2..4));
}

#[tokio::test(start_paused = true)]
async fn a_new_instance_knows_what_the_row_has_dropped() {
    let row = SharedRow::default();
    let a = instance(&row);
    let start = a.broadcast("seen").await.unwrap();
    publish_numbers(&a, 0..20).await;
    row.keep(5);
    let new = instance(&row);
    let mut reader = new.subscribe_from("everyone", Some(&start));
    assert_eq!(next(&mut reader).await, "gap");
    assert_eq!(take(&mut reader, 5).await, numbers(15..20));
}

#[tokio::test(start_paused = true)]
async fn without_a_backplane_at_the_start_an_instance_works_alone() {
    let row = SharedRow::default();
    row.set(Trouble::Down);
    let a = SseBroadcaster::with_backplane(&SseConfig::default(), row.clone());
    let mut reader = a.subscribe();
    assert!(a.broadcast("alone").await.is_err());
    assert_eq!(next(&mut reader).await, "alone");
    row.set(Trouble::None);
    assert_eq!(next(&mut reader).await, "gap");
    connected(&a).await;
    publish_numbers(&a, 0..1).await;
    assert_eq!(next(&mut reader).await, "0");
    assert!(is_quiet(&mut reader).await);
}

#[tokio::test(start_paused = true)]
async fn closing_and_leaving_out_work_across_instances() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), instance(&row));
    let me = ConnectionId::parse("me").unwrap();
    let mut mine = b.subscribe_to("t").connection(Some(me.clone()));
    sleep(Duration::from_secs(1)).await;
    a.publish("t", BroadcastMessage::new("mine").except(me));
    a.publish("t", "all");
    a.close("t");
    assert_eq!(next(&mut mine).await, "all");
    assert_eq!(
        mine.recv().await.unwrap().event(),
        Some(acton_sse::CLOSE_EVENT)
    );
    assert!(mine.recv().await.is_err());
}
