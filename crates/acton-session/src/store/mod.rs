use std::{fmt, sync::Arc, time::Duration};

use tokio::sync::{Mutex, MutexGuard};
use tower_sessions::SessionStore;

pub(crate) use self::key::Key;
pub use self::stats::StoreStats;
use self::{
    budget::{Budget, Purpose},
    custom::Custom,
    stats::Counters,
    watch::Watchers,
};
use crate::{error::Error, record::Slot};

mod budget;
mod custom;
pub(crate) mod end;
mod key;
mod list;
#[cfg(feature = "memory")]
mod memory;
#[cfg(feature = "redis")]
mod redis;
mod stats;
#[cfg(feature = "memory")]
mod users;
pub(crate) mod watch;

/// Where sessions are kept: one type, whatever the configuration says.
///
/// Clones share the sessions.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    /// How long the request that asks may wait; nobody else is in a hurry.
    budget: Option<Arc<Budget>>,
    purpose: Purpose,
}

struct Inner {
    backend: Backend,
    turns: Box<[Mutex<()>; TURNS]>,
    watchers: Watchers,
    counters: Counters,
}

enum Backend {
    #[cfg(feature = "memory")]
    Memory(memory::Memory),
    #[cfg(feature = "redis")]
    Redis(redis::Redis),
    Custom(Custom),
}

const TURNS: usize = 64;
const PATIENCE: Duration = Duration::from_millis(200);
/// What is in the list of a user and ends before this time is over does not count: ids that were exchanged are there
/// for so long.
const SOON_MS: u64 = 60_000;
/// So many are ended by one login, where there are too many.
const EXCESS: usize = 16;

/// A slot as it was when somebody looked.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) slot: Arc<Slot>,
    #[cfg_attr(
        not(any(feature = "memory", feature = "redis")),
        expect(dead_code, reason = "a custom store compares the slots themselves")
    )]
    pub(crate) version: Version,
}

/// How a backend recognises that a slot is still the same.
#[derive(Clone, Debug)]
pub(crate) enum Version {
    /// Counted by the backend.
    #[cfg(feature = "memory")]
    Number(u64),
    /// The very bytes.
    #[cfg(feature = "redis")]
    Bytes(bytes::Bytes),
    /// It cannot.
    Unknown,
}

/// What became of an attempt to replace a slot.
pub(crate) enum Swap {
    /// It was still the same and now holds the new value.
    Done(Snapshot),
    /// Somebody was faster; this is there now.
    Changed(Option<Snapshot>),
}

impl Store {
    /// Sessions in the memory of this process, 100 000 at most.
    ///
    /// When there is no room, the anonymous session that would end first gives way, then the sign that a session has
    /// ended or has another id, and only then the session of somebody who is logged in. What is over is swept away as
    /// others are written.
    #[cfg(feature = "memory")]
    #[must_use]
    pub fn memory() -> Self {
        Self::memory_with_capacity(100_000)
    }

    /// As [`Store::memory`], for another number of sessions.
    #[cfg(feature = "memory")]
    #[must_use]
    pub fn memory_with_capacity(max_sessions: usize) -> Self {
        Self::new(Backend::Memory(memory::Memory::new(max_sessions)))
    }

    /// Sessions in Redis, shared by every instance.
    ///
    /// The pool comes connected or connecting, with a reconnect policy; every command has a deadline of one second, and
    /// all those of one request together have one of 1.5 seconds. What a request asks of
    /// [`SessionRegistry`](crate::SessionRegistry) has ten seconds of its own, 400 milliseconds for each command.
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn redis(pool: tower_sessions_redis_store::fred::prelude::Pool) -> Self {
        Self::new(Backend::Redis(redis::Redis::new(pool)))
    }

    /// Sessions in any store made for tower-sessions.
    ///
    /// Such a store can only overwrite. Requests of this process still merge what they write, one after the other, and
    /// everything that is promised of sessions holds for a service of one instance, also when it is started again, as
    /// long as the store does nothing of a command any more that it did not answer within a second. Of several instances
    /// it does not:
    ///
    /// - Two that write to one session at the same moment can lose a key.
    /// - One that writes to a session which another one ends at that moment can bring it back to life: a logout, or a
    ///   revocation after a change of password, is undone then.
    /// - Where two log a user in at the same moment, one of the two sessions, or remembered browsers, may be missing in
    ///   the list of the user from then on, so nobody lists or revokes it.
    ///
    /// Where more than one instance runs, take [`Store::redis`].
    #[must_use]
    pub fn custom(store: impl SessionStore) -> Self {
        Self::new(Backend::Custom(Custom::new(Arc::new(store))))
    }

