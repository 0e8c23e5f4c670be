use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use crate::{
    error::Error,
    record::{Lifetimes, Slot, Stored, millis, now_ms},
    store::{Key, Store},
    visit::Visit,
};

/// How long a session that is listed already may take to begin. Until then it is not taken for one that has ended.
const BEGINNING_MS: u64 = 60_000;
/// How often an id is exchanged within a minute, at most, for anybody to look so far.
const EXCHANGES: usize = 64;

/// The sessions of every user: who is logged in where, and how to end it.
///
/// Also an extractor. Handlers end the sessions of a user who was disabled or deleted with
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
    current: Option<Key>,
}

/// One session of a user, as a page that lists them shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActiveSession {
    /// Names the session in [`SessionRegistry::revoke`]; it gives no access to it.
    pub handle: String,
    /// The `User-Agent` that logged in.
    pub device: Option<String>,
    /// When the user logged in.
    pub since: SystemTime,
    /// When the session was last used, to the nearest tenth of the idle time.
    pub last_seen: SystemTime,
    /// Whether it is the session that asks.
    pub is_current: bool,
}

impl SessionRegistry {
    pub(crate) fn new(store: Store, lifetimes: Lifetimes) -> Self {
        Self {
            store,
            lifetimes,
            current: None,
        }
    }

    /// The sessions of a user, the one used last first.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer.
    pub async fn list(&self, user_id: &str) -> Result<Vec<ActiveSession>, Error> {
        let mut sessions = Vec::new();
        let absolute = millis(self.lifetimes.absolute);
        let begun = now_ms()
            .saturating_add(absolute)
            .saturating_sub(BEGINNING_MS);
        for key in self.keys(user_id).await? {
            match self.look(&key).await?.as_deref() {
                Some(Slot::Live(session)) if session.user() == Some(user_id) => {
                    sessions.push(self.describe(&key, session));
                }
                // Who revokes has to find it: the exchange of its id may be undone.
                Some(Slot::Rotated(_)) => {}
                _ => {
                    let list = user_key(user_id);
                    self.store.delist_before(&list, &key, begun).await?;
                }
            }
        }
        sessions.sort_by_key(|session| std::cmp::Reverse((session.is_current, session.last_seen)));
        Ok(sessions)
    }

    /// Ends one session of a user. Returns whether there was such a session.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer.
    pub async fn revoke(&self, user_id: &str, handle: &str) -> Result<bool, Error> {
        let keys = self.keys(user_id).await?;
        let Some(key) = keys.iter().find(|key| handle_of(key) == handle) else {
            return Ok(false);
        };
        // The remembered browser first, or it would be back at once.
        let newest = self.newest(*key).await?;
        if let Some(session) = self.session(&newest, user_id).await? {
            self.end_series(&session).await?;
        }
        let ended = self.end(user_id, key).await?;
        if let Some(Slot::Live(session)) = ended.as_deref() {
            self.end_series(session).await?;
        }
        Ok(ended.is_some())
    }

