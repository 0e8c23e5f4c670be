use super::{SessionRegistry, active::handle_of, chain::Chain, remembered_key, user_key};
use crate::{
    error::Error,
    record::Slot,
    remember::Series,
    store::{Key, end::Gone},
};

impl SessionRegistry {
    /// Ends one session of a user, or a remembered browser and all its sessions. Returns whether there was such a one.
    ///
    /// Where somebody has copied the cookie of the browser that asks, and that one is ended, the copy is worth nothing any
    /// more: the answer brings the browser another cookie.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer.
    pub async fn revoke(&self, user_id: &str, handle: &str) -> Result<bool, Error> {
        let is_named = |key: &Key| handle_of(key) == handle;
        let current = self.current().await?;
        let own = self.own_browser(current, user_id).await?;
        let mut has_lived = false;
        // The remembered browser first, or it would be back at once.
        let remembered = remembered_key(user_id);
        for series in self.store.listed(&remembered).await? {
            if is_named(&series) {
                has_lived |= self.end(&remembered, &series).await?.has_lived;
            }
        }
        let mut found = Vec::new();
        for key in self.keys(user_id).await? {
            found.push((key, self.chain(key).await?));
        }
        let is_own = |chain: &Chain| current.is_some_and(|current| chain.keys.contains(&current));
        let (named, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(key, chain)| {
            // The browser that asks may have had this name before, which somebody has copied.
            let is_other_by_now =
                is_own(chain) && !chain.browser().is_some_and(|own| is_named(&own));
            is_named(key) || (!is_other_by_now && chain.series.iter().any(is_named))
        });
        for (key, chain) in &named {
            has_lived |= self.end_with_series(user_id, key, chain).await?;
        }
        let goes_on = !named.iter().any(|(_, chain)| is_own(chain));
        let own = own.filter(|(key, _)| {
            goes_on && named.iter().any(|(_, chain)| chain.series.contains(key))
        });
        // What was in one line with what has ended goes along, as does what was in one line with a browser of another name.
        let current = others.iter().map(|(_, chain)| chain);
        let current = current.filter(|chain| own.is_some() && is_own(chain));
        let later: Vec<_> = named
            .iter()
            .map(|(_, chain)| chain)
            .chain(current)
            .collect();
        for (key, chain) in &others {
            if !is_own(chain) && later.iter().any(|later| chain.is_before(later)) {
                self.end_with_series(user_id, key, chain).await?;
            }
        }
        self.remember_anew(own);
        Ok(has_lived)
    }

    /// Ends every session of a user but the one that asks, e.g. after a change of password.
    ///
    /// If the browser that asks is remembered, and came with the cookie for it, the answer brings it another one, and
    /// copies of the one before are worth nothing any more. Where the request fails after this, or asks for it twice at
    /// the same moment, the browser may not be remembered.
    ///
    /// The session that asks is the one of this moment: after a login that is written already, the new one.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] when the store did not answer.
    pub async fn revoke_others(&self, user_id: &str) -> Result<(), Error> {
        let current = self.current().await?;
        let own = self.own_browser(current, user_id).await?;
        self.remember_anew(own);
        self.revoke_but(user_id, current, None).await
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

    /// Ends what the remembered browser whose session this is has beside it, if it is one.
    pub(crate) async fn revoke_beside(&self, key: Key) -> Result<(), Error> {
        let own = self.chain(key).await?;
        let Some(user) = own.user().filter(|_| !own.series.is_empty()) else {
            return Ok(());
        };
        for key in self.keys(user).await? {
            if !own.keys.contains(&key) && self.chain(key).await?.shares_series(&own) {
                self.end(&user_key(user), &key).await?;
            }
        }
        Ok(())
    }

    async fn revoke_but(
        &self,
        user_id: &str,
        keep: Option<Key>,
        stolen: Option<Key>,
    ) -> Result<(), Error> {
        // With a browser that was remembered after it was looked for, somebody may have come back.
        while self.revoke_listed(user_id, keep, stolen).await? {}
        Ok(())
    }

    /// Returns whether a session led to a remembered browser that was not listed a moment before.
    async fn revoke_listed(
        &self,
        user_id: &str,
        keep: Option<Key>,
        stolen: Option<Key>,
    ) -> Result<bool, Error> {
        let mut kept = match keep {
            Some(keep) => self.chain(keep).await?,
            None => Chain::default(),
        };
        // Remembered browsers first, or they would be back at once.
        let remembered = remembered_key(user_id);
        for key in self.store.listed(&remembered).await? {
            if stolen != Some(key) {
                self.end(&remembered, &key).await?;
            }
        }
        let mut is_found = false;
        for key in self.keys(user_id).await? {
            let spared = match keep {
                Some(keep) => self.spared(keep, &mut kept, key).await?,
                None => None,
            };
            let series = match spared {
                Some(series) => series,
                None => self.end(&user_key(user_id), &key).await?.series,
            };
            for series in series {
                let is_other = stolen != Some(series) && !self.is_beginning(&series);
                is_found |= is_other && self.store.end(&series).await?.has_lived;
            }
        }
        Ok(is_found)
    }

    /// The browsers of this session, if one of the two has taken over from the other, though the ids may be exchanged
    /// while this is asked.
    async fn spared(
        &self,
        keep: Key,
        kept: &mut Chain,
        key: Key,
    ) -> Result<Option<Vec<Key>>, Error> {
        let chain = self.chain(key).await?;
        if !kept.keys.contains(&key) && !chain.keys.contains(&keep) {
            *kept = self.chain(keep).await?;
        }
        let is_kept = kept.keys.contains(&key) || chain.keys.contains(&keep);
        Ok(is_kept.then_some(chain.series))
    }

    async fn end_with_series(
        &self,
        user_id: &str,
        key: &Key,
        chain: &Chain,
    ) -> Result<bool, Error> {
        for series in &chain.series {
            self.store.end(series).await?;
        }
        let gone = self.end(&user_key(user_id), key).await?;
        for series in gone.series {
            self.store.end(&series).await?;
        }
        Ok(gone.has_lived)
    }

    /// It stays in the list until it has ended, so that whoever tries again finds it.
    async fn end(&self, list: &Key, key: &Key) -> Result<Gone, Error> {
        let gone = self.store.end(key).await?;
        if !gone.has_lived {
            self.store.delist_quietly(list, key).await;
        }
        Ok(gone)
    }

    /// As what the browser that asks is remembered, if it is this user and the browser has the cookie to show for it:
    /// whoever has copied the session alone is not remembered.
    async fn own_browser(
        &self,
        current: Option<Key>,
        user_id: &str,
    ) -> Result<Option<(Key, Series)>, Error> {
        let (Some(current), Some(visit)) = (current, &self.visit) else {
            return Ok(None);
        };
        for key in self.chain(current).await?.series {
            if let Some(Slot::Series(series)) = self.look(&key).await?.as_deref()
                && visit.is_remembered_by(&key, series)
                && series.user == user_id
            {
                return Ok(Some((key, series.clone())));
            }
        }
        Ok(None)
    }

    /// Whether the browser that asks is to be remembered under this key when the request ends. Nobody has it yet.
    fn is_beginning(&self, series: &Key) -> bool {
        let visit = self.visit.as_ref();
        visit.is_some_and(|visit| visit.is_to_be_remembered(series))
    }

    /// Whoever has copied the cookie is not the one who gets the next one.
    fn remember_anew(&self, own: Option<(Key, Series)>) {
        if let (Some((_, series)), Some(visit)) = (own, &self.visit) {
            visit.remember_anew(&series.user, &series.roles);
        }
    }
}
