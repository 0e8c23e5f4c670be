//! Random numbers.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

/// 64 random bits from the system; from the hasher's seed, should the system have none.
pub(crate) fn number() -> u64 {
    getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0))
}

/// 64 random bits as sixteen hexadecimal digits.
pub(crate) fn name() -> Arc<str> {
    format!("{:016x}", number()).into()
}

/// A random time between two.
pub(crate) fn between(low: Duration, high: Duration) -> Duration {
    let span = high
        .saturating_sub(low)
        .as_millis()
        .min(u128::from(u64::MAX)) as u64;
    low + Duration::from_millis(number() % span.saturating_add(1).max(1))
}
