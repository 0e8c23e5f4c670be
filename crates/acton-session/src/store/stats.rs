use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use crate::error::Error;

/// How the store of sessions has answered since this process began; made by [`Store::stats`](crate::Store::stats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Sessions that were asked for, written or deleted.
    pub operations: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// How long all of them took together.
    pub time: Duration,
    /// How many took longer than one of the [`BOUNDS`](Self::BOUNDS) and at most the next; the last took longer than all.
    pub buckets: [u64; Self::BOUNDS.len() + 1],
}

impl StoreStats {
    /// Where one of the [`buckets`](Self::buckets) ends and the next begins: from half a millisecond to 2.5 seconds.
    pub const BOUNDS: [Duration; 12] = [
        Duration::from_micros(500),
        Duration::from_millis(1),
        Duration::from_micros(2_500),
        Duration::from_millis(5),
        Duration::from_millis(10),
        Duration::from_millis(25),
        Duration::from_millis(50),
        Duration::from_millis(100),
        Duration::from_millis(250),
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_millis(2_500),
    ];
}

#[derive(Default)]
pub(super) struct Counters {
    operations: AtomicU64,
    failures: AtomicU64,
    micros: AtomicU64,
    buckets: [AtomicU64; StoreStats::BOUNDS.len() + 1],
}

impl Counters {
    /// Counts `operation`, and how long it took.
    pub(super) async fn time<T>(
        &self,
        operation: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let outcome = operation.await;
        self.add(begun.elapsed());
        if outcome.is_err() {
            self.failures.fetch_add(1, Relaxed);
        }
        outcome
    }

    fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Relaxed);
        self.operations.fetch_add(1, Relaxed);
        let bounds = StoreStats::BOUNDS;
        let bucket = bounds.iter().position(|bound| took <= *bound);
        self.buckets[bucket.unwrap_or(bounds.len())].fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> StoreStats {
        StoreStats {
            operations: self.operations.load(Relaxed),
            failures: self.failures.load(Relaxed),
            time: Duration::from_micros(self.micros.load(Relaxed)),
            buckets: self.buckets.each_ref().map(|bucket| bucket.load(Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_long_is_told_from_what_was_quick() {
        let counters = Counters::default();
        for micros in [1, 500, 501, 2_500_000, 2_500_001, 60_000_000] {
            counters.add(Duration::from_micros(micros));
        }
        let stats = counters.read();
        assert_eq!(stats.buckets, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(stats.operations, 6);
    }
}
