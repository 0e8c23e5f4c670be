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

/// What was ended.
#[derive(Default)]
pub(crate) struct Gone {
    /// Whether there was anything: it lived, or was between two ids.
    pub(crate) has_lived: bool,
    /// The remembered browsers whose session it was.
    pub(crate) series: Vec<Key>,
}

impl Store {
    /// Ends a session for good, and everything that waits for its end; or a remembered browser.
    ///
    /// A session whose id was exchanged meanwhile goes on under another one, so that one is ended too where it is of
    /// the same user. What is about to begin under this key does not begin any more. What lived until now is out of the
    /// list of its user then.
    pub(crate) async fn end(&self, key: &Key) -> Result<Gone, Error> {
        let mut gone = Gone::default();
        let mut ended = Vec::new();
        let mut next = Some(*key);
        while let Some(key) = next.take() {
            let Some(slot) = self.fence(&key).await? else {
                break;
            };
            self.watchers().end(&key);
            ended.push(key);
            gone.series.extend(slot.series());
            let list = match &*slot {
                Slot::Rotated(rotated) => {
                    let successor = Key::parse(&rotated.successor);
                    match successor.filter(|_| rotated.is_same_user) {
                        // Its exchange is being undone, which finds the signs of this end.
                        Some(key) if ended.contains(&key) => gone.has_lived = true,
                        Some(key) => next = Some(key),
                        None => gone.has_lived = self.leads_back(successor, &key).await?,
                    }
                    continue;
                }
                Slot::Live(session) => session.user().map(user_key),
                Slot::Series(series) => Some(remembered_key(&series.user)),
                Slot::Ended => break,
            };
            gone.has_lived = true;
            if let Some(list) = list {
                self.delist_quietly(&list, &key).await;
            }
        }
        Ok(gone)
    }

    /// Whether the exchange for another user's session is being undone.
    async fn leads_back(&self, successor: Option<Key>, key: &Key) -> Result<bool, Error> {
        let Some(successor) = successor else {
            return Ok(false);
        };
        let found = self.load(&successor).await?;
        Ok(found.is_some_and(|found| match &*found.slot {
            Slot::Rotated(rotated) => Key::parse(&rotated.successor) == Some(*key),
            Slot::Live(_) | Slot::Series(_) | Slot::Ended => false,
        }))
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
