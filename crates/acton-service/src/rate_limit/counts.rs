//! What each key has used, in bounded memory.
//!
//! The generic cell rate algorithm: <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Rate;

/// So many locks share the keys, that requests of different clients rarely meet.
const SHARDS: usize = 16;

/// Fewer keys are not worth a look for those that no longer count.
const FEW: usize = 64;

/// Counts requests by key.
///
/// A key is kept as a 64-bit hash under a random secret, so names are neither stored nor chosen to collide, with the
/// moment at which everything that it used has come back. Past that moment it is forgotten.
pub(super) struct Counts {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    begun: Instant,
    window: u64,
    step: u64,
}

struct Shard {
    free_at: HashMap<u64, u64>,
    /// With so many keys it looks for those that no longer count.
    sweep_at: usize,
    most: usize,
}

impl Counts {
    pub(super) fn new(rate: Rate, max_keys: usize) -> Self {
        let most = max_keys.div_ceil(SHARDS).max(1);
        let shard = |_| {
            Mutex::new(Shard {
                free_at: HashMap::new(),
                sweep_at: FEW.min(most),
                most,
            })
        };
        Self {
            shards: std::array::from_fn(shard),
            hasher: RandomState::new(),
            begun: Instant::now(),
            window: rate.window_nanos(),
            step: rate.step_nanos(),
        }
    }

    /// Counts one request; or says in how much time one is allowed again.
    pub(super) fn charge(&self, key: impl Hash) -> Result<(), Duration> {
        let key = self.hasher.hash_one(key);
        let now = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX / 2);
        let mut shard = self.shard(key);
        let known = shard.free_at.get(&key).copied();
        let free_at = known.unwrap_or(0).max(now);
        let most = self.window - self.step;
        if let Some(wait) = (free_at - now).checked_sub(most).filter(|wait| *wait > 0) {
            return Err(Duration::from_nanos(wait));
        }
        if known.is_none() && shard.free_at.len() >= shard.sweep_at {
            shard.make_room(now);
        }
        shard.free_at.insert(key, free_at + self.step);
        Ok(())
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard> {
        // The map uses other bits of the hash than these.
        let shard = &self.shards[(key >> 32) as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// Forgets the keys that no longer count; where there are too many that do, the half that has used the least, so
    /// that a flood of new addresses does not free the one that asks too often.
    fn make_room(&mut self, now: u64) {
        self.free_at.retain(|_, free_at| *free_at > now);
        if self.free_at.len() >= self.most {
            let mut moments: Vec<u64> = self.free_at.values().copied().collect();
            let middle = moments.len() / 2;
            let (_, median, _) = moments.select_nth_unstable(middle);
            let median = *median;
            self.free_at.retain(|_, free_at| *free_at > median);
        }
        self.sweep_at = (self.free_at.len() * 2).max(FEW).min(self.most);
        self.free_at.shrink_to(self.sweep_at);
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Counts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    impl Counts {
        fn len(&self) -> usize {
            let shards = self.shards.iter();
            shards
                .map(|shard| shard.lock().unwrap().free_at.len())
                .sum()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_as_allowed_pass_at_once_and_then_evenly() {
        let counts = Counts::new(Rate::per_minute(6), 100);
        for _ in 0..6 {
            counts.charge("alice").unwrap();
        }
        assert_eq!(counts.charge("alice"), Err(Duration::from_secs(10)));
        assert_eq!(counts.charge("bob"), Ok(()));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(counts.charge("alice"), Err(Duration::from_secs(6)));
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(counts.charge("alice"), Ok(()));
        assert_eq!(counts.charge("alice"), Err(Duration::from_secs(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_refused_uses_nothing() {
        let counts = Counts::new(Rate::per_second(1), 100);
        counts.charge("alice").unwrap();
        for _ in 0..100 {
            counts.charge("alice").unwrap_err();
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(counts.charge("alice"), Ok(()));
    }

    #[test]
    fn requests_at_the_same_time_are_counted_one_by_one() {
        let counts = Arc::new(Counts::new(Rate::per_hour(500), 100));
        let passed = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (counts, passed) = (Arc::clone(&counts), Arc::clone(&passed));
                std::thread::spawn(move || {
                    for _ in 0..200 {
                        if counts.charge("alice").is_ok() {
                            passed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        // One more comes back every 7.2 seconds.
        assert!((500..505).contains(&passed.load(Ordering::Relaxed)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_keys_is_bounded_and_frees_nobody() {
        let counts = Counts::new(Rate::per_hour(5), 1_600);
        for _ in 0..5 {
            counts.charge("alice").unwrap();
        }
        for number in 0..50_000 {
            tokio::time::advance(Duration::from_nanos(1)).await;
            counts.charge(number).unwrap();
            assert!(counts.len() <= 1_600);
        }
        assert!(counts.charge("alice").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_no_longer_count_are_swept() {
        let counts = Counts::new(Rate::per_second(5), 100_000);
        for number in 0..20_000 {
            counts.charge(number).unwrap();
        }
        assert_eq!(counts.len(), 20_000);
        tokio::time::advance(Duration::from_secs(2)).await;
        for number in 20_000..60_000 {
            counts.charge(number).unwrap();
        }
        assert!(counts.len() <= 40_000, "{}", counts.len());
    }
}
