use std::{
    cmp::Reverse,
    collections::HashSet,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use crate::{
    error::Error,
    record::{Lifetimes, Slot, Stored, millis, now_ms},
    remember::Series,
    store::{Key, Store, end::Gone},
    visit::Visit,
};

/// How long a session that is listed already may take to begin. Until then it is not taken for one that has ended.
const BEGINNING_MS: u64 = 60_000;
/// How often an id is exchanged within a minute, at most, for anybody to look so far.
const EXCHANGES: usize = 64;

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
    current: Option<Key>,
}

/// One session of a user, as a page that lists them shows it; or a browser that is remembered, with whatever sessions it
/// has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActiveSession {
    /// Names it in [`SessionRegistry::revoke`]; it gives no access to it.
    pub handle: String,
    /// The `User-Agent` that logged in.
    pub device: Option<String>,
    /// When the user logged in, or came back in a browser that is remembered.
    pub since: SystemTime,
    /// When the session was last used, to the nearest tenth of the idle time; or when the user last came back, where the
    /// session has ended since.
    pub last_seen: SystemTime,
    /// Whether it is the session that asks.
    pub is_current: bool,
}

/// One session under all its keys.
#[derive(Default)]
struct Chain {
    keys: Vec<Key>,
    series: Vec<Key>,
}

impl SessionRegistry {
    pub(crate) fn new(store: Store, lifetimes: Lifetimes) -> Self {
        Self {
            store: store.for_revocation(),
            lifetimes,
            current: None,
        }
    }

