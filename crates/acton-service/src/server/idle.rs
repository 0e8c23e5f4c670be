//! Whether a connection is idle for too long.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use super::deadline::Deadline;

/// How often it is looked at within the time that it may be idle.
const LOOKS: u32 = 8;

/// A connection that is idle is looked at now and then, so that a request needs neither a clock nor a timer: it ends after
/// its time, or an eighth later.
#[derive(Debug, Default)]
pub(super) struct Idle {
    look: Deadline,
    /// How many looks found that nothing had happened since the one before; the first one comes early.
    quiet: u32,
}

impl Idle {
    /// Ready when the connection was idle for so long.
    ///
    /// Asked when nothing comes; over TLS also while a request is answered, and then hyper does not ask again when it is.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        limit: Duration,
        is_idle: bool,
    ) -> Poll<()> {
        // A connection has one task, and to register it for each request would cost as much as the rest of this.
        if self.look.is_pending() {
            return Poll::Pending;
        }
        while self.look.poll(cx, limit / LOOKS).is_ready() {
            self.look.stop();
            self.quiet = if is_idle { self.quiet + 1 } else { 0 };
            if self.quiet > LOOKS {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Something came.
    pub(super) fn interrupt(&mut self) {
        self.quiet = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(80);

    async fn wait(idle: &mut Idle, is_idle: bool) {
        poll_fn(|cx| idle.poll(cx, LIMIT, is_idle)).await;
    }

    async fn ends_in_time(mut idle: Idle) {
        let begun = Instant::now();
        wait(&mut idle, true).await;
        let waited = begun.elapsed();
        assert!(
            waited >= LIMIT && waited <= LIMIT + LIMIT / LOOKS,
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_after_its_time_or_an_eighth_later() {
        for before in [0, 1, 5, 9, 10, 11, 79] {
            let mut idle = Idle::default();
            let early = timeout(Duration::from_secs(before), wait(&mut idle, true)).await;
            assert!(early.is_err());
            idle.interrupt();
            ends_in_time(idle).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_takes_longer_is_not_idle() {
        for takes in [1, 11, 80, 200] {
            let mut idle = Idle::default();
            let answer = timeout(Duration::from_secs(takes), wait(&mut idle, false)).await;
            assert!(answer.is_err());
            ends_in_time(idle).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_nobody_asks_no_time_is_counted() {
        let mut idle = Idle::default();
        let begun = timeout(Duration::from_secs(1), wait(&mut idle, true)).await;
        assert!(begun.is_err());
        sleep(LIMIT * 2).await;
        let begun = Instant::now();
        wait(&mut idle, true).await;
        assert!(begun.elapsed() >= LIMIT - LIMIT / LOOKS);
    }
}
