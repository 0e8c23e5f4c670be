//! Clients that leave, and how to tell that nothing is left to do for them.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

/// Polls so often and no more, then drops the future. Nothing, if it was not done by then.
pub(crate) async fn polled<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// How many tasks there are while nothing happens.
#[derive(Clone, Copy)]
pub(crate) struct Quiet(usize);

impl Quiet {
    /// Where nothing was begun yet but what stays, such as the connections of a store.
    pub(crate) async fn now() -> Self {
        let mut least = tasks();
        for _ in 0..50 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            least = least.min(tasks());
        }
        Self(least)
    }

    /// Waits until everything that was begun in the background has come to its end, however long it takes.
    pub(crate) async fn again(self) {
        let begun = Instant::now();
        while tasks() > self.0 {
            assert!(begun.elapsed() < Duration::from_secs(120), "it never ends");
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}
