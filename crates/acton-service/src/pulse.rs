//! Whether requests wait long before anybody begins with them.
//!
//! A handler that keeps a core busy is done when it lets go, so a count of open requests never sees it: those that
//! came meanwhile wait in the runtime's queue. A task that asks to be woken at a certain time waits there too, and how
//! late it is says how long the queue is.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Beats while the queue is long, when each answer depends on the last one.
const SHORT: Duration = Duration::from_millis(5);
/// A queue that is long for so many times the limit is no burst, and so many beats in a row say that it was long all
/// the time and the process was not just stopped once.
const PATIENCE: u32 = 4;
/// After so long without a late beat the overload is over.
const CALM: Duration = Duration::from_secs(1);

/// How late the runtime is; costs requests one load of an atomic as long as it is not.
pub(crate) struct Pulse {
    limit: Duration,
    begun: Instant,
    overload: AtomicBool,
    /// When the next beat should be, in microseconds after the beginning.
    due: AtomicU64,
}

impl Pulse {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            begun: Instant::now(),
            overload: AtomicBool::new(false),
            due: AtomicU64::new(0),
        }
    }

    /// One that has been late for long.
    #[cfg(test)]
    pub(crate) fn overloaded() -> Self {
        let pulse = Self::new(Duration::ZERO);
        pulse.overload.store(true, Ordering::Relaxed);
        pulse
    }

    /// Whether a request that comes now waited too long, in an overload that lasts.
    pub(crate) fn is_late(&self) -> bool {
        self.overload.load(Ordering::Relaxed) && self.lateness() > self.limit
    }

    fn lateness(&self) -> Duration {
        let due = Duration::from_micros(self.due.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(due)
    }

    /// Beats for ever.
    pub(crate) async fn beat(&self) {
        let mut rhythm = Rhythm::new(self.begun, self.limit * PATIENCE);
        loop {
            let pause = if rhythm.overload {
                SHORT
            } else {
                (self.limit / 2).max(SHORT)
            };
            let due = self.begun.elapsed() + pause;
            let micros = due.as_micros().try_into().unwrap_or(u64::MAX);
            self.due.store(micros, Ordering::Relaxed);
            tokio::time::sleep_until((self.begun + due).into()).await;
            let was = rhythm.overload;
            rhythm.beat(Instant::now(), self.lateness() > self.limit);
            self.overload.store(rhythm.overload, Ordering::Relaxed);
            match (was, rhythm.overload) {
                (false, true) => tracing::warn!(
                    "requests wait longer than limits.queue_delay for somebody to begin; refusing some"
                ),
                (true, false) => tracing::info!("requests are begun in time again"),
                _ => {}
            }
        }
    }
}

/// What the beats say.
struct Rhythm {
    burst: Duration,
    overload: bool,
    late: u32,
    last_on_time: Instant,
    last_late: Instant,
}

impl Rhythm {
    fn new(now: Instant, burst: Duration) -> Self {
        Self {
            burst,
            overload: false,
            late: 0,
            last_on_time: now,
            last_late: now,
        }
    }

    fn beat(&mut self, now: Instant, is_late: bool) {
        if is_late {
            self.late += 1;
            self.last_late = now;
            self.overload |= self.late >= PATIENCE && now - self.last_on_time >= self.burst;
        } else {
            self.late = 0;
            self.last_on_time = now;
            self.overload &= now - self.last_late < CALM;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(300);

    #[test]
    fn an_overload_is_a_queue_that_stays_long() {
        let begun = Instant::now();
        let mut rhythm = Rhythm::new(begun, Duration::from_secs(1));
        let seen = (1..=5).map(|beat| {
            rhythm.beat(begun + STEP * beat, true);
            rhythm.overload
        });
        assert_eq!(seen.collect::<Vec<_>>(), [false, false, false, true, true]);
    }

    #[test]
    fn a_process_that_was_stopped_once_is_not_overloaded() {
        let begun = Instant::now();
        let mut rhythm = Rhythm::new(begun, Duration::from_secs(1));
        rhythm.beat(begun + Duration::from_secs(60), true);
        rhythm.beat(begun + Duration::from_secs(61), false);
        assert!(!rhythm.overload);
    }

    #[test]
    fn it_is_over_after_a_second_without_delay() {
        let begun = Instant::now();
        let mut rhythm = Rhythm::new(begun, Duration::from_secs(1));
        for beat in 1..=4 {
            rhythm.beat(begun + STEP * beat, true);
        }
        rhythm.beat(begun + STEP * 5, false);
        assert!(rhythm.overload);
        rhythm.beat(begun + STEP * 8, false);
        assert!(!rhythm.overload);
    }

    #[test]
    fn only_in_an_overload_a_late_request_is_told_so() {
        let pulse = Pulse::new(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(1));
        assert!(!pulse.is_late());
        let pulse = Pulse::overloaded();
        std::thread::sleep(Duration::from_millis(1));
        assert!(pulse.is_late());
        pulse.due.store(60_000_000, Ordering::Relaxed);
        assert!(!pulse.is_late());
    }
}
