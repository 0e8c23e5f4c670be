//! What readers cost, and what they leave behind.

use std::sync::{Mutex, MutexGuard, PoisonError};

use acton_sse::prelude::*;
use axum::{body::Body, response::IntoResponse};
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::BodyExt;

/// The memory of this process, in KiB.
#[cfg(target_os = "linux")]
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("on Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

#[cfg(not(target_os = "linux"))]
fn memory() -> u64 {
    0
}

/// One at a time, because the memory is that of the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Readers of topics that only they know.
fn come_and_go(broadcaster: &SseBroadcaster, times: usize) {
    let mut seed = 1_u32;
    for _ in 0..times {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let topics = [
            format!("user:{}", seed >> 8),
            format!("room:{}", seed >> 20),
        ];
        drop(broadcaster.subscribe_to(topics));
    }
}

#[test]
fn a_hundred_thousand_readers_leave_nothing_behind() {
    let _alone = alone();
    let broadcaster = SseBroadcaster::new();
    come_and_go(&broadcaster, 10_000);
    let before = memory();
    come_and_go(&broadcaster, 100_000);
    assert_eq!((broadcaster.topics(), broadcaster.subscribers()), (0, 0));
    assert!(
        memory() < before + 8 * 1024,
        "{before} KiB grew to {} KiB",
        memory()
    );
}

fn next(body: &mut Body) -> Bytes {
    let frame = body.frame().now_or_never().flatten();
    let frame = frame.expect("bytes at once").expect("never fails");
    frame.into_data().expect("data")
}

/// Each stream hands out one chunk, which its server cannot send, and holds on to another part of the history.
#[tokio::test]
async fn a_stream_that_takes_nothing_costs_little_and_is_told_what_it_has_missed() {
    const STREAMS: usize = 200;
    let _alone = alone();
    let broadcaster = SseBroadcaster::new();
    let open = || broadcaster.stream("t", LastEventId(None)).into_response();
    let mut bodies: Vec<_> = (0..STREAMS).map(|_| open().into_body()).collect();
    bodies.iter_mut().for_each(|body| drop(next(body)));
    let before = memory();
    let text = "x".repeat(4096);
    let mut chunks = Vec::new();
    for body in &mut bodies {
        // All together are 100 MB.
        for _ in 0..128 {
            broadcaster.publish("t", text.as_str());
        }
        chunks.push(next(body));
    }
    let each = memory().saturating_sub(before) / STREAMS as u64;
    assert!(each <= 256, "{each} KiB for each stream");
    // Who falls out of the history hears of it, behind what it had taken already.
    for body in &mut bodies[..STREAMS - 10] {
        let both = [next(body), next(body)].concat();
        assert!(both.windows(11).any(|bytes| bytes == b"event: gap\n"));
    }
}
