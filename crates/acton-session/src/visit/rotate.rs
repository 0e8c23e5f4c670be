use tower_sessions::session::Id;

use super::{Saved, Visit, commit::back_off};
use crate::{
    error::Error,
    patch::Patch,
    record::{Data, Rotated, Slot, Stored, millis, now_ms},
    registry,
    store::{Key, Snapshot, Swap},
};

/// How long an exchanged id is remembered: requests that were sent before the browser knew the new one must not
/// replace it, so it is longer than a request takes.
///
/// A browser that never gets the answer keeps the old id. For this long it is nobody and cannot begin a session, and
/// then it is a new visitor.
const REMEMBERED_MS: u64 = 60_000;

/// One id takes the place of another.
#[derive(Clone, Copy)]
struct Turn {
    old: Id,
    new: Id,
    is_login: bool,
}

/// What two sessions have to do with each other, of which one takes over from the other.
#[derive(Clone, Copy, Default)]
pub(super) struct Link {
    /// Another user, or the first one: nothing of the one session belongs into the other.
    pub(super) is_apart: bool,
    /// Whoever ends one of them ends both.
    pub(super) is_same_user: bool,
}

impl Link {
    /// What stands where a session was until it went on under another key.
    pub(super) fn sign(self, was: Option<&Slot>, successor: Option<Key>, until_ms: u64) -> Slot {
        let series = was.and_then(Slot::series);
        Slot::Rotated(Rotated {
            successor: successor.map(|key| key.to_string()).unwrap_or_default(),
            is_apart: self.is_apart,
            is_same_user: self.is_same_user,
            series: series.map(|series| series.to_string()),
            until_ms,
        })
    }
}

impl Visit {
    /// Exchanges the id.
    ///
    /// The new session is written before the old one is retired, so a crash in between leaves the old one whole, and
    /// for a visitor who leaves too early everything is undone. Whoever knows the old id learns nothing of the new one.
    pub(super) async fn rotate(
        &self,
        saved: &mut Saved,
        old: Id,
        mut seen: Snapshot,
        patch: Patch,
        is_login: bool,
    ) -> Result<Option<Id>, Error> {
        let new = Id::default();
        let turn = Turn { old, new, is_login };
        let (key, mut old_key) = (Key::of(&new), Key::of(&old));
        let mut next = self.successor_of(saved, &seen, &patch, turn);
        let mut link = link(saved, &seen, &next, is_login);
        self.note_exchange(Some((old_key, seen.clone())), key, &next, link);
        if !link.is_same_user {
            self.enlist(&next, &key).await?;
        }
        let Swap::Done(mut written) = self.create(&key, &next).await? else {
            // Every session of the user was ended while this one was about to begin.
            saved.forget();
            return Ok(None);
        };
        let mut round = 0;
        while let Swap::Changed(now) = self.retire(&old_key, &seen, key, link).await? {
            back_off(round).await?;
            round += 1;
            match self.find_again(&old_key, now.clone(), is_login).await? {
                Some(found) => {
                    (old_key, seen) = found;
                    next = self.successor_of(saved, &seen, &patch, turn);
                    link = self::link(saved, &seen, &next, is_login);
                    self.note_old(old_key, &seen, link);
                    if !link.is_same_user {
                        self.enlist(&next, &key).await?;
                    }
                }
                None if is_login => {
                    let data = taken_along(saved, &seen, now.as_ref());
                    next = self.anew_with(data, &patch, &new);
                    self.enlist(&next, &key).await?;
                    if self.rewrite(saved, &key, &mut written, next).await? {
                        self.adopt(saved, new, written);
                        return Ok(Some(new));
                    }
                    return Ok(None);
                }
                None => {
                    self.store.end(&key).await?;
                    // What this request wrote goes where the old session went.
                    match now {
                        Some(now) => self.update(saved, (old_key, None), now, patch).await?,
                        None => saved.forget(),
                    }
                    return Ok(None);
                }
            }
            if !self
                .rewrite(saved, &key, &mut written, next.clone())
                .await?
            {
                return Ok(None);
            }
        }
        self.store.watchers().end(&old_key);
        // The old one does not count any more when the new one is listed.
        self.keep_listed(&seen, &old_key).await;
        if link.is_same_user {
            self.enlist(&next, &key).await?;
        }
        self.adopt(saved, new, written);
        Ok(Some(new))
    }

