//! Who is here, and what changed, on one instance and on several. Time is not real here.

use std::time::Duration;

use acton_sse::{ConnectionId, PRESENCE_EVENT, SseConfig, Subscription, prelude::*};
use tokio::time::{sleep, timeout};

use crate::row::{SharedRow, Trouble};

fn ann() -> Person {
    Person::new("1", "Ann")
}

fn bo() -> Person {
    Person::new("2", "Bo")
}

fn instance(row: &SharedRow) -> SseBroadcaster {
    SseBroadcaster::with_backplane(&SseConfig::default(), row.another())
}

fn names(broadcaster: &SseBroadcaster) -> Vec<String> {
    let people = broadcaster.present("board");
    people
        .iter()
        .map(|person| person.name.to_string())
        .collect()
}

async fn next_event(reader: &mut Subscription) -> Option<String> {
    let message = timeout(Duration::from_secs(5), reader.recv()).await.ok()?;
    message.ok()?.event().map(str::to_owned)
}

async fn seconds(count: u64) {
    sleep(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn a_person_with_two_tabs_is_here_once_and_stays_until_the_last_is_closed() {
    let broadcaster = SseBroadcaster::new();
    let mut reader = broadcaster.subscribe_to("board");
    let first = broadcaster.enter("board", ann());
    let second = broadcaster.enter("board", ann());
    assert_eq!(broadcaster.present("board"), [ann()]);
    assert_eq!(
        next_event(&mut reader).await.as_deref(),
        Some(PRESENCE_EVENT)
    );
    drop(first);
    seconds(60).await;
    assert_eq!(broadcaster.present("board"), [ann()]);
    drop(second);
    assert_eq!(broadcaster.present("board"), [ann()]);
    assert_eq!(next_event(&mut reader).await, None);
    seconds(6).await;
    assert_eq!(broadcaster.present("board"), []);
    assert_eq!(
        next_event(&mut reader).await.as_deref(),
        Some(PRESENCE_EVENT)
    );
    assert_eq!(next_event(&mut reader).await, None);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_in_time_has_not_left() {
    let broadcaster = SseBroadcaster::new();
    let mut reader = broadcaster.subscribe_to("board");
    drop(broadcaster.enter("board", ann()));
    assert_eq!(
        next_event(&mut reader).await.as_deref(),
        Some(PRESENCE_EVENT)
    );
    seconds(3).await;
    let back = broadcaster.enter("board", ann());
    seconds(60).await;
    assert_eq!(next_event(&mut reader).await, None);
    assert_eq!(broadcaster.present("board"), [ann()]);
    drop(back);
}

#[tokio::test(start_paused = true)]
async fn a_new_name_is_told() {
    let broadcaster = SseBroadcaster::new();
    let mut reader = broadcaster.subscribe_to("board");
    let _before = broadcaster.enter("board", ann());
    next_event(&mut reader).await;
    let _after = broadcaster.enter("board", Person::new("1", "Anna"));
    assert_eq!(
        next_event(&mut reader).await.as_deref(),
        Some(PRESENCE_EVENT)
    );
    assert_eq!(names(&broadcaster), ["Anna"]);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_told_in_a_few_messages() {
    let broadcaster = SseBroadcaster::new();
    let mut reader = broadcaster.subscribe_to("board");
    let people = (0..1000).map(|id: u32| Person::new(id.to_string(), "x"));
    let crowd: Vec<_> = people
        .map(|person| broadcaster.enter("board", person))
        .collect();
    let mut told = 0;
    while next_event(&mut reader).await.is_some() {
        told += 1;
    }
    assert_eq!(told, 2);
    assert_eq!(broadcaster.present("board").len(), crowd.len());
}

#[tokio::test(start_paused = true)]
async fn people_of_every_instance_are_here_once() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), instance(&row));
    seconds(1).await;
    let mut at_b = b.subscribe_to("board");
    let _ann = a.enter("board", ann());
    assert_eq!(next_event(&mut at_b).await.as_deref(), Some(PRESENCE_EVENT));
    let _also_ann = b.enter("board", ann());
    let _bo = b.enter("board", bo());
    seconds(2).await;
    assert_eq!(names(&a), ["Ann", "Bo"]);
    assert_eq!(names(&b), ["Ann", "Bo"]);
    // For as long as both show that they live.
    seconds(300).await;
    assert_eq!(names(&a), ["Ann", "Bo"]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_starts_later_asks_who_is_here() {
    let row = SharedRow::default();
    let a = instance(&row);
    let _ann = a.enter("board", ann());
    seconds(60).await;
    let late = instance(&row);
    let mut reader = late.subscribe_to("board");
    seconds(1).await;
    assert_eq!(names(&late), [""; 0]);
    assert_eq!(
        next_event(&mut reader).await.as_deref(),
        Some(PRESENCE_EVENT)
    );
    assert_eq!(names(&late), ["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn the_people_of_a_killed_instance_go_when_its_lease_ends() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), row.another());
    let killed = SseBroadcaster::with_backplane(&SseConfig::default(), b.clone());
    seconds(1).await;
    let mut reader = a.subscribe_to("board");
    let held = killed.enter("board", ann());
    next_event(&mut reader).await;
    assert_eq!(names(&a), ["Ann"]);
    // It neither says goodbye nor anything else.
    b.set(Trouble::Down);
    seconds(20).await;
    assert_eq!(names(&a), ["Ann"]);
    seconds(20).await;
    assert_eq!(names(&a), [""; 0]);
    assert_eq!(
        next_event(&mut reader).await.as_deref(),
        Some(PRESENCE_EVENT)
    );
    // It was only cut off.
    b.set(Trouble::None);
    seconds(30).await;
    assert_eq!(names(&a), ["Ann"]);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_stops_takes_its_people_along_at_once() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), instance(&row));
    seconds(1).await;
    let _ann = b.enter("board", ann());
    let mut reader = a.subscribe_to("board");
    seconds(2).await;
    assert_eq!(names(&a), ["Ann"]);
    b.shutdown();
    seconds(2).await;
    assert_eq!(names(&a), [""; 0]);
    assert_eq!(
        next_event(&mut reader).await.as_deref(),
        Some(PRESENCE_EVENT)
    );
}

#[tokio::test(start_paused = true)]
async fn a_row_that_begins_anew_forgets_nobody() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), instance(&row));
    seconds(1).await;
    let (_ann, _bo) = (a.enter("board", ann()), b.enter("board", bo()));
    seconds(2).await;
    row.begin_anew();
    seconds(120).await;
    assert_eq!(names(&a), ["Ann", "Bo"]);
    assert_eq!(names(&b), ["Ann", "Bo"]);
    let late = instance(&row);
    assert_eq!(names(&late), [""; 0]);
    seconds(2).await;
    names(&late);
    seconds(2).await;
    assert_eq!(names(&late), ["Ann", "Bo"]);
}

