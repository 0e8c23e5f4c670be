//! The time limit for heads, with one timer for each connection and no look at the clock for each head.
//!
//! hyper makes a timer for every head and drops it when the head is there, and each time the runtime takes a lock that
//! all connections share. Here the timer stays set, and looks when it rings who waits. Who was not there when it rang
//! the last time has waited since then at most, and is given the whole time from now: that is late by an eighth at most.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::rt;
use tokio::time::{Instant, Sleep, sleep};

/// How many times the timer would ring in the time that is waited for.
const PARTS: u32 = 8;

/// Makes waits that share one timer; one at a time is waited for.
#[derive(Clone, Debug)]
pub(super) struct HeadTimer {
    /// What hyper takes for now, so that it tells how long to wait and not until when.
    now: std::time::Instant,
    timer: Arc<Mutex<Option<Pin<Box<Sleep>>>>>,
}

impl Default for HeadTimer {
    fn default() -> Self {
        Self {
            now: Instant::now().into(),
            timer: Arc::default(),
        }
    }
}

impl HeadTimer {
    fn lock(&self) -> MutexGuard<'_, Option<Pin<Box<Sleep>>>> {
        self.timer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl rt::Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Wait {
            patience: duration,
            end: None,
            timer: self.clone(),
        })
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now))
    }

    fn now(&self) -> std::time::Instant {
        self.now
    }
}

struct Wait {
    patience: Duration,
    /// Known since the timer rang.
    end: Option<Instant>,
    timer: HeadTimer,
}

impl rt::Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self {
            patience,
            end,
            timer,
        } = &mut *self;
        let mut timer = timer.lock();
        let timer = timer.get_or_insert_with(|| Box::pin(sleep(*patience / PARTS)));
        loop {
            ready!(timer.as_mut().poll(context));
            if end.is_some() {
                return Poll::Ready(());
            }
            // A time beyond what clocks count does not come.
            let Some(time) = Instant::now().checked_add(*patience) else {
                return Poll::Pending;
            };
            timer.as_mut().reset(time);
            *end = Some(time);
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        // It is set to the end of this wait, which is too late for the next one.
        if self.end.is_some() {
            *self.timer.lock() = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use rt::Timer;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_wait_is_as_long_as_it_should_be_or_an_eighth_longer() {
        let timer = HeadTimer::default();
        let patience = Duration::from_secs(80);
        for idle in [0, 9, 11, 79, 200] {
            // One that is given up, when the head is there.
            let mut wait = timer.sleep_until(timer.now() + patience);
            let given_up = Duration::from_secs(idle).min(patience);
            assert!(tokio::time::timeout(given_up, &mut wait).await.is_err());
            drop(wait);
            // The request takes its time.
            tokio::time::advance(Duration::from_secs(idle)).await;
            let begun = Instant::now();
            timer.sleep_until(timer.now() + patience).await;
            let waited = begun.elapsed();
            let tick = Duration::from_millis(1);
            assert!(waited >= patience, "{waited:?}");
            assert!(waited <= patience + patience / PARTS + tick, "{waited:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn heads_that_come_in_time_leave_the_timer_alone() {
        let timer = HeadTimer::default();
        let set = || timer.lock().as_ref().map(|sleep| sleep.deadline());
        let patience = Duration::from_secs(80);
        let _ = timer.sleep(patience).now_or_never();
        let first = set();
        tokio::time::advance(Duration::from_secs(9)).await;
        let _ = timer.sleep(patience).now_or_never();
        assert_eq!(set(), first);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_beyond_what_clocks_count_does_not_come() {
        let timer = HeadTimer::default();
        let wait = timer.sleep(Duration::MAX);
        let year = Duration::from_secs(366 * 24 * 3600);
        assert!(tokio::time::timeout(year, wait).await.is_err());
    }
}
