//! How an instance ends: its streams one by one, and nothing that was published lost. Time is not real here.

use std::{sync::mpsc, thread, time::Duration};

use acton_sse::{SseConfig, prelude::*};
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use tokio::{
    runtime,
    task::{JoinSet, yield_now},
    time::{Instant, sleep, timeout},
};

use crate::{
    instances::{instance, instance_with_own_way, next, numbers, take},
    row::{SharedRow, Trouble},
};

/// After how many seconds each stream ends, as many as there are.
async fn ends(broadcaster: &SseBroadcaster, count: usize, begin: impl FnOnce()) -> Vec<u64> {
    let mut streams = JoinSet::new();
    for _ in 0..count {
        let last_event_id = LastEventId::default();
        let response = broadcaster.stream("t", last_event_id).into_response();
        streams.spawn(async move {
            let body = response.into_body().collect().await.expect("infallible");
            assert!(body.to_bytes().ends_with(b"\n\n"));
            Instant::now()
        });
    }
    yield_now().await;
    let begun = Instant::now();
    begin();
    let ended = streams.join_all().await.into_iter();
    ended.map(|at| at.duration_since(begun).as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn streams_end_one_by_one_within_the_time_and_deliver_until_then() {
    let broadcaster = SseBroadcaster::new();
    let mut reader = broadcaster.subscribe_to("t");
    let within = Duration::from_secs(10);
    let seconds = ends(&broadcaster, 200, || broadcaster.shutdown_within(within)).await;
    for second in 0..10 {
        let count = seconds.iter().filter(|ended| **ended == second).count();
        assert!(
            (1..60).contains(&count),
            "{count} of 200 in second {second}"
        );
    }
    assert!(reader.recv().await.is_err());
    assert_eq!(broadcaster.subscribers(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_published_while_streams_end_reaches_those_that_are_open() {
    let broadcaster = SseBroadcaster::new();
    let mut readers = [(); 50].map(|()| broadcaster.subscribe());
    broadcaster.shutdown_within(Duration::from_secs(10));
    sleep(Duration::from_secs(5)).await;
    broadcaster.broadcast("late");
    let mut late = 0;
    for reader in &mut readers {
        // Nobody loses it: who has ended comes back with a cursor from before.
        late += usize::from(reader.recv().await.is_ok());
        assert!(reader.recv().await.is_err());
    }
    assert_eq!(late, 50);
    broadcaster.shutdown();
    assert!(broadcaster.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_second_call_ends_what_is_left_at_once() {
    let broadcaster = SseBroadcaster::new();
    let mut reader = broadcaster.subscribe();
    broadcaster.shutdown_within(Duration::from_secs(3600));
    assert!(
        timeout(Duration::from_millis(1), reader.recv())
            .await
            .is_err()
    );
    broadcaster.shutdown();
    assert!(reader.recv().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn streams_rotate_after_ten_minutes_give_or_take_a_fifth_and_not_together() {
    let broadcaster = SseBroadcaster::new();
    let mut seconds = ends(&broadcaster, 300, || {}).await;
    seconds.sort_unstable();
    assert!(seconds[0] >= 480 && seconds[299] <= 720, "{seconds:?}");
    for part in 0..6 {
        let (from, to) = (480 + 40 * part, 520 + 40 * part);
        let count = seconds.iter().filter(|at| (from..to).contains(*at)).count();
        assert!(
            (10..=100).contains(&count),
            "{count} of 300 in {from} to {to}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_may_be_longer_than_any_clock_reaches() {
    let config = SseConfig {
        history_age: Duration::MAX,
        keep_alive: Duration::MAX,
        rotate_after: Duration::MAX,
        retry_max: Duration::MAX,
        refresh_every: Duration::MAX,
        presence_linger: Duration::MAX,
        presence_lease: Duration::MAX,
        ..SseConfig::default()
    };
    let broadcaster = SseBroadcaster::from_config(&config);
    let stream = broadcaster.stream("board", LastEventId::default());
    let response = stream.present("board", Person::new("1", "Ann"));
    let mut body = response.into_response().into_body();
    assert!(body.frame().await.is_some());
    broadcaster.refresh("board", "list", None).unwrap();
    assert!(body.frame().await.is_some());
    drop(body);
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(broadcaster.present("board").len(), 1);
    let mut reader = broadcaster.subscribe();
    broadcaster.shutdown_within(Duration::MAX);
    assert!(
        timeout(Duration::from_secs(60), reader.recv())
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn a_backplane_may_take_as_long_as_it_likes() {
    let config = SseConfig {
        backplane_timeout: Duration::MAX,
        ..SseConfig::default()
    };
    let row = SharedRow::default();
    let broadcaster = SseBroadcaster::with_backplane(&config, row.clone());
    let mut reader = broadcaster.subscribe();
    broadcaster.broadcast("one").await.expect("a backplane");
    assert_eq!(next(&mut reader).await, "one");
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_no_topics_stays_open_until_the_end() {
    let broadcaster = SseBroadcaster::new();
    let mut reader = broadcaster.subscribe_to(Vec::<String>::new());
    let silence = timeout(Duration::from_secs(60), reader.recv()).await;
    assert!(silence.is_err(), "{silence:?}");
    broadcaster.shutdown();
    assert!(reader.recv().await.is_err());
    drop(reader);
    assert_eq!(broadcaster.topics(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_until_the_others_will_get_everything() {
    let row = SharedRow::default();
    let (a, own) = instance_with_own_way(&row);
    let b = instance(&row);
    let mut at_b = b.subscribe();
    sleep(Duration::from_secs(1)).await;
    own.set(Trouble::Down);
    for number in 0..200 {
        a.broadcast(number.to_string());
    }
    let _ann = a.enter("board", Person::new("1", "Ann"));
    for _ in 0..2 {
        a.refresh("everyone", "list", None).unwrap();
    }
    a.shutdown();
    a.refresh("everyone", "after the end", None).unwrap();
    let wait = timeout(Duration::from_secs(20), a.flushed()).await;
    assert!(wait.is_err());
    // Numbers, two refreshes, who has come, and what was said at the end.
    assert_eq!(a.unsent(), 204);
    own.set(Trouble::None);
    a.flushed().await;
    assert_eq!(a.unsent(), 0);
    drop(a);
    assert_eq!(take(&mut at_b, 200).await, numbers(0..200));
    for event in ["list", "list", "after the end"] {
        let message = at_b.recv().await.unwrap();
        assert_eq!(message.event(), Some(event));
    }
    assert!(b.present("board").is_empty());
    b.broadcast("on");
    assert_eq!(next(&mut at_b).await, "on");
}

#[test]
fn a_runtime_ends_while_people_are_present() {
    let (ended, has_ended) = mpsc::channel();
    thread::spawn(move || {
        let broadcaster = SseBroadcaster::new();
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        for id in ["1", "2"] {
            let stream = broadcaster.stream("board", LastEventId::default());
            let response = stream.present("board", Person::new(id, id));
            let response = runtime.block_on(async { response.into_response() });
            runtime.spawn(response.into_body().collect());
        }
        runtime.block_on(yield_now());
        drop(runtime);
        ended.send(broadcaster.present("board").len())
    });
    assert_eq!(has_ended.recv_timeout(Duration::from_secs(20)), Ok(2));
}