    /// The sessions of a user: the one that asks first, then the one used last.
    ///
    /// A browser that is remembered is there once, also when its session has ended.
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
                Some(slot @ Slot::Live(session)) if session.user() == Some(user_id) => {
                    let series = slot.series();
                    sessions.push((series, self.describe(&series.unwrap_or(key), &key, session)));
                }
                // Who revokes has to find it: the exchange of its id may be undone.
                Some(Slot::Rotated(_)) => {}
                _ => {
                    let list = user_key(user_id);
                    self.store.delist_before(&list, &key, begun).await?;
                }
            }
        }
        for key in self.store.listed(&remembered_key(user_id)).await? {
            if let Some(Slot::Series(series)) = self.look(&key).await?.as_deref()
                && series.is_good()
            {
                sessions.push((Some(key), describe_remembered(&key, series)));
            }
        }
        sessions.sort_by_key(|(_, session)| Reverse((session.is_current, session.last_seen)));
        let mut browsers = HashSet::new();
        sessions.retain(|(browser, _)| browser.is_none_or(|browser| browsers.insert(browser)));
        Ok(sessions.into_iter().map(|(_, session)| session).collect())
    }

    /// Ends one session of a user, or a remembered browser and all its sessions. Returns whether there was such a one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer.
    pub async fn revoke(&self, user_id: &str, handle: &str) -> Result<bool, Error> {
        let is_named = |key: &Key| handle_of(key) == handle;
        let mut has_lived = false;
        // The remembered browser first, or it would be back at once.
        let remembered = remembered_key(user_id);
        for series in self.store.listed(&remembered).await? {
            if is_named(&series) {
                has_lived |= self.end(&remembered, &series).await?.has_lived;
            }
        }
        for key in self.keys(user_id).await? {
            let chain = self.chain(key).await?;
            if !is_named(&key) && !chain.series.iter().any(is_named) {
                continue;
            }
            for series in chain.series {
                self.store.end(&series).await?;
            }
            let gone = self.end(&user_key(user_id), &key).await?;
            for series in gone.series {
                self.store.end(&series).await?;
            }
            has_lived |= gone.has_lived;
        }
        Ok(has_lived)
    }

    /// Ends every session of a user but the one that asks, e.g. after a change of password.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer.
    pub async fn revoke_others(&self, user_id: &str) -> Result<(), Error> {
        self.revoke_but(user_id, self.current, None).await
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
        self.revoke_but(user_id, None, Some(*series)).await?;
        self.store.end(series).await.map(drop)
    }

    async fn revoke_but(
        &self,
        user_id: &str,
        keep: Option<Key>,
        series: Option<Key>,
    ) -> Result<(), Error> {
        // With a browser that was remembered after it was looked for, somebody may have come back.
        while self.revoke_listed(user_id, keep, series).await? {}
        Ok(())
    }

    /// Returns whether a session led to a remembered browser that was not listed a moment before.
    async fn revoke_listed(
        &self,
        user_id: &str,
        keep: Option<Key>,
        series: Option<Key>,
    ) -> Result<bool, Error> {
        let mut kept = match keep {
            Some(keep) => self.chain(keep).await?,
            None => Chain::default(),
        };
        kept.series.extend(series);
        // Remembered browsers first, or they would be back at once.
        let remembered = remembered_key(user_id);
        for key in self.store.listed(&remembered).await? {
            if !kept.series.contains(&key) {
                self.end(&remembered, &key).await?;
            }
        }
        let mut is_found = false;
        for key in self.keys(user_id).await? {
            if let Some(keep) = keep
                && self.is_kept(keep, &mut kept, key).await?
            {
                continue;
            }
            let gone = self.end(&user_key(user_id), &key).await?;
            for series in gone.series {
                let is_other = !kept.series.contains(&series);
                is_found |= is_other && self.store.end(&series).await?.has_lived;
            }
        }
        Ok(is_found)
    }

    /// Whether one of the two has taken over from the other, though the ids may be exchanged while this is asked.
    async fn is_kept(&self, keep: Key, kept: &mut Chain, key: Key) -> Result<bool, Error> {
        if kept.keys.contains(&key) || self.chain(key).await?.keys.contains(&keep) {
            return Ok(true);
        }
        *kept = self.chain(keep).await?;
        Ok(kept.keys.contains(&key))
    }

    async fn keys(&self, user_id: &str) -> Result<Vec<Key>, Error> {
        self.store.listed(&user_key(user_id)).await
    }

    /// It stays in the list until it has ended, so that whoever tries again finds it.
    async fn end(&self, list: &Key, key: &Key) -> Result<Gone, Error> {
        let gone = self.store.end(key).await?;
        if !gone.has_lived {
            self.store.delist_quietly(list, key).await;
        }
        Ok(gone)
    }

    /// The keys under which a session went on whose id was exchanged, and the browsers that were remembered for it.
    async fn chain(&self, key: Key) -> Result<Chain, Error> {
        let mut chain = Chain::default();
        let mut next = Some(key);
        while let Some(key) = next.take() {
            // While an exchange is undone each of two leads to the other.
            if chain.keys.contains(&key) || chain.keys.len() > EXCHANGES {
                break;
            }
            chain.keys.push(key);
            let Some(slot) = self.look(&key).await? else {
                break;
            };
            chain.series.extend(slot.series());
            if let Slot::Rotated(rotated) = &*slot
                && rotated.is_same_user
            {
                next = Key::parse(&rotated.successor);
            }
        }
        Ok(chain)
    }

    /// What is there, unless its time is over.
    async fn look(&self, key: &Key) -> Result<Option<Arc<Slot>>, Error> {
        let found = self.store.load(key).await?.map(|found| found.slot);
        Ok(found.filter(|slot| match &**slot {
            Slot::Live(session) => session.expires_ms(&self.lifetimes) > now_ms(),
            Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => true,
        }))
    }

    fn describe(&self, name: &Key, key: &Key, session: &Stored) -> ActiveSession {
        ActiveSession {
            handle: handle_of(name),
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
        let current = visit.key().await?;
        let registry = Self::new(visit.store.clone(), visit.shared.lifetimes);
        Ok(Self {
            current,
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

fn describe_remembered(key: &Key, series: &Series) -> ActiveSession {
    let renewed = time_of(series.renewed_ms);
    ActiveSession {
        handle: handle_of(key),
        device: series.device.clone(),
        since: renewed,
        last_seen: renewed,
        is_current: false,
    }
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
