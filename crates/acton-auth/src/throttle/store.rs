use std::{future::Future, pin::Pin, time::Duration};

/// An answer that may have to wait for a store on another machine.
type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where failures are counted.
///
/// A key names an account, an address, or both; it holds what somebody typed, so it may be long.
/// An implementation decides for itself what to answer while it cannot be reached.
pub trait FailureStore: Send + Sync + 'static {
    /// Counts one failure of `key`, or refuses, in one atomic step.
    fn charge<'a>(&'a self, key: &'a str, rule: Rule) -> Later<'a, Result<(), Refused>>;

    /// Takes back the newest failure of `key`, and the block that it led to unless that is over.
    fn refund<'a>(&'a self, key: &'a str) -> Later<'a, ()>;

    /// Forgets everything about `key`, blocks included.
    fn forget<'a>(&'a self, key: &'a str) -> Later<'a, ()>;
}

/// How many failures a key may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Failures within `window`.
    pub limit: u32,
    /// The time that a failure counts.
    pub window: Duration,
    /// Whether reaching the limit blocks the key: for `window` at first,
    /// then twice as long each time, up to this.
    pub longest_block: Option<Duration>,
}

/// The key has too many failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When it may be charged again.
    pub retry_after: Duration,
}