    /// Ends every session of a user but the one that asks, e.g. after a change of password.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer.
    pub async fn revoke_others(&self, user_id: &str) -> Result<(), Error> {
        let Some(current) = self.current else {
            return self.revoke_but(user_id, None, None).await;
        };
        let keep = self.newest(current).await?;
        let series = self.session(&keep, user_id).await?;
        let series = series.and_then(|session| session.series);
        self.revoke_but(user_id, Some(keep), series.as_deref())
            .await
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer.
    pub async fn revoke_all(&self, user_id: &str) -> Result<(), Error> {
        self.revoke_but(user_id, None, None).await
    }

    /// Ends every session of a user because of this series, which ends last: as long as it is there, the theft is known.
    pub(crate) async fn revoke_stolen(&self, user_id: &str, series: &Key) -> Result<(), Error> {
        self.revoke_but(user_id, None, Some(&series.to_string()))
            .await?;
        self.store.end(series).await.map(drop)
    }

    async fn revoke_but(
        &self,
        user_id: &str,
        keep: Option<Key>,
        series: Option<&str>,
    ) -> Result<(), Error> {
        // Remembered browsers first, or they would be back at once.
        let remembered = remembered_key(user_id);
        for key in self.store.listed(&remembered).await? {
            if series != Some(key.to_string().as_str()) && self.store.end(&key).await?.is_none() {
                self.store.delist_quietly(&remembered, &key).await;
            }
        }
        for key in self.keys(user_id).await? {
            let is_kept = match keep {
                Some(keep) => key == keep || self.newest(key).await? == keep,
                None => false,
            };
            if !is_kept {
                self.end(user_id, &key).await?;
            }
        }
        Ok(())
    }

    async fn keys(&self, user_id: &str) -> Result<Vec<Key>, Error> {
        self.store.listed(&user_key(user_id)).await
    }

    /// It stays in the list until it has ended, so that whoever tries again finds it.
    async fn end(&self, user_id: &str, key: &Key) -> Result<Option<Arc<Slot>>, Error> {
        let ended = self.store.end(key).await?;
        if ended.is_none() {
            self.store.delist_quietly(&user_key(user_id), key).await;
        }
        Ok(ended)
    }

    async fn end_series(&self, session: &Stored) -> Result<(), Error> {
        let series = session.series.as_deref();
        if let Some(series) = series.and_then(Key::parse) {
            self.store.end(&series).await?;
        }
        Ok(())
    }

    /// The key under which a session goes on whose id was exchanged.
    async fn newest(&self, mut key: Key) -> Result<Key, Error> {
        for _ in 0..EXCHANGES {
            match self.look(&key).await?.as_deref() {
                Some(Slot::Rotated(rotated)) if rotated.is_same_user => {
                    key = Key::parse(&rotated.successor).unwrap_or(key);
                }
                _ => break,
            }
        }
        Ok(key)
    }

    /// The session, if it lives and still belongs to the user.
    async fn session(&self, key: &Key, user_id: &str) -> Result<Option<Stored>, Error> {
        Ok(match self.look(key).await?.as_deref() {
            Some(Slot::Live(session)) if session.user() == Some(user_id) => Some(session.clone()),
            _ => None,
        })
    }

    /// What is there, unless its time is over.
    async fn look(&self, key: &Key) -> Result<Option<Arc<Slot>>, Error> {
        let found = self.store.load(key).await?.map(|found| found.slot);
        Ok(found.filter(|slot| match &**slot {
            Slot::Live(session) => session.expires_ms(&self.lifetimes) > now_ms(),
            Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => true,
        }))
    }

    fn describe(&self, key: &Key, session: &Stored) -> ActiveSession {
        ActiveSession {
            handle: handle_of(key),
            device: session.device.clone(),
            since: time_of(session.created_ms),
            last_seen: time_of(session.seen_ms),
            is_current: self.current == Some(*key),
        }
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
        Ok(Self {
            store: visit.store.clone(),
            lifetimes: visit.shared.lifetimes,
            current: visit.key().await?,
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

/// A hash of the store key, which is a hash of the id.
fn handle_of(key: &Key) -> String {
    let hash = Key::hash(b"acton handle", key.to_string().as_bytes());
    hash.to_string().chars().take(16).collect()
}

fn time_of(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::SessionConfig, layer::session_layer, store::Swap};

    const USER: &str = "alice";

    /// A session that is listed and about to be written.
    async fn about_to_begin() -> (SessionRegistry, Key) {
        let registry = session_layer(&SessionConfig::default(), Store::memory()).registry();
        let key = Key::hash(b"test", b"");
        let until_ms = now_ms() + millis(registry.lifetimes.absolute);
        let list = user_key(USER);
        registry.store.enlist(&list, &key, until_ms).await.unwrap();
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
