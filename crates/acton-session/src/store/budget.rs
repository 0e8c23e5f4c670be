use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use crate::error::Error;

/// How long one request may wait for the store, all its commands together: what fails is answered within 2 seconds.
const TOTAL: Duration = Duration::from_millis(1_500);

/// What is left of it, in microseconds.
///
/// A command that fails takes the rest along, so that a request waits once for a store that is down, and not once for
/// each of its commands.
pub(super) struct Budget(AtomicU64);

impl Budget {
    pub(super) fn full() -> Self {
        Self(AtomicU64::new(micros(TOTAL)))
    }

    /// Nobody waits any more.
    pub(super) fn lift(&self) {
        self.0.store(u64::MAX, Relaxed);
    }

    pub(super) async fn spend<T>(
        &self,
        command: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let left = self.0.load(Relaxed);
        if left == 0 {
            return Err(late());
        }
        let begun = Instant::now();
        let answer = tokio::time::timeout(Duration::from_micros(left), command).await;
        let outcome = answer.unwrap_or_else(|_| Err(late()));
        let left = match &outcome {
            Err(Error::Unavailable(_)) => 0,
            _ if left == u64::MAX => left,
            _ => left.saturating_sub(micros(begun.elapsed())),
        };
        self.0.store(left, Relaxed);
        outcome
    }
}

fn late() -> Error {
    Error::Unavailable("no answer in time".to_owned())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    #[tokio::test(start_paused = true)]
    async fn a_command_that_is_late_is_the_last_one() {
        let budget = Budget::full();
        assert!(budget.spend(ready(Ok(1))).await.is_ok());
        let begun = Instant::now();
        assert!(budget.spend(pending::<Result<(), _>>()).await.is_err());
        assert!(begun.elapsed() <= TOTAL + Duration::from_millis(2));
        let begun = Instant::now();
        assert!(budget.spend(pending::<Result<(), _>>()).await.is_err());
        assert!(begun.elapsed().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn several_slow_commands_share_one_deadline() {
        let budget = Budget::full();
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(800)).await;
            Ok(())
        };
        assert!(budget.spend(slow()).await.is_ok());
        assert!(budget.spend(slow()).await.is_err());
        budget.lift();
        assert!(budget.spend(slow()).await.is_ok() && budget.spend(slow()).await.is_ok());
    }
}
