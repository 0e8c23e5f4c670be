use std::{
    future::Future,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

use crate::error::Error;

/// How long one request may wait for the store, all its commands together: what fails is answered within 2 seconds.
const REQUEST: Duration = Duration::from_millis(1_500);
/// How long it may take to end the sessions of a user beside that: there may be many.
const REVOCATION: Duration = Duration::from_secs(10);
/// And each command of it, so that those 2 seconds hold where the store does not answer at all.
const REVOCATION_COMMAND: Duration = Duration::from_millis(400);

/// What is left of both, in microseconds.
///
/// A command that fails takes the rest along, so that a request waits once for a store that is down, and not once for
/// each of its commands.
pub(super) struct Budget {
    request: AtomicU64,
    revocation: AtomicU64,
}

/// What a command is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Request,
    Revocation,
}

impl Budget {
    pub(super) fn full() -> Self {
        Self {
            request: AtomicU64::new(micros(REQUEST)),
            revocation: AtomicU64::new(micros(REVOCATION)),
        }
    }

    /// Nobody waits any more.
    pub(super) fn lift(&self) {
        self.request.store(u64::MAX, Relaxed);
    }

    pub(super) async fn spend<T>(
        &self,
        purpose: Purpose,
        command: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let (account, most) = match purpose {
            Purpose::Request => (&self.request, u64::MAX),
            Purpose::Revocation => (&self.revocation, micros(REVOCATION_COMMAND)),
        };
        let left = account.load(Relaxed);
        if left == 0 {
            return Err(late());
        }
        let begun = Instant::now();
        let deadline = Duration::from_micros(left.min(most));
        let answer = tokio::time::timeout(deadline, command).await;
        let outcome = answer.unwrap_or_else(|_| Err(late()));
        if matches!(outcome, Err(Error::Unavailable(_))) {
            self.request.store(0, Relaxed);
            self.revocation.store(0, Relaxed);
        } else if left != u64::MAX {
            let left = left.saturating_sub(micros(begun.elapsed()));
            account.store(left, Relaxed);
        }
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
    use super::{
        Purpose::{Request, Revocation},
        *,
    };
    use std::future::{pending, ready};

    async fn slow(millis: u64) -> Result<(), Error> {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_that_is_late_is_the_last_one() {
        for (purpose, most) in [(Request, REQUEST), (Revocation, REVOCATION_COMMAND)] {
            let budget = Budget::full();
            assert!(budget.spend(purpose, ready(Ok(1))).await.is_ok());
            let begun = Instant::now();
            let late = budget.spend(purpose, pending::<Result<(), _>>()).await;
            assert!(late.is_err() && begun.elapsed() <= most + Duration::from_millis(2));
            let begun = Instant::now();
            for purpose in [Request, Revocation] {
                assert!(budget.spend(purpose, ready(Ok(1))).await.is_err());
            }
            assert!(begun.elapsed().is_zero());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn several_slow_commands_share_one_deadline() {
        let budget = Budget::full();
        assert!(budget.spend(Request, slow(800)).await.is_ok());
        assert!(budget.spend(Request, slow(800)).await.is_err());
        budget.lift();
        for _ in 0..2 {
            assert!(budget.spend(Request, slow(800)).await.is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_revocation_takes_no_time_from_its_request_and_ends_as_well() {
        let budget = Budget::full();
        for _ in 0..33 {
            assert!(budget.spend(Revocation, slow(300)).await.is_ok());
        }
        assert!(budget.spend(Request, slow(1_400)).await.is_ok());
        assert!(budget.spend(Revocation, slow(300)).await.is_err());
    }
}
