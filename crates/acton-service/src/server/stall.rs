//! Whether a client takes what it is sent.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use super::deadline::Deadline;

/// A client has this long for what waits for it, or for each portion of it, and is given up then. It comes back with
/// its cursor if it still lives.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// How many bytes it has to take within that time, where that much waits.
const PORTION: usize = 64 * 1024;

/// The time that a client needs. A byte now and then does not prolong it.
#[derive(Default)]
pub(super) struct Stall {
    deadline: Deadline,
    taken: usize,
}

impl Stall {
    /// The client takes nothing now; ready when that has lasted too long.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.deadline.is_running() {
            self.taken = 0;
        }
        self.deadline.poll(context, LIMIT)
    }

    /// The client has taken something, and perhaps all.
    pub(super) fn took(&mut self, bytes: usize, is_all: bool) {
        self.taken += bytes;
        if is_all || self.taken >= PORTION {
            self.taken = 0;
            self.deadline.stop();
        }
    }

    /// Whether something waits for the client.
    #[cfg(feature = "sse")]
    pub(super) fn is_running(&self) -> bool {
        self.deadline.is_running()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    /// Whether a client is given up that takes so many bytes every five seconds, of more than it can take.
    async fn is_given_up(bytes: usize) -> bool {
        let mut stall = Stall::default();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(300) {
            let waits = poll_fn(|context| stall.poll(context));
            if timeout(Duration::from_secs(5), waits).await.is_ok() {
                return true;
            }
            stall.took(bytes, false);
        }
        false
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_too_little_is_given_up_and_who_is_only_slow_is_not() {
        assert!(is_given_up(1).await);
        assert!(is_given_up(PORTION / 5).await);
        assert!(!is_given_up(PORTION / 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_taken_all_has_the_whole_time_again() {
        let mut stall = Stall::default();
        for _ in 0..10 {
            let waits = poll_fn(|context| stall.poll(context));
            assert!(timeout(LIMIT / 2, waits).await.is_err());
            stall.took(1, true);
            sleep(LIMIT).await;
        }
        let begun = Instant::now();
        poll_fn(|context| stall.poll(context)).await;
        assert!(begun.elapsed() >= LIMIT);
    }
}
