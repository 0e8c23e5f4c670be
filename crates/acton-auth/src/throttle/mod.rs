//! Failed logins, counted for each account and each address.

mod memory;
#[cfg(feature = "redis")]
mod redis;
mod store;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;

use crate::Error;

pub use memory::MemoryFailures;
#[cfg(feature = "redis")]
pub use redis::RedisFailures;
pub use store::{FailureStore, Refused, Rule};

/// How many failures are too many.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleConfig {
    /// Where failures are counted. Default: `memory`.
    ///
    /// Whoever makes the [`Throttle`] reads it; [`Throttle::new`] counts in memory.
    pub storage: ThrottleStorage,
    /// Failures of one account within `account_window` after which it is blocked. Default: 10.
    pub account_failures: u32,
    /// The window for an account, and its first block, e.g. `15m`. Default: 15 minutes.
    ///
    /// Every further block without a success in between lasts twice as long as the one before.
    #[serde(with = "humantime_serde")]
    pub account_window: Duration,
    /// The longest block of an account or an address, e.g. `1h`. Default: 1 hour.
    ///
    /// It bounds what a stranger can do to the owner of an account, or to others behind the same address.
    #[serde(with = "humantime_serde")]
    pub longest_block: Duration,
    /// Accounts that one address may fail on within `address_window`; then it is blocked. Default: 10.
    pub address_failures: u32,
    /// The window for an address, and its first block, e.g. `2m`. Default: 2 minutes, so 5 a minute at most.
    ///
    /// Every further block lasts twice as long as the one before.
    #[serde(with = "humantime_serde")]
    pub address_window: Duration,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            storage: ThrottleStorage::default(),
            account_failures: 10,
            account_window: Duration::from_secs(15 * 60),
            longest_block: Duration::from_secs(60 * 60),
            address_failures: 10,
            address_window: Duration::from_secs(2 * 60),
        }
    }
}

/// Where failures are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ThrottleStorage {
    /// In this process; each instance counts for itself.
    #[default]
    Memory,
    /// In Redis, for every instance together.
    Redis,
}

/// Slows down whoever guesses passwords.
///
/// Two things are counted: the failures of an account, wherever they come from,
/// and the accounts that an address fails on. Failing on one account over and over is the account's to count,
/// so a person who forgot a password does not lock out the colleagues behind the same address.
/// A success costs nothing and clears the account.
///
/// An attempt counts from its start until it [`succeeded`](Attempt::succeeded) or was
/// [`not_tried`](Attempt::not_tried): many guesses at the same time are many failures, not one.
///
/// Cloning is cheap; clones count together.
///
/// ```
/// # async fn example(right: bool) -> Result<(), acton_auth::Error> {
/// use acton_auth::Throttle;
///
/// let throttle = Throttle::default();
/// let attempt = throttle.attempt("alice", [192, 0, 2, 1]).await?; // 429 with Retry-After
/// if right {
///     attempt.succeeded().await;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Throttle {
    store: Arc<dyn FailureStore>,
    counts: Arc<Counts>,
    account: Rule,
    address: Rule,
}

/// What this process has seen since its start.
#[derive(Default)]
struct Counts {
    failed: AtomicU64,
    refused: AtomicU64,
}

/// One attempt, which is a failure unless it is said to have succeeded.
#[must_use = "an attempt that is dropped was a failure"]
pub struct Attempt {
    throttle: Throttle,
    keys: Keys,
    charged_address: bool,
    is_failure: bool,
}

struct Keys {
    account: String,
    address: String,
    pair: String,
}

impl Throttle {
    /// Counts in memory: the counts end with the process, and each instance of a service has its own.
    #[must_use]
    pub fn new(config: &ThrottleConfig) -> Self {
        Self::with_store(config, MemoryFailures::default())
    }

    /// Counts in `store`.
    #[must_use]
    pub fn with_store(config: &ThrottleConfig, store: impl FailureStore) -> Self {
        Self {
            store: Arc::new(store),
            counts: Arc::default(),
            account: Rule {
                limit: config.account_failures,
                window: config.account_window,
                longest_block: Some(config.longest_block),
            },
            address: Rule {
                limit: config.address_failures,
                window: config.address_window,
                longest_block: Some(config.longest_block),
            },
        }
    }

    /// Begins an attempt to log into `account` (as it was typed) from `address`.
    ///
    /// # Errors
    ///
    /// [`Error::Throttled`] when the account is blocked, also for the right password,
    /// or when the address has failed on too many accounts. What is refused costs neither of them anything.
    pub async fn attempt(
        &self,
        account: &str,
        address: impl Into<IpAddr>,
    ) -> Result<Attempt, Error> {
        let attempt = self.charge(Keys::new(account, address.into())).await;
        if attempt.is_err() {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        attempt
    }

    /// Attempts that have failed since this process began.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.counts.failed.load(Ordering::Relaxed)
    }

    /// Attempts that were refused since this process began, because too many had failed.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.counts.refused.load(Ordering::Relaxed)
    }

    async fn charge(&self, keys: Keys) -> Result<Attempt, Error> {
        let once = Rule {
            limit: 1,
            longest_block: None,
            ..self.account
        };
        let charged_address = self.store.charge(&keys.pair, once).await.is_ok();
        if charged_address
            && let Err(refused) = self.store.charge(&keys.address, self.address).await
        {
            self.store.forget(&keys.pair).await;
            return Err(refused.into());
        }
        if let Err(refused) = self.store.charge(&keys.account, self.account).await {
            if charged_address {
                self.refund_address(&keys).await;
            }
            return Err(refused.into());
        }
        Ok(Attempt {
            throttle: self.clone(),
            keys,
            charged_address,
            is_failure: true,
        })
    }

    async fn refund_address(&self, keys: &Keys) {
        self.store.forget(&keys.pair).await;
        self.store.refund(&keys.address).await;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.is_failure {
            self.throttle.counts.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Attempt {
    /// The password was right: the attempt costs nothing, and the account's failures are forgotten.
    pub async fn succeeded(mut self) {
        self.is_failure = false;
        let store = &self.throttle.store;
        store.forget(&self.keys.account).await;
        store.forget(&self.keys.pair).await;
        if self.charged_address {
            store.refund(&self.keys.address).await;
        }
    }

    /// No password was compared, for example because the queue was full: the attempt costs nothing.
    pub async fn not_tried(mut self) {
        self.is_failure = false;
        let store = &self.throttle.store;
        store.refund(&self.keys.account).await;
        if self.charged_address {
            self.throttle.refund_address(&self.keys).await;
        }
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(&ThrottleConfig::default())
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("account", &self.account)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Attempt {
    /// Without the account: people type passwords into the wrong field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("address", &self.keys.address)
            .finish_non_exhaustive()
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Throttled {
            retry_after: refused.retry_after,
        }
    }
}

impl Keys {
    fn new(account: &str, address: IpAddr) -> Self {
        let account = account.trim().to_lowercase();
        let address = network(address);
        Self {
            pair: format!("pair:{address}:{account}"),
            account: format!("account:{account}"),
            address: format!("address:{address}"),
        }
    }
}

/// One customer usually has a whole /64 of IPv6, and one address of IPv4.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}
