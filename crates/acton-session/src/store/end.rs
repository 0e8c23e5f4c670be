use std::sync::Arc;

use super::{Backend, Key, Store};
use crate::{
    error::Error,
    record::{Slot, now_ms},
    registry::{remembered_key, user_key},
};

/// How long commands that are still on their way to the store are kept from doing anything: longer than a request
/// takes.
pub(crate) const FENCE_MS: u64 = 60_000;

impl Store {
    /// Ends a session for good, and everything that waits for its end; or a remembered browser.
    ///
    /// A session whose id was exchanged meanwhile goes on under another one, so that one is ended too where it is of
    /// the same user. What is about to begin under this key does not begin any more. Returns what lived until now, which
    /// is out of the list of its user then.
    pub(crate) async fn end(&self, key: &Key) -> Result<Option<Arc<Slot>>, Error> {
        let mut next = Some(*key);
        while let Some(key) = next.take() {
            let Some(slot) = self.fence(&key).await? else {
                break;
            };
            self.watchers().end(&key);
            let list = match &*slot {
                Slot::Rotated(rotated) => {
                    next = Key::parse(&rotated.successor).filter(|_| rotated.is_same_user);
                    continue;
                }
                Slot::Live(session) => session.user().map(user_key),
                Slot::Series(series) => Some(remembered_key(&series.user)),
                Slot::Ended => break,
            };
            if let Some(list) = list {
                self.delist_quietly(&list, &key).await;
            }
            return Ok(Some(slot));
        }
        Ok(None)
    }

    /// An entry too many does no harm.
    pub(crate) async fn delist_quietly(&self, list: &Key, key: &Key) {
        if let Err(error) = self.delist(list, key).await {
            tracing::debug!(%error, "what has ended stays listed for now");
        }
    }

    /// Puts a sign in the place of whatever is there, and returns that.
    async fn fence(&self, key: &Key) -> Result<Option<Arc<Slot>>, Error> {
        let until_ms = now_ms() + FENCE_MS;
        match &self.inner.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(memory) => Ok(memory.end(key, until_ms)),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => self.count(redis.end(key, until_ms)).await,
            Backend::Custom(custom) => self.count(custom.end(key, until_ms)).await,
        }
    }
}
