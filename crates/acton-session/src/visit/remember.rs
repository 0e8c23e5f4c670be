use std::{mem, time::SystemTime};

use tower_sessions::session::Id;

use super::{RememberChange, Saved, Visit};
use crate::{
    auth::{self, AuthSession},
    error::Error,
    patch::Patch,
    record::{Slot, millis, now_ms},
    registry::{SessionRegistry, remembered_key},
    remember::{Series, Token, Verdict},
    store::{Key, Swap},
};

impl Visit {
    /// Logs a remembered browser in that comes without a session.
    ///
    /// Requests that were sent together share one session: the id follows from the token, which the store does not
    /// have, and from a number of the series, which the browser does not have.
    pub(super) async fn recognise(&self, saved: &mut Saved) -> Result<(), Error> {
        let Some(token) = self.remembered.filter(|_| !saved.is_void) else {
            return Ok(());
        };
        // An unknown token stays with the browser: it may be late, and the browser have a newer one by now.
        let Some(series) = self.renew(&token).await? else {
            return Ok(());
        };
        let id = series.session(&token);
        let awaits = Some(series.current().to_owned());
        let auth = AuthSession {
            user_id: Some(series.user),
            roles: series.roles,
            authenticated_at: Some(SystemTime::now()),
            is_remembered: true,
        };
        let auth = serde_json::to_value(auth).map_err(|error| Error::of_value(&error))?;
        let patch = Patch {
            set: vec![(auth::KEY.to_owned(), auth)],
            series: Some(token.key().to_string()),
            awaits,
            ..Patch::default()
        };
        self.share(saved, id, &patch, &token.key()).await
    }

    /// Begins the session under this id, or joins the request that did.
    async fn share(
        &self,
        saved: &mut Saved,
        id: Id,
        patch: &Patch,
        series: &Key,
    ) -> Result<(), Error> {
        let session = self.anew(patch, &id);
        let key = Key::of(&id);
        self.enlist(&session, &key).await?;
        let snapshot = match self.create(&key, &session).await? {
            Swap::Done(snapshot) => Some(snapshot),
            Swap::Changed(now) => now,
        };
        // Whoever ends the sessions of a user ends the remembered browsers first. So a series that is there now ends
        // when this session is listed already, and one that is gone takes the session along.
        let found = self.store.load(series).await?;
        if !found
            .is_some_and(|found| matches!(&*found.slot, Slot::Series(series) if series.is_good()))
        {
            self.store.end(&key).await?;
            self.pending().remember = RememberChange::Keep;
            return Ok(());
        }
        saved.id = Some(id);
        self.accept(saved, snapshot);
        if let Some(snapshot) = saved.snapshot.clone() {
            self.adopt(saved, id, snapshot);
        }
        Ok(())
    }

    /// The series of a good token; the browser gets the next one.
    async fn renew(&self, token: &Token) -> Result<Option<Series>, Error> {
        let (store, key) = (&self.store, token.key());
        let mut found = store.load(&key).await?;
        while let Some(seen) = found {
            let Slot::Series(series) = &*seen.slot else {
                break;
            };
            match series.judge(token, self.arrived_ms) {
                Verdict::Parallel => return Ok(Some(series.clone())),
                Verdict::Stolen => {
                    if series.is_good() {
                        tracing::warn!(
                            "a remembered browser was copied; its user is logged out everywhere"
                        );
                        let stolen = Slot::Series(series.stolen());
                        let until_ms = self.remembered_until();
                        if let Swap::Changed(now) =
                            store.swap(&key, &seen, stolen, until_ms).await?
                        {
                            found = now;
                            continue;
                        }
                    }
                    // Where the store fails half-way, the browser keeps its cookie, and the next request goes on.
                    let registry = SessionRegistry::new(store.clone(), self.shared.lifetimes);
                    registry.revoke_stolen(&series.user, &key).await?;
                    self.pending().remember = RememberChange::Delete;
                    break;
                }
                Verdict::Good => {
                    let (series, next) = series.renew(token, now_ms());
                    let slot = Slot::Series(series.clone());
                    let until_ms = self.remembered_until();
                    let list = remembered_key(&series.user);
                    self.enlist_in(&list, &key, until_ms).await?;
                    match store.swap(&key, &seen, slot, until_ms).await? {
                        Swap::Done(_) => {
                            self.pending().remember = RememberChange::Set(next);
                            return Ok(Some(series));
                        }
                        Swap::Changed(now) => found = now,
                    }
                }
            }
        }
        Ok(None)
    }

