use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;

use super::{RememberChange, Visit, commit::back_off, rotate::Link};
use crate::{
    auth,
    error::Error,
    record::{PendingFlash, Slot, Stored, now_ms},
    registry::user_key,
    store::{Key, Snapshot, Swap, end::FENCE_MS},
};

/// When it is tried again while the store does not answer; all of it within the time in which nothing is forgotten.
const TRY_AGAIN: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(20),
];

/// A visit for whose answer somebody waits.
///
/// A client that disconnects, a time-out and a panic drop the request wherever it is, and a store that does not answer
/// leaves it in the middle. An id that was exchanged by then is known to nobody, and the one the browser holds is dead:
/// so the exchange is undone.
pub(crate) struct Attended(Option<Arc<Visit>>);

/// An id that was given out, but did not reach the browser yet.
#[derive(Clone)]
pub(super) struct Exchange {
    old: Option<(Key, Snapshot)>,
    new: Key,
    link: Link,
    /// Where the new session is listed.
    list: Option<Key>,
    /// The new session as it was when it was about to be closed.
    closed: Option<Snapshot>,
    /// The answer, if there is one, tells the browser.
    is_adopted: bool,
}

impl Attended {
    pub(crate) fn new(visit: Visit) -> Self {
        Self(Some(Arc::new(visit)))
    }

    pub(crate) fn visit(&self) -> &Arc<Visit> {
        self.0.as_ref().expect("the visit stays until the answer")
    }

    /// From here on the answer is on its way, and only what it does not tell is undone.
    pub(crate) fn answered(self) {
        self.visit().settle();
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let Some(visit) = self.0.take().filter(|visit| visit.owes_something()) else {
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let mut pauses = TRY_AGAIN.into_iter();
                while let Err(error) = visit.undo().await {
                    let Some(pause) = pauses.next() else {
                        tracing::warn!(%error, "what a visitor who left began was not undone");
                        return;
                    };
                    tokio::time::sleep(pause).await;
                }
            });
        }
    }
}

impl Exchange {
    pub(super) fn adopt(&mut self, new: &Key) {
        self.is_adopted |= self.new == *new;
    }
}

impl Visit {
    /// Called before anything is written, so that nothing is forgotten however early the request ends.
    pub(super) fn note_exchange(
        &self,
        old: Option<(Key, Snapshot)>,
        new: Key,
        session: &Stored,
        link: Link,
    ) {
        let exchange = Exchange {
            old,
            new,
            link,
            list: session.user().map(user_key),
            closed: None,
            is_adopted: false,
        };
        self.pending().exchanges.push(exchange);
    }

    /// Nothing came of the last exchange, and nothing is left of it.
    pub(super) fn drop_exchange(&self) {
        self.pending().exchanges.pop();
    }

    /// The session that is exchanged was found again, as it is now.
    pub(super) fn note_old(&self, key: Key, seen: &Snapshot, link: Link) {
        if let Some(exchange) = self.pending().exchanges.last_mut() {
            exchange.old = Some((key, seen.clone()));
            exchange.link = link;
        }
    }

    /// What the answer tells the browser stays.
    fn settle(&self) {
        let mut pending = self.pending();
        pending.exchanges.retain(|exchange| !exchange.is_adopted);
        if let RememberChange::Set(token) = pending.remember {
            let key = token.key();
            pending.series = pending.series.filter(|(series, _)| *series != key);
        }
    }

    fn owes_something(&self) -> bool {
        let pending = self.pending();
        !pending.exchanges.is_empty() || pending.holder.is_some() || pending.series.is_some()
    }

    async fn undo(&self) -> Result<(), Error> {
        self.store.take_time();
        self.saved.lock().await.failure = None;
        let none = self.pending().exchanges.is_empty();
        let series = self.pending().series;
        if let Some((series, list)) = series {
            self.store.end(&series).await?;
            self.store.delist(&list, &series).await?;
            self.pending().series = None;
        }
        loop {
            let Some(exchange) = self.pending().exchanges.last().cloned() else {
                break;
            };
            self.take_back(exchange).await?;
            self.pending().exchanges.pop();
        }
        if none {
            self.give_back().await;
        }
        Ok(())
    }

    /// First nothing can be written to the new session any more, then the old one holds what both held.
    async fn take_back(&self, exchange: Exchange) -> Result<(), Error> {
        let ended = self.close(&exchange).await?;
        let Exchange {
            old,
            new,
            link,
            list,
            ..
        } = exchange;
        self.store.watchers().end(&new);
        if let Some(list) = &list {
            self.store.delist_quietly(list, &new).await;
        }
        match old {
            Some((key, seen)) => self.reopen(&key, &seen, &new, ended, link).await,
            None => Ok(()),
        }
    }

