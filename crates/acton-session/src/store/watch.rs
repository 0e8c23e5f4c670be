use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use super::Key;

/// Those who wait in this process for the end of a session.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    senders: HashMap<Key, watch::Sender<()>>,
    /// At this size, those nobody waits for any more are thrown out.
    sweep_at: usize,
}

impl Watchers {
    /// A receiver whose sender goes away when the session ends.
    pub(crate) fn watch(&self, key: &Key) -> watch::Receiver<()> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.senders.len() >= waiting.sweep_at {
            waiting.senders.retain(|_, sender| !sender.is_closed());
            waiting.sweep_at = 2 * waiting.senders.len() + 64;
        }
        let sender = waiting
            .senders
            .entry(*key)
            .or_insert_with(|| watch::channel(()).0);
        sender.subscribe()
    }

    pub(crate) fn end(&self, key: &Key) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.senders.remove(key);
    }
}
