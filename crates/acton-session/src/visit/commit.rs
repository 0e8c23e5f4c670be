use std::{mem, time::Duration};

use tower_sessions::session::Id;

use super::{Base, CookieChange, Pending, Saved, Visit, rotate::Link};
use crate::{
    auth,
    error::Error,
    patch::{ExpiryPatch, Patch},
    record::{Data, Rotated, Slot, Stored, now_ms},
    store::{Key, Snapshot, Swap},
};

/// Writers that keep losing to others give up after this many rounds.
const ROUNDS: u32 = 500;

impl Visit {
    /// Writes what the request changed, as the handler's `Session` has it, and what else is pending.
    ///
    /// Returns the id of the session if it began here or was exchanged.
    pub(super) async fn commit(&self, data: Option<&Data>) -> Result<Option<Id>, Error> {
        let mut saved = self.saved().await?;
        let mut patch = match (data, saved.base()) {
            (Some(data), Some(base)) => Patch::between(base, data),
            (Some(data), None) => Patch::between(&Data::new(), data),
            (None, _) => Patch::default(),
        };
        let is_last = self.pending().drain_into(&mut patch);
        let login = self.note_user(&mut saved, data);
        let written = self.write(&mut saved, patch, login, is_last).await;
        let id = saved.remember(written)?;
        if let (Some(data), false) = (data, is_last) {
            saved.base = Base::Own(data.clone());
        }
        Ok(id)
    }

    /// A change of user or roles takes a new id, whichever way the handler wrote it.
    fn note_user(&self, saved: &mut Saved, data: Option<&Data>) -> bool {
        let Some(data) = data else { return false };
        let before = saved.base().and_then(auth::identity_in);
        let after = auth::identity_in(data);
        let explicit = mem::take(&mut self.pending().is_login);
        let same_user = before.map(|(user, _)| user) == after.map(|(user, _)| user);
        let leaves = before.is_some() && !same_user;
        let enters = after.is_some() && !same_user;
        let changed = before != after;
        saved.is_rotating |= changed;
        saved.is_fresh |= leaves;
        self.pending().is_signed_in |= after.is_some();
        enters || (explicit && after.is_some())
    }

    /// Most requests write nothing, so what writes is kept out of their futures.
    async fn write(
        &self,
        saved: &mut Saved,
        mut patch: Patch,
        login: bool,
        is_last: bool,
    ) -> Result<Option<Id>, Error> {
        let Some(snapshot) = saved.snapshot.clone() else {
            // What begins has the usual lifetime, and nobody needs a session for that.
            patch.expiry = patch.expiry.filter(ExpiryPatch::is_unusual);
            let nothing = patch.is_empty() || (saved.is_void && !login);
            return if nothing {
                Ok(None)
            } else {
                Box::pin(self.begin(saved, &patch)).await
            };
        };
        let Some(id) = saved.id else { return Ok(None) };
        if mem::take(&mut saved.is_rotating) {
            let new = Box::pin(self.rotate(saved, id, snapshot, patch, login)).await?;
            if new.is_none() {
                self.drop_exchange();
            }
            return Ok(new);
        }
        if !patch.is_empty() {
            Box::pin(self.update(saved, (Key::of(&id), Some(id)), snapshot, patch)).await?;
        } else if is_last {
            self.note_use(saved, &id, &snapshot).await;
        }
        Ok(None)
    }

    /// A session begins.
    async fn begin(&self, saved: &mut Saved, patch: &Patch) -> Result<Option<Id>, Error> {
        let id = Id::default();
        let key = Key::of(&id);
        let session = self.anew(patch, &id);
        self.note_exchange(None, key, &session, Link::default());
        self.enlist(&session, &key).await?;
        match self.create(&key, &session).await? {
            Swap::Done(snapshot) => {
                self.adopt(saved, id, snapshot);
                Ok(Some(id))
            }
            // Every session of the user was ended while this one was about to begin.
            Swap::Changed(_) => {
                saved.forget();
                self.drop_exchange();
                Ok(None)
            }
        }
    }

    pub(super) fn anew(&self, patch: &Patch, id: &Id) -> Stored {
        self.anew_with(Data::new(), patch, id)
    }

    pub(super) fn anew_with(&self, data: Data, patch: &Patch, id: &Id) -> Stored {
        let mut session = Stored::begin(now_ms(), self.device(), id);
        session.data = data;
        patch.apply(&mut session, Some(id));
        session
    }