    /// Puts a sign in the place of the new session, also where it was not written yet: the command may be on its way.
    ///
    /// Returns the new session as it was, if nobody else ended it.
    async fn close(&self, exchange: &Exchange) -> Result<Option<Snapshot>, Error> {
        let (store, new) = (&self.store, &exchange.new);
        let old = exchange.old.as_ref().map(|(key, _)| *key);
        let mut found = store.load(new).await?;
        for round in 0.. {
            match found.as_ref().map(|found| &*found.slot) {
                None | Some(Slot::Live(_)) => {}
                // An earlier attempt put it there.
                Some(Slot::Rotated(_)) => return Ok(exchange.closed.clone()),
                Some(Slot::Series(_) | Slot::Ended) => return Ok(None),
            }
            if let Some(exchange) = self.pending().exchanges.last_mut() {
                exchange.closed.clone_from(&found);
            }
            let until_ms = now_ms() + FENCE_MS;
            let was = found.as_ref().map(|found| &*found.slot);
            let sign = exchange.link.sign(was, old, until_ms);
            let written = match &found {
                Some(seen) => store.swap(new, seen, sign, until_ms).await?,
                None => store.create(new, sign, until_ms).await?,
            };
            match written {
                Swap::Done(_) => break,
                Swap::Changed(now) => found = now,
            }
            back_off(round).await?;
        }
        Ok(found)
    }

    /// Makes the old session live again, or makes sure that it stays alive.
    async fn reopen(
        &self,
        old: &Key,
        seen: &Snapshot,
        new: &Key,
        ended: Option<Snapshot>,
        link: Link,
    ) -> Result<(), Error> {
        let Slot::Live(before) = &*seen.slot else {
            return Ok(());
        };
        let mut found = self.store.load(old).await?;
        for round in 0.. {
            let Some(now) = found else { return Ok(()) };
            let next = match &*now.slot {
                Slot::Rotated(rotated) if rotated.successor == new.to_string() => {
                    if ended.is_none() && link.is_same_user {
                        // Somebody has ended the new session meanwhile, and with it this one.
                        self.store.end(old).await?;
                        return Ok(());
                    }
                    self.as_before(before, ended.as_ref(), link.is_apart)
                }
                // Not retired yet. Any change makes the command that would do it miss.
                Slot::Live(current) if current == before => current.clone(),
                _ => return Ok(()),
            };
            let next = self.released(next);
            self.enlist(&next, old).await?;
            match self.replace(old, &now, next).await? {
                Swap::Done(_) => return Ok(()),
                Swap::Changed(now) => found = now,
            }
            back_off(round).await?;
        }
        Ok(())
    }

    /// What others wrote in the meantime stays; who is logged in, and what this request showed, is as it was.
    fn as_before(&self, before: &Stored, ended: Option<&Snapshot>, is_apart: bool) -> Stored {
        let Some(Slot::Live(after)) = ended.map(|ended| &*ended.slot) else {
            return before.clone();
        };
        let mut session = before.clone();
        if !is_apart {
            session.clone_from(after);
            session.created_ms = before.created_ms;
            session.csrf = before.csrf;
            session.series.clone_from(&before.series);
            match before.data.get(auth::KEY) {
                Some(auth) => session.data.insert(auth::KEY.to_owned(), auth.clone()),
                None => session.data.remove(auth::KEY),
            };
        }
        if after.next_flash >= before.next_flash {
            let held = self.pending().held;
            // Who held a message may have shown it meanwhile, or given it back.
            let left = |message: &PendingFlash| {
                let holder = message.lease.map(|lease| lease.holder);
                let mut flash = after.flash.iter();
                let is_own = holder.is_some() && holder == held;
                flash
                    .find(|left| left.number == message.number)
                    .or(is_own.then_some(message))
                    .cloned()
            };
            let later = after
                .flash
                .iter()
                .filter(|message| !is_apart && message.number >= before.next_flash);
            let earlier = before.flash.iter().filter_map(left);
            session.flash = earlier.chain(later.cloned()).collect();
        }
        session
    }

    /// Messages that this request held wait for the next one; and one millisecond more makes it another record.
    fn released(&self, mut session: Stored) -> Stored {
        session.seen_ms += 1;
        let held = self.pending().held;
        for message in &mut session.flash {
            message.lease = message.lease.filter(|lease| Some(lease.holder) != held);
        }
        session
    }
}
