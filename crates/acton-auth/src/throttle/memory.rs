use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    fmt,
    future::{Future, ready},
    hash::BuildHasher,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::store::{FailureStore, Refused, Rule};

/// Nobody waits longer, and no sum of times can overflow.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Failures counted in memory, for at most a fixed number of keys.
///
/// Keys are kept as 64-bit hashes under a random secret, so names are neither stored nor chosen to collide.
/// When all places are taken, the keys with the fewest failures are forgotten first:
/// a flood of made-up names cannot push out the account under attack.
pub struct MemoryFailures {
    records: Mutex<HashMap<u64, Record>>,
    hasher: RandomState,
    max_keys: usize,
}

#[derive(Default)]
struct Record {
    failures: VecDeque<Instant>,
    blocked_until: Option<Instant>,
    blocks: u32,
    forgotten_at: Option<Instant>,
}

impl MemoryFailures {
    /// Counts for at most `max_keys` keys at a time.
    #[must_use]
    pub fn new(max_keys: usize) -> Self {
        Self {
            records: Mutex::default(),
            hasher: RandomState::new(),
            max_keys: max_keys.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn charge_now(&self, key: &str, rule: Rule) -> Result<(), Refused> {
        let key = self.hasher.hash_one(key);
        let now = Instant::now();
        let mut records = self.lock();
        if records.len() >= self.max_keys && !records.contains_key(&key) {
            make_room(&mut records, now);
        }
        records.entry(key).or_default().charge(now, rule)
    }
}

impl Default for MemoryFailures {
    /// 100 000 keys, some 30 MB when every one of them is in use.
    fn default() -> Self {
        Self::new(100_000)
    }
}

impl fmt::Debug for MemoryFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFailures")
            .field("max_keys", &self.max_keys)
            .finish_non_exhaustive()
    }
}

impl FailureStore for MemoryFailures {
    fn charge<'a>(
        &'a self,
        key: &'a str,
        rule: Rule,
    ) -> Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>> {
        Box::pin(ready(self.charge_now(key, rule)))
    }

    fn refund<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        if let Some(record) = self.lock().get_mut(&self.hasher.hash_one(key)) {
            record.refund(Instant::now());
        }
        Box::pin(ready(()))
    }

    fn forget<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.lock().remove(&self.hasher.hash_one(key));
        Box::pin(ready(()))
    }
}

impl Record {
    fn charge(&mut self, now: Instant, rule: Rule) -> Result<(), Refused> {
        let window = rule.window.min(YEAR);
        let longest = rule.longest_block.map(|longest| longest.min(YEAR));
        if self.forgotten_at.is_some_and(|at| at <= now) {
            *self = Self::default();
        }
        if let Some(retry_after) = self.blocked_until.and_then(|until| rest(until, now)) {
            return Err(Refused { retry_after });
        }
        while self
            .failures
            .front()
            .is_some_and(|failure| *failure + window <= now)
        {
            self.failures.pop_front();
        }
        if self.failures.len() >= rule.limit as usize {
            let oldest = self.failures.front().copied().unwrap_or(now);
            let retry_after = rest(oldest + window, now).unwrap_or(window);
            return Err(Refused { retry_after });
        }
        self.failures.push_back(now);
        self.forgotten_at = Some(now + window + longest.unwrap_or_default() * 2);
        if let Some(longest) = longest
            && self.failures.len() >= rule.limit as usize
        {
            self.block(now, window, longest);
        }
        Ok(())
    }

    /// A block stands on every failure that led to it. One that is over has been served.
    fn refund(&mut self, now: Instant) {
        self.failures.pop_back();
        if self.blocked_until.take().is_some_and(|until| until > now) {
            self.blocks = self.blocks.saturating_sub(1);
        }
    }

    fn block(&mut self, now: Instant, window: Duration, longest: Duration) {
        let doubled = 2u32.saturating_pow(self.blocks);
        self.blocks += 1;
        self.blocked_until = Some(now + window.saturating_mul(doubled).min(longest));
    }
}

fn rest(until: Instant, now: Instant) -> Option<Duration> {
    until
        .checked_duration_since(now)
        .filter(|rest| !rest.is_zero())
}

fn make_room(records: &mut HashMap<u64, Record>, now: Instant) {
    let before = records.len();
    records.retain(|_, record| record.forgotten_at.is_some_and(|at| at > now));
    if records.len() == before {
        let fewest = records
            .values()
            .map(|record| record.failures.len())
            .min()
            .unwrap_or(0);
        records.retain(|_, record| record.failures.len() > fewest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule {
        limit: 3,
        window: Duration::from_secs(60),
        longest_block: None,
    };

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_names_does_not_push_out_the_account_under_attack() {
        let failures = MemoryFailures::new(100);
        for _ in 0..3 {
            failures.charge("alice", RULE).await.unwrap();
        }
        for number in 0..1000 {
            failures
                .charge(&format!("made-up-{number}"), RULE)
                .await
                .unwrap();
        }
        assert!(failures.charge("alice", RULE).await.is_err());
        assert!(failures.lock().len() <= 100);
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_longer_counts_makes_room_first() {
        let failures = MemoryFailures::new(2);
        failures.charge("old", RULE).await.unwrap();
        tokio::time::advance(Duration::from_secs(61)).await;
        for _ in 0..3 {
            failures.charge("a", RULE).await.unwrap();
        }
        failures.charge("b", RULE).await.unwrap();
        assert!(failures.charge("a", RULE).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_key_hears_when_its_oldest_failure_ends() {
        let failures = MemoryFailures::default();
        failures.charge("a", RULE).await.unwrap();
        tokio::time::advance(Duration::from_secs(20)).await;
        failures.charge("a", RULE).await.unwrap();
        failures.charge("a", RULE).await.unwrap();
        let refused = failures.charge("a", RULE).await.unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(40));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refund_gives_one_failure_back() {
        let failures = MemoryFailures::default();
        for _ in 0..3 {
            failures.charge("a", RULE).await.unwrap();
        }
        failures.refund("a").await;
        assert!(failures.charge("a", RULE).await.is_ok());
        assert!(failures.charge("a", RULE).await.is_err());
    }
}
