use std::sync::Arc;

use super::{SessionRegistry, active::is_before};
use crate::{
    error::Error,
    record::{Slot, now_ms},
    store::Key,
};

/// How often an id is exchanged within a minute, at most, for anybody to look so far.
const EXCHANGES: usize = 64;

/// One session under all its keys.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) keys: Vec<Key>,
    /// The browsers that were remembered for it.
    pub(super) series: Vec<Key>,
    /// Where it goes on, if it lives.
    live: Option<Arc<Slot>>,
}

impl Chain {
    pub(super) fn user(&self) -> Option<&str> {
        match self.live.as_deref()? {
            Slot::Live(session) => session.user(),
            Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => None,
        }
    }

    /// The browser that is remembered for it where it goes on.
    pub(super) fn browser(&self) -> Option<Key> {
        self.live.as_deref()?.series()
    }

    /// Whether both are of one remembered browser, or of somebody who copied its cookie.
    pub(super) fn shares_series(&self, other: &Self) -> bool {
        self.series
            .iter()
            .any(|series| other.series.contains(series))
    }

    /// Whether it is in one line with the other session, which began later.
    pub(super) fn is_before(&self, later: &Self) -> bool {
        let is_same = self.keys.iter().any(|key| later.keys.contains(key));
        match (&self.live, &later.live) {
            (Some(own), Some(other)) => !is_same && is_before(own, other),
            _ => false,
        }
    }
}

impl SessionRegistry {
    /// The keys under which a session went on whose id was exchanged.
    pub(super) async fn chain(&self, key: Key) -> Result<Chain, Error> {
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
            match &*slot {
                Slot::Live(_) => chain.live = Some(slot),
                Slot::Rotated(rotated) if rotated.is_same_user => {
                    next = Key::parse(&rotated.successor);
                }
                Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => {}
            }
        }
        Ok(chain)
    }

    /// What is there, unless its time is over.
    pub(super) async fn look(&self, key: &Key) -> Result<Option<Arc<Slot>>, Error> {
        let found = self.store.load(key).await?.map(|found| found.slot);
        Ok(found.filter(|slot| match &**slot {
            Slot::Live(session) => session.expires_ms(&self.lifetimes) > now_ms(),
            Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => true,
        }))
    }
}
