//! The time limit for heads, with one timer for each connection.
//!
//! hyper makes a timer for every head and drops it when the head is there, and each time the runtime takes a lock that
//! all connections share. Here the timer stays set to the earliest moment, and looks when it rings until when somebody
//! waits.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::rt;
use tokio::time::{Instant, Sleep, sleep_until};

/// Makes waits that share one timer; one at a time is waited for.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadTimer(Arc<Mutex<Option<Pin<Box<Sleep>>>>>);

impl rt::Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Wait {
            deadline: deadline.into(),
            timer: self.clone(),
        })
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into()
    }
}

struct Wait {
    deadline: Instant,
    timer: HeadTimer,
}

impl rt::Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut timer = self.timer.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(self.deadline)));
        if timer.deadline() > self.deadline {
            timer.as_mut().reset(self.deadline);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() == self.deadline {
                return Poll::Ready(());
            }
            // It was set for an earlier head.
            timer.as_mut().reset(self.deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use rt::Timer;

    use super::*;

    /// Waits so many seconds, and says how many it were.
    async fn waited(timer: &HeadTimer, seconds: u64) -> u64 {
        let begun = Instant::now();
        timer.sleep(Duration::from_secs(seconds)).await;
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn every_wait_is_as_long_as_it_should_be() {
        let timer = HeadTimer::default();
        for seconds in [10, 3, 10] {
            // One that nobody waits for to the end, later and earlier than the next.
            for given_up in [5, 20] {
                let mut wait = timer.sleep(Duration::from_secs(given_up));
                assert!((&mut wait).now_or_never().is_none());
                drop(wait);
                tokio::time::advance(Duration::from_secs(1)).await;
                assert_eq!(waited(&timer, seconds).await, seconds);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn heads_that_come_in_time_leave_the_timer_alone() {
        let timer = HeadTimer::default();
        let set = || {
            let slot = timer.0.lock().unwrap();
            slot.as_ref().map(|sleep| sleep.deadline())
        };
        let _ = timer.sleep(Duration::from_secs(10)).now_or_never();
        let first = set();
        tokio::time::advance(Duration::from_secs(9)).await;
        let _ = timer.sleep(Duration::from_secs(10)).now_or_never();
        assert_eq!(set(), first);
    }
}
