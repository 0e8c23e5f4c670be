//! A time limit that costs nothing until somebody has to wait.

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep},
};

/// A timer that starts when it is first asked.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    running: bool,
    /// Kept for the next time: a timer is cheaper to set again than to make.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Is ready when it was asked for the first time so long ago.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, after: Duration) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(after)));
        if !self.running {
            self.running = true;
            // A time beyond what clocks count is as far away as it was when the timer was made.
            if let Some(end) = Instant::now().checked_add(after) {
                sleep.as_mut().reset(end);
            }
        }
        // It also ends what has used up its share of the runtime each time it was asked.
        pin!(unconstrained(sleep.as_mut())).poll(cx)
    }

    /// Whether it was asked and is not ready, told without asking again: the task that asked last is still the one that
    /// is woken.
    pub(crate) fn is_pending(&self) -> bool {
        let is_to_come = |sleep: &Pin<Box<Sleep>>| !sleep.is_elapsed();
        self.running && self.sleep.as_ref().is_some_and(is_to_come)
    }

    /// Whether somebody waits.
    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    /// Begins anew when it is asked the next time.
    pub(crate) fn stop(&mut self) {
        self.running = false;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn a_time_beyond_what_clocks_count_does_not_come() {
        let mut deadline = Deadline::default();
        for _ in 0..2 {
            let polled = poll_fn(|cx| Poll::Ready(deadline.poll(cx, Duration::MAX))).await;
            assert!(polled.is_pending());
            deadline.stop();
        }
    }
}
