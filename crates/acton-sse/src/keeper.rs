//! What is due later: changes that wait to be told, people who may come back, instances that must
//! show that they live. One task, which runs only while there is such a thing.

use std::{
    sync::{Arc, Weak},
    task::Waker,
};

use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

use crate::broadcaster::Shared;

/// Wakes readers and makes sure that somebody minds what is due later.
///
/// Outside of a tokio runtime nobody does, until the next call inside of one.
pub(crate) fn attend_to(shared: &Arc<Shared>, wakers: Vec<Waker>) {
    wakers.into_iter().for_each(Waker::wake);
    shared.queued.notify_one();
    let mut state = shared.state();
    if state.is_kept {
        shared.due.notify_one();
    } else if state.next_due().is_some()
        && let Ok(runtime) = Handle::try_current()
    {
        state.is_kept = true;
        // A runtime that ends drops the task in here, and that takes the lock.
        drop(state);
        runtime.spawn(keep(Keeping {
            shared: Arc::downgrade(shared),
            ended: false,
        }));
    }
}

/// Says that nobody minds any more, also when the runtime goes first.
struct Keeping {
    shared: Weak<Shared>,
    ended: bool,
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if !self.ended
            && let Some(shared) = self.shared.upgrade()
        {
            shared.state().is_kept = false;
        }
    }
}

async fn keep(mut keeping: Keeping) {
    while let Some(shared) = keeping.shared.upgrade() {
        let Some(next) = turn(&shared) else {
            keeping.ended = true;
            return;
        };
        let due = Arc::clone(&shared.due);
        drop(shared);
        let _ = timeout_at(next, due.notified()).await;
    }
}

/// Does what is due, and says when the next turn is; nobody keeps the broadcaster after the last.
fn turn(shared: &Shared) -> Option<Instant> {
    let (next, wakers) = {
        let mut state = shared.state();
        let wakers = state.attend(Instant::now());
        let next = state.next_due();
        // Under the same lock, so that nobody counts on a task that is about to end.
        state.is_kept = next.is_some();
        (next, wakers)
    };
    wakers.into_iter().for_each(Waker::wake);
    shared.queued.notify_one();
    next
}