#[tokio::test(start_paused = true)]
async fn who_left_while_nobody_could_be_told_is_not_here() {
    for is_row_lost in [false, true] {
        let row = SharedRow::default();
        let (own, other) = (row.another(), row.another());
        let small = SseConfig {
            backlog: 2,
            presence_linger: Duration::from_secs(1),
            ..SseConfig::default()
        };
        let a = SseBroadcaster::with_backplane(&small, own.clone());
        let b = SseBroadcaster::with_backplane(&SseConfig::default(), other.clone());
        seconds(1).await;
        let (ann_at_a, _bo) = (a.enter("board", ann()), a.enter("hall", bo()));
        seconds(2).await;
        assert_eq!(names(&b), ["Ann"]);
        let mut reader = b.subscribe_to("board");
        let way = if is_row_lost { &other } else { &own };
        way.set(Trouble::Down);
        seconds(1).await;
        drop(ann_at_a);
        // Less than the lease of the instance.
        seconds(5).await;
        if is_row_lost {
            row.begin_anew();
        }
        for number in 0..5 {
            drop(a.publish("else", number.to_string()));
        }
        way.set(Trouble::None);
        seconds(60).await;
        assert_eq!(names(&b), [""; 0], "{is_row_lost}");
        let hall = b.present("hall");
        assert_eq!(hall, [bo()], "{is_row_lost}");
        let mut told = Vec::new();
        while let Some(event) = next_event(&mut reader).await {
            told.push(event);
        }
        // Whose row is lost is told once, by the gap.
        let last = if is_row_lost { "gap" } else { PRESENCE_EVENT };
        assert_eq!(told.last().map(String::as_str), Some(last), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_changes_is_told_twice_on_every_instance() {
    let row = SharedRow::default();
    let (a, b) = (instance(&row), instance(&row));
    seconds(1).await;
    let (mut at_a, mut at_b) = (a.subscribe_to("board"), b.subscribe_to("board"));
    for _ in 0..500 {
        a.refresh("board", "list", None).unwrap();
    }
    for reader in [&mut at_a, &mut at_b] {
        assert_eq!(next_event(reader).await.as_deref(), Some("list"));
        assert_eq!(next_event(reader).await.as_deref(), Some("list"));
        assert_eq!(next_event(reader).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_loses_no_change() {
    let row = SharedRow::default();
    let (stopping, other) = (instance(&row), instance(&row));
    seconds(1).await;
    let mut readers = [stopping.subscribe_to("board"), other.subscribe_to("board")];
    stopping.refresh("board", "list", None).unwrap();
    stopping.refresh("board", "list", None).unwrap();
    seconds(0).await;
    stopping.shutdown();
    assert_eq!(next_event(&mut readers[1]).await.as_deref(), Some("list"));
    assert_eq!(next_event(&mut readers[1]).await.as_deref(), Some("list"));
    assert!(readers[0].recv().await.is_ok());

    let alone = SseBroadcaster::new();
    let mut reader = alone.subscribe_to("board");
    alone.refresh("board", "list", None).unwrap();
    alone.refresh("board", "list", None).unwrap();
    alone.shutdown();
    assert_eq!(next_event(&mut reader).await.as_deref(), Some("list"));
    assert_eq!(next_event(&mut reader).await.as_deref(), Some("list"));
    assert!(reader.recv().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_page_that_made_the_change_is_left_out() {
    let broadcaster = SseBroadcaster::new();
    let page = ConnectionId::random();
    let mut own = broadcaster
        .subscribe_to("board")
        .connection(Some(page.clone()));
    let mut other = broadcaster.subscribe_to("board");
    broadcaster
        .refresh("board", "list", Some(page.clone()))
        .unwrap();
    assert_eq!(next_event(&mut other).await.as_deref(), Some("list"));
    assert_eq!(next_event(&mut own).await, None);
    // A change of somebody else meanwhile is news for both.
    broadcaster
        .refresh("board", "list", Some(page.clone()))
        .unwrap();
    broadcaster.refresh("board", "list", Some(page)).unwrap();
    broadcaster.refresh("board", "list", None).unwrap();
    assert_eq!(next_event(&mut own).await.as_deref(), Some("list"));
    assert_eq!(next_event(&mut other).await.as_deref(), Some("list"));
}

#[test]
fn without_a_runtime_changes_are_told_and_nothing_panics() {
    let broadcaster = SseBroadcaster::new();
    let reader = broadcaster.subscribe_to("board");
    broadcaster.refresh("board", "list", None).unwrap();
    drop(broadcaster.enter("board", ann()));
    assert_eq!(broadcaster.subscribers(), 1);
    drop(reader);
    assert!(broadcaster.refresh("board", "two\nlines", None).is_err());
    assert!(broadcaster.refresh("board", "", None).is_err());
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_an_instance_starts_is_known_when_it_is_told() {
    let row = SharedRow::default();
    let a = instance(&row);
    let mut at_a = a.subscribe_to("board");
    // The first look at the row is done, the first read is not.
    sleep(Duration::from_millis(5)).await;
    let b = instance(&row);
    let _ann = b.enter("board", ann());
    assert_eq!(next_event(&mut at_a).await.as_deref(), Some(PRESENCE_EVENT));
    assert_eq!(a.present("board"), [ann()]);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_is_told_only_where_somebody_reads() {
    let row = SharedRow::default();
    let dying = row.another();
    let a = SseBroadcaster::with_backplane(&SseConfig::default(), dying.clone());
    let (b, c) = (instance(&row), instance(&row));
    let mut at_b = b.subscribe_to("board");
    seconds(1).await;
    let _ann = a.enter("board", ann());
    assert_eq!(next_event(&mut at_b).await.as_deref(), Some(PRESENCE_EVENT));
    assert_eq!(
        (names(&b), names(&c)),
        (vec!["Ann".to_owned()], vec!["Ann".to_owned()])
    );
    seconds(1).await;
    dying.set(Trouble::Silent);
    let before = row.len();
    seconds(60).await;
    assert_eq!((names(&b).len(), names(&c).len()), (0, 0));
    assert_eq!(next_event(&mut at_b).await.as_deref(), Some(PRESENCE_EVENT));
    assert_eq!(next_event(&mut at_b).await, None);
    assert_eq!(row.len(), before + 1);
}