    /// The session whose id is being exchanged, after somebody wrote to it. A login also finds it under another id.
    async fn find_again(
        &self,
        old: &Key,
        now: Option<Snapshot>,
        is_login: bool,
    ) -> Result<Option<(Key, Snapshot)>, Error> {
        let Some(now) = now else { return Ok(None) };
        let successor = match &*now.slot {
            Slot::Live(_) => return Ok(Some((*old, now))),
            Slot::Rotated(rotated) if is_login && !rotated.is_apart => {
                Key::parse(&rotated.successor)
            }
            Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => None,
        };
        let Some(key) = successor else {
            return Ok(None);
        };
        let found = self.store.load(&key).await?;
        let found = found.filter(|found| matches!(&*found.slot, Slot::Live(_)));
        Ok(found.map(|found| (key, found)))
    }

    fn successor_of(&self, saved: &Saved, seen: &Snapshot, patch: &Patch, turn: Turn) -> Stored {
        let Slot::Live(current) = &*seen.slot else {
            return self.anew(patch, &turn.new);
        };
        if saved.is_fresh {
            return self.anew(patch, &turn.new);
        }
        let mut next = current.clone();
        next.seen_ms = now_ms();
        if turn.is_login {
            let anew = Stored::begin(now_ms(), self.device(), &turn.new);
            next.created_ms = anew.created_ms;
            next.csrf = anew.csrf;
            next.device = anew.device;
        } else {
            let sealed = current.csrf;
            next.csrf = sealed.map(|sealed| sealed.open(&turn.old).seal(&turn.new));
        }
        patch.apply(&mut next, Some(&turn.new));
        next
    }

    async fn retire(
        &self,
        old: &Key,
        seen: &Snapshot,
        successor: Key,
        link: Link,
    ) -> Result<Swap, Error> {
        let until_ms = now_ms() + REMEMBERED_MS;
        let sign = link.sign(Some(&seen.slot), Some(successor), until_ms);
        self.store.swap(old, seen, sign, until_ms).await
    }

    /// Nobody knows the new id yet, so nobody interferes but who ends every session of the user.
    async fn rewrite(
        &self,
        saved: &mut Saved,
        key: &Key,
        written: &mut Snapshot,
        next: Stored,
    ) -> Result<bool, Error> {
        match self.replace(key, written, next).await? {
            Swap::Done(now) => *written = now,
            Swap::Changed(_) => {
                saved.forget();
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whoever ends the sessions of the user ends this one too: it is listed before it is there.
    ///
    /// One that takes over from a session of the same user is found by way of that one until then. It is listed after
    /// the two are linked, or whoever ends all but the old one would end it.
    pub(super) async fn enlist(&self, session: &Stored, key: &Key) -> Result<(), Error> {
        let Some(user) = session.user() else {
            return Ok(());
        };
        let until_ms = now_ms().saturating_add(millis(self.shared.lifetimes.absolute));
        self.enlist_in(&registry::user_key(user), key, until_ms)
            .await
    }

    /// Ends what is too many then.
    pub(super) async fn enlist_in(
        &self,
        list: &Key,
        key: &Key,
        until_ms: u64,
    ) -> Result<(), Error> {
        let most = Some(self.shared.max_sessions_per_user).filter(|most| *most > 0);
        for excess in self.store.enlist(list, key, until_ms, most).await? {
            if !self.store.end(&excess).await?.has_lived {
                self.store.delist_quietly(list, &excess).await;
            }
        }
        Ok(())
    }

    /// As long as the exchange can be undone, whoever ends the sessions of the user has to find the old one.
    async fn keep_listed(&self, session: &Snapshot, key: &Key) {
        if let Slot::Live(session) = &*session.slot
            && let Some(user) = session.user()
        {
            let user = registry::user_key(user);
            let until_ms = now_ms() + REMEMBERED_MS;
            if let Err(error) = self.store.enlist(&user, key, until_ms, None).await {
                tracing::debug!(%error, "an exchanged id stays listed for longer");
            }
        }
    }
}

/// Another login was faster: what the visitor did before is there for both.
fn taken_along(saved: &Saved, seen: &Snapshot, now: Option<&Snapshot>) -> Data {
    match (&*seen.slot, now.map(|now| &*now.slot)) {
        (Slot::Live(before), Some(Slot::Rotated(_))) if !saved.is_fresh => before.data.clone(),
        _ => Data::new(),
    }
}

fn link(saved: &Saved, seen: &Snapshot, next: &Stored, is_login: bool) -> Link {
    let user = match &*seen.slot {
        Slot::Live(current) => current.user(),
        Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => None,
    };
    Link {
        is_apart: is_login || saved.is_fresh,
        is_same_user: user == next.user(),
    }
}
