//! What readers leave behind.

use acton_sse::prelude::*;

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