    /// Merges into what the session holds by now, until nobody interferes.
    ///
    /// The id is not known where the session goes on under another one. After a login that one learns which messages
    /// were shown, and nothing else.
    pub(super) async fn update(
        &self,
        saved: &mut Saved,
        (mut key, mut id): (Key, Option<Id>),
        mut snapshot: Snapshot,
        mut patch: Patch,
    ) -> Result<(), Error> {
        let mut turn = None;
        for round in 0.. {
            let mut next = match &*snapshot.slot {
                Slot::Live(current) => current.clone(),
                Slot::Rotated(rotated) => {
                    // The way there stays known, for what this request writes later.
                    saved.is_void |= rotated.is_apart;
                    if rotated.is_apart {
                        patch = patch.into_flash_marks();
                    }
                    if patch.is_empty() {
                        return Ok(());
                    }
                    let Some(successor) = self.successor(rotated).await? else {
                        break;
                    };
                    (key, snapshot) = successor;
                    id = None;
                    back_off(round).await?;
                    continue;
                }
                Slot::Series(_) | Slot::Ended => break,
            };
            patch.apply(&mut next, id.as_ref());
            next.seen_ms = now_ms();
            match self.replace(&key, &snapshot, next).await? {
                Swap::Done(now) => {
                    if id.is_some() {
                        saved.snapshot = Some(now);
                    }
                    return Ok(());
                }
                Swap::Changed(Some(now)) => {
                    if turn.is_none() && matches!(&*now.slot, Slot::Live(_)) {
                        turn = self.store.queue(&key).await;
                    }
                    snapshot = now;
                }
                Swap::Changed(None) => break,
            }
            back_off(round).await?;
        }
        tracing::debug!("the session ended while a request was under way");
        saved.forget();
        Ok(())
    }

    /// The session that took over from one whose id was exchanged while this request was under way.
    async fn successor(&self, rotated: &Rotated) -> Result<Option<(Key, Snapshot)>, Error> {
        let Some(key) = Key::parse(&rotated.successor) else {
            return Ok(None);
        };
        let found = self.store.load(&key).await?;
        Ok(found.map(|snapshot| (key, snapshot)))
    }

    /// Writes down that the session is used, seldom, and not at all costs.
    async fn note_use(&self, saved: &mut Saved, id: &Id, snapshot: &Snapshot) {
        let Slot::Live(session) = &*snapshot.slot else {
            return;
        };
        // A request seldom takes as long as it matters, and to look at the clock takes time.
        if !session.is_touch_due(&self.shared.lifetimes, self.arrived_ms) {
            return;
        }
        let mut next = session.clone();
        next.seen_ms = now_ms();
        match Box::pin(self.replace(&Key::of(id), snapshot, next)).await {
            Ok(Swap::Done(now)) => saved.snapshot = Some(now),
            Ok(Swap::Changed(_)) => {}
            Err(error) => tracing::warn!(%error, "the use of a session was not written down"),
        }
    }

    pub(super) async fn create(&self, key: &Key, session: &Stored) -> Result<Swap, Error> {
        let expires_ms = session.expires_ms(&self.shared.lifetimes);
        let slot = Slot::Live(session.clone());
        self.store.create(key, slot, expires_ms).await
    }

    pub(super) async fn replace(
        &self,
        key: &Key,
        seen: &Snapshot,
        next: Stored,
    ) -> Result<Swap, Error> {
        let expires_ms = next.expires_ms(&self.shared.lifetimes);
        let slot = Slot::Live(next);
        self.store.swap(key, seen, slot, expires_ms).await
    }

    pub(super) fn adopt(&self, saved: &mut Saved, id: Id, snapshot: Snapshot) {
        saved.id = Some(id);
        saved.snapshot = Some(snapshot);
        saved.is_void = false;
        saved.is_fresh = false;
        saved.is_rotating = false;
        let mut pending = self.pending();
        let key = Key::of(&id);
        let exchanges = pending.exchanges.iter_mut();
        exchanges.for_each(|exchange| exchange.adopt(&key));
        let sealed = saved.session().and_then(|session| session.csrf);
        pending.sealed = sealed.map(|sealed| (sealed, id));
        pending.cookie = CookieChange::Set(id);
        pending.is_live = true;
    }

    pub(super) fn device(&self) -> Option<String> {
        let device = self.device.as_ref()?.to_str().ok()?;
        Some(device.chars().take(256).collect())
    }
}

impl Saved {
    /// The session of this request lives, and no other one took its place.
    pub(super) fn is_own(&self) -> bool {
        self.snapshot.is_some() && !self.is_void
    }

    /// The session is not this request's any more.
    pub(super) fn forget(&mut self) {
        self.id = None;
        self.snapshot = None;
        self.is_void = true;
    }
}

impl Pending {
    /// Marks of messages and leases wait for the end, since only then it is known what the visitor sees.
    fn drain_into(&mut self, patch: &mut Patch) -> bool {
        patch.flash.pushed = mem::take(&mut self.pushed);
        if mem::take(&mut self.csrf_is_new) {
            patch.csrf = self.csrf;
        }
        patch.expiry = self.expiry.take();
        let remembers = self.remembers.as_deref();
        patch.series = remembers.map(|(token, _)| token.key().to_string());
        if self.is_last {
            patch.flash.shown = mem::take(&mut self.shown);
            let gives_back = !self.claimed.is_empty();
            self.claimed.clear();
            patch.flash.released = self.holder.take().filter(|_| gives_back);
        }
        self.is_last
    }
}

/// Makes way for those who are faster, and gives up in the end.
pub(super) async fn back_off(round: u32) -> Result<(), Error> {
    if round >= ROUNDS {
        return Err(Error::Contended);
    }
    if round >= 8 {
        let [jitter] = crate::random::bytes();
        tokio::time::sleep(Duration::from_micros(u64::from(jitter) * 8)).await;
    }
    Ok(())
}
