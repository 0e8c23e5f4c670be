//! What a row loses, of its own or by coming back from an older copy, is told. Time is not real here.

use std::time::Duration;

use acton_sse::{SseConfig, prelude::*};
use tokio::time::sleep;

use crate::{
    instances::{
        connected, instance, instance_with_own_way, is_quiet, next, numbers, publish_numbers, take,
    },
    row::{SharedRow, Trouble},
};

fn publish_at_once(broadcaster: &SseBroadcaster, numbers: std::ops::Range<u32>) {
    for number in numbers {
        broadcaster.broadcast(number.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_an_append_left_out_is_one_gap_on_other_instances() {
    let row = SharedRow::default();
    let (a, own) = instance_with_own_way(&row);
    let b = instance(&row);
    let mut at_b = b.subscribe();
    let start = a.broadcast("start").await.unwrap();
    assert_eq!(next(&mut at_b).await, "start");
    own.set(Trouble::SkipsSecond);
    publish_at_once(&a, 0..5);
    assert_eq!(next(&mut at_b).await, "gap");
    assert_eq!(take(&mut at_b, 3).await, numbers(2..5));
    assert!(is_quiet(&mut at_b).await);
    // The same for who reads the row from its beginning.
    let late = instance(&row);
    let mut at_late = late.subscribe_from("everyone", Some(&start));
    assert_eq!(next(&mut at_late).await, "gap");
    assert_eq!(take(&mut at_late, 3).await, numbers(2..5));
    assert!(is_quiet(&mut at_late).await);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_comes_back_from_an_older_copy_is_a_gap_everywhere() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), instance(&row));
    let (mut at_a, mut at_b) = (a.subscribe(), b.subscribe());
    let id = a.broadcast("0").await.unwrap();
    publish_numbers(&a, 1..3).await;
    publish_numbers(&b, 3..6).await;
    assert_eq!(take(&mut at_a, 6).await, numbers(0..6));
    assert_eq!(take(&mut at_b, 6).await, numbers(0..6));
    let seen = at_a.cursor();
    row.roll_back(3);
    // Whoever knows better looks at the row, and says nothing otherwise.
    sleep(Duration::from_secs(10)).await;
    let new = instance(&row);
    let mut readers = [
        new.subscribe_from("everyone", Some(&seen)),
        at_a,
        at_b,
        new.subscribe_from("everyone", Some(&id)),
    ];
    for reader in &mut readers {
        assert_eq!(next(reader).await, "gap");
    }
    connected(&a).await;
    publish_numbers(&a, 6..8).await;
    for reader in &mut readers {
        assert_eq!(take(reader, 2).await, numbers(6..8));
        assert!(is_quiet(reader).await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_published_first_after_an_older_copy_came_back_hides_nothing() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), instance(&row));
    let (mut at_a, mut at_b) = (a.subscribe(), b.subscribe());
    let id = a.broadcast("0").await.unwrap();
    publish_numbers(&b, 1..4).await;
    assert_eq!(take(&mut at_a, 4).await, numbers(0..4));
    assert_eq!(take(&mut at_b, 4).await, numbers(0..4));
    row.roll_back(1);
    // Before anybody has looked at the row again.
    a.broadcast("4");
    let new = instance(&row);
    let mut at_new = new.subscribe_from("everyone", Some(&id));
    sleep(Duration::from_secs(10)).await;
    publish_numbers(&a, 5..6).await;
    for reader in [&mut at_new, &mut at_b] {
        while next(reader).await != "gap" {}
        while !is_quiet(reader).await {}
    }
    publish_numbers(&a, 6..7).await;
    for reader in [&mut at_new, &mut at_b] {
        assert_eq!(next(reader).await, "6");
        assert!(is_quiet(reader).await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_and_is_not_known_to_be_read_is_sent_again() {
    let row = SharedRow::default();
    let a = instance(&row);
    let b = instance(&row);
    let mut at_b = b.subscribe();
    publish_numbers(&a, 0..1).await;
    assert_eq!(next(&mut at_b).await, "0");
    // In one moment it is taken, gone and looked for.
    a.broadcast("1").await.unwrap();
    row.begin_anew();
    assert_eq!(take(&mut at_b, 2).await, ["gap", "1"]);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_beyond_the_row_is_a_gap_after_the_next_look_at_it() {
    let row = SharedRow::default();
    let a = instance(&row);
    publish_numbers(&a, 0..2).await;
    let beyond = format!("{}00", a.broadcast("2").await.unwrap());
    let mut reader = a.subscribe_from("everyone", Some(&beyond));
    assert_eq!(next(&mut reader).await, "gap");
    publish_numbers(&a, 3..4).await;
    assert_eq!(next(&mut reader).await, "3");
    assert!(is_quiet(&mut reader).await);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_into_a_part_that_the_row_has_lost_is_a_gap() {
    let row = SharedRow::default();
    let a = instance(&row);
    publish_numbers(&a, 0..4).await;
    let cursor = a.broadcast("4").await.unwrap();
    // Everybody who knows better is gone, and the row has gone on.
    drop(a);
    sleep(Duration::from_secs(5)).await;
    row.roll_back(2);
    let b = instance(&row);
    publish_numbers(&b, 5..6).await;
    let mut reader = b.subscribe_from("everyone", Some(&cursor));
    assert_eq!(next(&mut reader).await, "gap");
    publish_numbers(&b, 6..7).await;
    assert_eq!(next(&mut reader).await, "6");
}

#[tokio::test(start_paused = true)]
async fn a_gap_that_was_not_delivered_is_told_after_a_reconnect() {
    let row = SharedRow::default();
    let a = instance(&row);
    connected(&a).await;
    let reader = a.subscribe_from("everyone", Some("another-1"));
    sleep(Duration::from_secs(3)).await;
    let cursor = reader.cursor();
    drop(reader);
    let mut again = a.subscribe_from("everyone", Some(&cursor));
    assert_eq!(next(&mut again).await, "gap");
    assert_ne!(again.cursor(), cursor);
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_delivered_alone_does_not_come_twice_in_another_epoch() {
    let row = SharedRow::default();
    let (a, own) = instance_with_own_way(&row);
    let mut at_a = a.subscribe();
    publish_numbers(&a, 0..1).await;
    assert_eq!(next(&mut at_a).await, "0");
    own.set(Trouble::Down);
    let _ = a.broadcast("1").await;
    assert_eq!(next(&mut at_a).await, "1");
    let cursor = at_a.cursor();
    drop(at_a);
    row.begin_anew();
    own.set(Trouble::None);
    sleep(Duration::from_secs(10)).await;
    let mut again = a.subscribe_from("everyone", Some(&cursor));
    assert_eq!(next(&mut again).await, "gap");
    publish_numbers(&a, 2..3).await;
    assert_eq!(next(&mut again).await, "2");
    assert!(is_quiet(&mut again).await);
}

#[tokio::test(start_paused = true)]
async fn bytes_bound_the_backlog_too() {
    let row = SharedRow::default();
    let own = row.another();
    let config = SseConfig {
        backlog_bytes: 5 * 1300,
        ..SseConfig::default()
    };
    let a = SseBroadcaster::with_backplane(&config, own.clone());
    let b = instance(&row);
    let mut at_b = b.subscribe();
    publish_numbers(&a, 0..1).await;
    assert_eq!(next(&mut at_b).await, "0");
    own.set(Trouble::Down);
    let mut all = Vec::new();
    for number in 1..31 {
        all.push(a.broadcast(format!("{number:01000}")));
    }
    for published in all {
        assert!(published.await.is_err());
    }
    own.set(Trouble::None);
    assert_eq!(next(&mut at_b).await, "gap");
    let left = take(&mut at_b, 4).await;
    assert_eq!(
        left.last().map(|text| text.trim_start_matches('0')),
        Some("30")
    );
    assert!(is_quiet(&mut at_b).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_after_an_older_copy_came_back_does_not_hide_what_it_lost() {
    let row = SharedRow::default();
    let (behind, ahead) = (row.another(), row.another());
    let a = SseBroadcaster::with_backplane(&SseConfig::default(), behind.clone());
    let b = SseBroadcaster::with_backplane(&SseConfig::default(), ahead.clone());
    let mut at_a = a.subscribe();
    publish_numbers(&a, 0..1).await;
    assert_eq!(next(&mut at_a).await, "0");
    behind.set(Trouble::Down);
    sleep(Duration::from_secs(3)).await;
    publish_numbers(&b, 1..3).await;
    row.roll_back(1);
    // Who has not read what is lost goes on with the row, before the other has looked at it.
    behind.set(Trouble::None);
    ahead.set(Trouble::Down);
    connected(&a).await;
    publish_numbers(&a, 3..4).await;
    assert_eq!(next(&mut at_a).await, "3");
    ahead.set(Trouble::None);
    assert_eq!(next(&mut at_a).await, "gap");
    connected(&b).await;
    publish_numbers(&b, 4..5).await;
    assert_eq!(next(&mut at_a).await, "4");
    assert!(is_quiet(&mut at_a).await);
}

#[tokio::test(start_paused = true)]
async fn who_comes_to_an_instance_that_has_not_noticed_yet_misses_nothing_and_is_told_once() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), instance(&row));
    let (mut at_a, mut at_b) = (a.subscribe(), b.subscribe());
    sleep(Duration::from_secs(3)).await;
    row.begin_anew();
    a.broadcast("0");
    assert_eq!(take(&mut at_a, 2).await, ["0", "gap"]);
    // One page was rendered after what has no place yet, one before it.
    let cursor = a.cursor();
    let (place, _) = cursor.split_once('.').expect("what has no place yet");
    let mut later = b.subscribe_from("everyone", Some(&cursor));
    let mut moved = b.subscribe_from("everyone", Some(place));
    assert_eq!(next(&mut moved).await, "0");
    assert_eq!(next(&mut at_b).await, "gap");
    publish_numbers(&a, 1..2).await;
    for reader in [&mut later, &mut moved, &mut at_a, &mut at_b] {
        assert_eq!(next(reader).await, "1");
        assert!(is_quiet(reader).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_came_first_and_reads_late_is_told_that_the_row_began_anew() {
    let row = SharedRow::default();
    let a = instance(&row);
    let mut reader = a.subscribe();
    publish_numbers(&a, 0..2).await;
    row.begin_anew();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(next(&mut reader).await, "gap");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_read_before_it_was_lost_is_a_gap_even_when_the_place_is_dropped() {
    let row = SharedRow::default();
    let (a, own) = instance_with_own_way(&row);
    connected(&a).await;
    let b = instance(&row);
    connected(&b).await;
    let mut at_b = b.subscribe();
    a.broadcast("lost").await.unwrap();
    row.roll_back(0);
    own.set(Trouble::Down);
    publish_numbers(&b, 0..2).await;
    assert_eq!(take(&mut at_b, 2).await, numbers(0..2));
    // Whether the message of the first instance was ever there cannot be seen in the row any more.
    row.keep(0);
    own.set(Trouble::None);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(next(&mut at_b).await, "gap");
    publish_numbers(&b, 2..3).await;
    assert_eq!(take(&mut at_b, 1).await, numbers(2..3));
    assert!(is_quiet(&mut at_b).await);
    assert_eq!((a.unsent(), b.unsent()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_record_of_an_instance_that_was_lost_and_dropped_is_a_gap() {
    let row = SharedRow::default();
    let (own, others) = (row.another(), row.another());
    let a = SseBroadcaster::with_backplane(&SseConfig::default(), own.clone());
    let b = SseBroadcaster::with_backplane(&SseConfig::default(), others.clone());
    let (mut at_a, mut at_b) = (a.subscribe(), b.subscribe());
    connected(&a).await;
    connected(&b).await;
    others.set(Trouble::Down);
    sleep(Duration::from_secs(3)).await;
    publish_numbers(&a, 0..1).await;
    assert_eq!(next(&mut at_a).await, "0");
    own.set(Trouble::Down);
    row.roll_back(0);
    others.set(Trouble::None);
    connected(&b).await;
    publish_numbers(&b, 1..3).await;
    assert_eq!(take(&mut at_b, 2).await, numbers(1..3));
    // Nobody can see any more that the row has lost something before what it has dropped.
    row.keep(0);
    own.set(Trouble::None);
    connected(&a).await;
    publish_numbers(&a, 3..4).await;
    assert_eq!(take(&mut at_b, 2).await, ["gap", "3"]);
    assert!(is_quiet(&mut at_b).await);
    // An instance that begins after what was dropped has nothing to tell.
    let late = instance(&row);
    let mut at_late = late.subscribe_from("everyone", Some(&at_b.cursor()));
    publish_numbers(&a, 4..5).await;
    assert_eq!(next(&mut at_late).await, "4");
}