    /// Once a browser brings the token that came with its session, nobody else has a reason to come with the one before.
    ///
    /// It is written down once, and not at all costs: until then a copy of the token before is as good as the token.
    pub(super) async fn confirm(&self, saved: &mut Saved) {
        let Some((token, id)) = self.remembered.zip(saved.id) else {
            return;
        };
        let Some(session) = saved.session() else {
            return;
        };
        if session.awaits.is_none() || session.awaits != Some(token.hash()) {
            return;
        }
        let mut next = session.clone();
        next.awaits = None;
        next.seen_ms = now_ms();
        let confirmed = Box::pin(async {
            self.confirm_series(&token).await?;
            let seen = saved.snapshot.as_ref().expect("a session was just read");
            self.replace(&Key::of(&id), seen, next).await
        });
        match confirmed.await {
            Ok(Swap::Done(now)) => saved.snapshot = Some(now),
            // Whoever was faster leaves it to the next request.
            Ok(Swap::Changed(_)) => {}
            Err(error) => tracing::warn!(%error, "the use of a token was not written down"),
        }
    }

    async fn confirm_series(&self, token: &Token) -> Result<(), Error> {
        let (store, key) = (&self.store, token.key());
        let mut found = store.load(&key).await?;
        while let Some(seen) = found {
            let Slot::Series(series) = &*seen.slot else {
                break;
            };
            let Some(series) = series.confirmed(token) else {
                break;
            };
            let until_ms = series.until_ms(self.shared.remember);
            found = match store
                .swap(&key, &seen, Slot::Series(series), until_ms)
                .await?
            {
                Swap::Done(_) => None,
                Swap::Changed(now) => now,
            };
        }
        Ok(())
    }

    /// Remembers the browser for a user, once the request has ended well.
    pub(crate) fn remember(&self, user: &str, roles: &[String]) {
        let token = Token::generate();
        let series = Series::begin(
            user.to_owned(),
            roles.to_vec(),
            self.device(),
            &token,
            now_ms(),
        );
        self.touch();
        let mut pending = self.pending();
        pending.forgets = true;
        pending.remembers = Some(Box::new((token, series)));
    }

    /// Remembers the browser as before under another name, unless it is to be remembered already.
    pub(crate) fn remember_anew(&self, user: &str, roles: &[String]) {
        if self.pending().remembers.is_none() {
            self.remember(user, roles);
        }
    }

    /// Whether the browser came with what this series takes for good.
    pub(crate) fn is_remembered_by(&self, key: &Key, series: &Series) -> bool {
        let token = self.remembered.filter(|token| token.key() == *key);
        token.is_some_and(|token| {
            let verdict = series.judge(&token, self.arrived_ms);
            !matches!(verdict, Verdict::Stolen)
        })
    }

    /// Whether the browser is remembered under this key once the request has ended well.
    pub(crate) fn is_to_be_remembered(&self, series: &Key) -> bool {
        let pending = self.pending();
        let remembers = pending.remembers.as_deref();
        remembers.is_some_and(|(token, _)| token.key() == *series)
    }

    /// Whomever the browser was remembered as is somebody else, or was forgotten long ago.
    pub(crate) fn forget_later(&self) {
        self.pending().forgets = true;
    }

    /// Writes what the session is about to point to.
    pub(super) async fn begin_series(&self) -> Result<(), Error> {
        let Some((token, series)) = self.pending().remembers.as_deref().cloned() else {
            return Ok(());
        };
        let (store, key) = (&self.store, token.key());
        let (list, until_ms) = (remembered_key(&series.user), self.remembered_until());
        self.pending().series = Some((key, list));
        self.enlist_in(&list, &key, until_ms).await?;
        let begun = store.create(&key, Slot::Series(series), until_ms).await?;
        match begun {
            Swap::Done(_) => Ok(()),
            // Everything of the user was ended at this moment. The login may come after that; this did not.
            Swap::Changed(_) => {
                self.pending().remembers = None;
                Ok(())
            }
        }
    }

    /// The login is written: the browser may know, and what it was remembered as before is forgotten.
    ///
    /// A series that the browser does not hear of is ended once the request is over.
    pub(super) async fn settle_series(&self) -> Result<(), Error> {
        let (forgets, token) = {
            let mut pending = self.pending();
            let token = pending.remembers.take().map(|remembers| remembers.0);
            (mem::take(&mut pending.forgets), token)
        };
        if forgets {
            Box::pin(self.forget_browser()).await?;
        }
        // Unless the session ended meanwhile.
        if let Some(token) = token
            && self.saved().await?.is_own()
        {
            self.pending().remember = RememberChange::Set(token);
        }
        Ok(())
    }

    /// Forgets the browser, if it was remembered.
    pub(crate) async fn forget_browser(&self) -> Result<(), Error> {
        let Some(token) = self.remembered else {
            return Ok(());
        };
        self.store.end(&token.key()).await?;
        self.pending().remember = RememberChange::Delete;
        Ok(())
    }

    fn remembered_until(&self) -> u64 {
        now_ms().saturating_add(millis(self.shared.remember))
    }
}