    /// Asks the store whether it is there, for a readiness check.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when it does not answer within a second.
    pub async fn ping(&self) -> Result<(), Error> {
        match &self.inner.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(_) => Ok(()),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => redis.ping().await,
            Backend::Custom(custom) => custom.ping().await,
        }
    }

    /// How the store has answered since this process began; nothing is counted where sessions are in this process.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        self.inner.counters.read()
    }

    fn new(backend: Backend) -> Self {
        let inner = Arc::new(Inner {
            backend,
            turns: Box::new(std::array::from_fn(|_| Mutex::default())),
            watchers: Watchers::default(),
            counters: Counters::default(),
        });
        Self {
            inner,
            budget: None,
            purpose: Purpose::Request,
        }
    }

    /// The same store for one request, whose commands share one deadline.
    pub(crate) fn for_request(&self) -> Self {
        let is_here = match &self.inner.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(_) => true,
            #[cfg(feature = "redis")]
            Backend::Redis(_) => false,
            Backend::Custom(_) => false,
        };
        Self {
            inner: Arc::clone(&self.inner),
            budget: (!is_here).then(|| Arc::new(Budget::full())),
            purpose: Purpose::Request,
        }
    }

    /// The same store for ending the sessions of a user, which has a deadline of its own.
    pub(crate) fn for_revocation(mut self) -> Self {
        self.purpose = Purpose::Revocation;
        self
    }

    /// The request is over, and what is left to do has time.
    pub(crate) fn take_time(&self) {
        if let Some(budget) = &self.budget {
            budget.lift();
        }
    }

    async fn spend<T>(&self, command: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match &self.budget {
            Some(budget) => budget.spend(self.purpose, command).await,
            None => command.await,
        }
    }

    async fn count<T>(&self, command: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.inner.counters.time(self.spend(command)).await
    }

    /// Makes writers of one session queue up in this process, once they have met.
    ///
    /// Each attempt of a crowd would fail but one. Nobody waits long: the queue saves work and decides nothing.
    pub(crate) async fn queue(&self, key: &Key) -> Option<MutexGuard<'_, ()>> {
        let turn = self.inner.turns[key.place(TURNS)].lock();
        tokio::time::timeout(PATIENCE, turn).await.ok()
    }

    pub(crate) fn watchers(&self) -> &Watchers {
        &self.inner.watchers
    }

    // Commands that travel are put aside: their futures are large, and would be in those of all requests.

    pub(crate) async fn load(&self, key: &Key) -> Result<Option<Snapshot>, Error> {
        match &self.inner.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(memory) => Ok(memory.load(key)),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => Box::pin(self.count(redis.load(key))).await,
            Backend::Custom(custom) => Box::pin(self.count(custom.load(key))).await,
        }
    }

    /// Writes where nothing is yet.
    pub(crate) async fn create(
        &self,
        key: &Key,
        slot: Slot,
        expires_ms: u64,
    ) -> Result<Swap, Error> {
        match &self.inner.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(memory) => Ok(memory.swap(key, None, slot, expires_ms)),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => {
                Box::pin(self.count(redis.swap(key, None, slot, expires_ms))).await
            }
            Backend::Custom(custom) => {
                Box::pin(self.count(custom.create(key, slot, expires_ms))).await
            }
        }
    }

    /// Replaces what was seen, if it is still there.
    pub(crate) async fn swap(
        &self,
        key: &Key,
        seen: &Snapshot,
        slot: Slot,
        expires_ms: u64,
    ) -> Result<Swap, Error> {
        match &self.inner.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(memory) => Ok(memory.swap(key, Some(seen), slot, expires_ms)),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => {
                let swap = redis.swap(key, Some(seen), slot, expires_ms);
                Box::pin(self.count(swap)).await
            }
            Backend::Custom(custom) => {
                Box::pin(self.count(custom.swap(key, seen, slot, expires_ms))).await
            }
        }
    }

    /// Remembers that a session belongs to a user; it does not live longer than `until_ms`.
    ///
    /// Returns the first of those that are too many, if there may be only so many; those whose end is near do not count.
    pub(crate) async fn enlist(
        &self,
        user: &Key,
        session: &Key,
        until_ms: u64,
        most: Option<usize>,
    ) -> Result<Vec<Key>, Error> {
        let most = most.unwrap_or(usize::MAX);
        let mut excess = match &self.inner.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(memory) => memory.users.add(user, session, until_ms, most),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => {
                Box::pin(self.spend(redis.enlist(user, session, until_ms, most))).await?
            }
            Backend::Custom(custom) => {
                Box::pin(self.spend(custom.enlist(user, session, until_ms, most))).await?
            }
        };
        excess.retain(|key| key != session);
        Ok(excess)
    }

    /// Forgets that a session belonged to a user.
    pub(crate) async fn delist(&self, user: &Key, session: &Key) -> Result<(), Error> {
        self.delist_before(user, session, u64::MAX).await
    }

    /// As [`delist`](Self::delist), unless the session was enlisted for longer than `until_ms`.
    pub(crate) async fn delist_before(
        &self,
        user: &Key,
        session: &Key,
        until_ms: u64,
    ) -> Result<(), Error> {
        match &self.inner.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(memory) => memory.users.remove(user, session, until_ms),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => {
                Box::pin(self.spend(redis.delist(user, session, until_ms))).await?
            }
            Backend::Custom(custom) => {
                Box::pin(self.spend(custom.delist(user, session, until_ms))).await?
            }
        }
        Ok(())
    }

    /// The sessions of a user, some of which may have ended.
    pub(crate) async fn listed(&self, user: &Key) -> Result<Vec<Key>, Error> {
        match &self.inner.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(memory) => Ok(memory.users.of(user)),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => Box::pin(self.spend(redis.listed(user))).await,
            Backend::Custom(custom) => Box::pin(self.spend(custom.listed(user))).await,
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.inner.backend {
            #[cfg(feature = "memory")]
            Backend::Memory(_) => "memory",
            #[cfg(feature = "redis")]
            Backend::Redis(_) => "redis",
            Backend::Custom(_) => "custom",
        };
        formatter.debug_tuple("Store").field(&name).finish()
    }
}
