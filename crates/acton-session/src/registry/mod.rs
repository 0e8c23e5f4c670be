use std::{cmp::Reverse, fmt, sync::Arc};

use axum_core::extract::FromRequestParts;
use http::request::Parts;

pub use self::active::ActiveSession;
use self::active::lines;
use crate::{
    error::Error,
    record::{Lifetimes, Slot, millis, now_ms},
    store::{Key, Store},
    visit::Visit,
};

mod active;
mod chain;
mod revoke;

/// How long a session that is listed already may take to begin. Until then it is not taken for one that has ended.
const BEGINNING_MS: u64 = 60_000;

/// The sessions of every user: who is logged in where, and how to end it.
///
/// Also an extractor. What a request asks of it may take ten seconds, beside the 1.5 seconds for the request's own
/// session, as long as the store answers each command within 400 milliseconds. What was not ended by then ends when it
/// is tried again.
///
/// Handlers end the sessions of a user who was disabled or deleted with
/// [`revoke_all`](Self::revoke_all).
///
/// ```
/// use acton_session::{Error, SessionRegistry};
///
/// async fn disable(sessions: SessionRegistry) -> Result<(), Error> {
///     // … after the account was marked:
///     sessions.revoke_all("carol").await
/// }
/// ```
#[derive(Clone)]
pub struct SessionRegistry {
    store: Store,
    lifetimes: Lifetimes,
    /// The request that asks.
    visit: Option<Arc<Visit>>,
}

impl SessionRegistry {
    pub(crate) fn new(store: Store, lifetimes: Lifetimes) -> Self {
        Self {
            store: store.for_revocation(),
            lifetimes,
            visit: None,
        }
    }

    /// The sessions of a user: the one that asks first, then the one used last.
    ///
    /// A browser that is remembered is there once, also when its session has ended. Whoever has copied its cookie and
    /// goes on beside it is there too.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer.
    pub async fn list(&self, user_id: &str) -> Result<Vec<ActiveSession>, Error> {
        let mut found = Vec::new();
        let absolute = millis(self.lifetimes.absolute);
        let begun = now_ms()
            .saturating_add(absolute)
            .saturating_sub(BEGINNING_MS);
        for key in self.keys(user_id).await? {
            match self.look(&key).await? {
                Some(slot) if is_of(&slot, user_id) => found.push((key, slot)),
                // Who revokes has to find it: the exchange of its id may be undone.
                Some(slot) if matches!(&*slot, Slot::Rotated(_)) => {}
                _ => {
                    let list = user_key(user_id);
                    self.store.delist_before(&list, &key, begun).await?;
                }
            }
        }
        let mut remembered = self.store.listed(&remembered_key(user_id)).await?;
        remembered.retain(|key| found.iter().all(|(_, slot)| slot.series() != Some(*key)));
        let current = self.current().await?;
        let mut sessions: Vec<_> = lines(found, current).collect();
        for key in remembered {
            if let Some(Slot::Series(series)) = self.look(&key).await?.as_deref()
                && series.is_good()
            {
                sessions.push(ActiveSession::remembered(&key, series));
            }
        }
        sessions.sort_by_key(|session| Reverse((session.is_current, session.last_seen)));
        Ok(sessions)
    }

    /// The session of the request that asks, as it is by now: it may have logged somebody in since it came.
    async fn current(&self) -> Result<Option<Key>, Error> {
        match &self.visit {
            Some(visit) => visit.key().await,
            None => Ok(None),
        }
    }

    async fn keys(&self, user_id: &str) -> Result<Vec<Key>, Error> {
        self.store.listed(&user_key(user_id)).await
    }
}

impl fmt::Debug for SessionRegistry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let store = &self.store;
        formatter
            .debug_struct("SessionRegistry")
            .field("store", store)
            .finish_non_exhaustive()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionRegistry {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let visit = Visit::of(&parts.extensions)?;
        visit.load().await?;
        let registry = Self::new(visit.store.clone(), visit.shared.lifetimes);
        Ok(Self {
            visit: Some(visit),
            ..registry
        })
    }
}

/// The name under which the sessions of a user are listed.
pub(crate) fn user_key(user_id: &str) -> Key {
    Key::hash(b"acton user", user_id.as_bytes())
}

/// The name under which the remembered browsers of a user are listed.
pub(crate) fn remembered_key(user_id: &str) -> Key {
    Key::hash(b"acton remembered", user_id.as_bytes())
}

fn is_of(slot: &Slot, user_id: &str) -> bool {
    match slot {
        Slot::Live(session) => session.user() == Some(user_id),
        Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::SessionConfig, layer::session_layer, record::Stored, store::Swap};

    const USER: &str = "alice";

    /// A session that is listed and about to be written.
    async fn about_to_begin() -> (SessionRegistry, Key) {
        let registry = session_layer(&SessionConfig::default(), Store::memory()).registry();
        let key = Key::hash(b"test", b"");
        let until_ms = now_ms() + millis(registry.lifetimes.absolute);
        let list = user_key(USER);
        let enlisted = registry.store.enlist(&list, &key, until_ms, None);
        enlisted.await.unwrap();
        (registry, key)
    }

    async fn begins(registry: &SessionRegistry, key: &Key) -> bool {
        let slot = Slot::Live(Stored::default());
        let created = registry.store.create(key, slot, now_ms() + 60_000).await;
        matches!(created.unwrap(), Swap::Done(_))
    }

    #[tokio::test]
    async fn what_is_about_to_begin_while_everything_is_ended_does_not_begin() {
        let (registry, key) = about_to_begin().await;
        registry.revoke_all(USER).await.unwrap();
        assert!(!begins(&registry, &key).await);
        assert!(registry.keys(USER).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_about_to_begin_while_somebody_looks_stays_listed() {
        let (registry, key) = about_to_begin().await;
        assert!(registry.list(USER).await.unwrap().is_empty());
        assert!(begins(&registry, &key).await);
        assert_eq!(registry.keys(USER).await.unwrap(), [key]);
    }
}
