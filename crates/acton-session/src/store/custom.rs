use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};

use super::{Key, Snapshot, Swap, Version, list::List};
use crate::{
    error::{Error, kind},
    record::{Slot, now_ms},
};

/// The key under which the whole slot stands inside a record of theirs.
const SLOT: &str = "acton";
/// The key under which a list of a user stands inside a record of its own.
const LIST: &str = "acton list";
const DEADLINE: Duration = Duration::from_secs(1);
const LOCKS: usize = 64;

/// Somebody's tower-sessions store.
///
/// Such a store knows no compare-and-set, so requests of this process take turns: read, merge, write.
pub(crate) struct Custom {
    store: Arc<dyn SessionStore>,
    turns: Box<[Mutex<()>; LOCKS]>,
}

impl Custom {
    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self {
            store,
            turns: Box::new(std::array::from_fn(|_| Mutex::default())),
        }
    }

    pub(crate) async fn ping(&self) -> Result<(), Error> {
        within(self.store.load(&Id(0))).await.map(drop)
    }

    pub(crate) async fn load(&self, key: &Key) -> Result<Option<Snapshot>, Error> {
        Ok(self.read(key, SLOT).await?.map(snapshot))
    }

    pub(crate) async fn create(
        &self,
        key: &Key,
        slot: Slot,
        expires_ms: u64,
    ) -> Result<Swap, Error> {
        let _turn = self.turns[key.place(LOCKS)].lock().await;
        // Most of these stores overwrite what is there when they are told to create.
        if let Some(current) = self.load(key).await? {
            return Ok(Swap::Changed(Some(current)));
        }
        let mut record = record(key, SLOT, &slot, expires_ms)?;
        within(self.store.create(&mut record)).await?;
        if record.id == key.to_id() {
            return Ok(Swap::Done(snapshot(slot)));
        }
        // The store chose another id because this one was taken.
        within(self.store.delete(&record.id)).await?;
        Ok(Swap::Changed(None))
    }

    pub(crate) async fn swap(
        &self,
        key: &Key,
        seen: &Snapshot,
        slot: Slot,
        expires_ms: u64,
    ) -> Result<Swap, Error> {
        let _turn = self.turns[key.place(LOCKS)].lock().await;
        let current = self.load(key).await?;
        if current.as_ref().map(|current| &*current.slot) != Some(&*seen.slot) {
            return Ok(Swap::Changed(current));
        }
        let record = record(key, SLOT, &slot, expires_ms)?;
        within(self.store.save(&record)).await?;
        Ok(Swap::Done(snapshot(slot)))
    }

    pub(crate) async fn end(&self, key: &Key, until_ms: u64) -> Result<Option<Arc<Slot>>, Error> {
        let _turn = self.turns[key.place(LOCKS)].lock().await;
        let current = self.load(key).await?;
        let sign = record(key, SLOT, &Slot::Ended, until_ms)?;
        self.put(sign, current.is_some()).await?;
        Ok(current.map(|current| current.slot))
    }

    /// Where a list cannot be read a new one begins.
    pub(crate) async fn enlist(
        &self,
        user: &Key,
        session: &Key,
        until_ms: u64,
        most: usize,
    ) -> Result<Vec<Key>, Error> {
        let _turn = self.turns[user.place(LOCKS)].lock().await;
        let found = self.list(user).await?;
        let is_there = found.is_some();
        let mut list = found.unwrap_or_default();
        let excess = list.add(now_ms(), session, until_ms, most);
        self.write(user, &list, is_there).await?;
        Ok(excess)
    }

    pub(crate) async fn delist(
        &self,
        user: &Key,
        session: &Key,
        before_ms: u64,
    ) -> Result<(), Error> {
        let _turn = self.turns[user.place(LOCKS)].lock().await;
        if let Some(mut list) = self.list(user).await?
            && list.remove(session, before_ms)
        {
            self.write(user, &list, true).await?;
        }
        Ok(())
    }

    pub(crate) async fn listed(&self, user: &Key) -> Result<Vec<Key>, Error> {
        let list = self.list(user).await?;
        Ok(list.as_ref().map_or_else(Vec::new, List::keys))
    }

    async fn list(&self, user: &Key) -> Result<Option<List>, Error> {
        let names: Option<HashMap<_, _>> = self.read(user, LIST).await?;
        Ok(names.as_ref().map(List::of))
    }

    async fn write(&self, user: &Key, list: &List, is_there: bool) -> Result<(), Error> {
        let Some(until_ms) = list.until_ms() else {
            return within(self.store.delete(&user.to_id())).await;
        };
        let record = record(user, LIST, &list.names(), until_ms)?;
        self.put(record, is_there).await
    }

    /// What stands under this name, unless its time is over.
    async fn read<T: DeserializeOwned>(&self, key: &Key, name: &str) -> Result<Option<T>, Error> {
        let record = within(self.store.load(&key.to_id())).await?;
        let record = record.filter(|record| record.expiry_date > OffsetDateTime::now_utc());
        let value = record.and_then(|mut record| record.data.remove(name));
        Ok(value.and_then(|value| match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                let error = kind(&error);
                tracing::warn!(error, "a stored session cannot be read and is ignored");
                None
            }
        }))
    }

    /// Most of these stores save only what is there, and create only where nothing is.
    async fn put(&self, record: Record, is_there: bool) -> Result<(), Error> {
        if !is_there {
            let mut created = record.clone();
            within(self.store.create(&mut created)).await?;
            if created.id == record.id {
                return Ok(());
            }
            // Something is there that cannot be read, or whose time is over.
            within(self.store.delete(&created.id)).await?;
        }
        within(self.store.save(&record)).await
    }
}

fn snapshot(slot: Slot) -> Snapshot {
    Snapshot {
        slot: Arc::new(slot),
        version: Version::Unknown,
    }
}

fn record(key: &Key, name: &str, value: &impl Serialize, expires_ms: u64) -> Result<Record, Error> {
    let value = serde_json::to_value(value).map_err(|error| Error::of_value(&error))?;
    let left = Duration::from_millis(expires_ms.saturating_sub(now_ms()));
    Ok(Record {
        id: key.to_id(),
        data: [(name.to_owned(), value)].into(),
        expiry_date: OffsetDateTime::now_utc() + left,
    })
}

async fn within<T>(
    answer: impl Future<Output = Result<T, session_store::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(answer) => answer.map_err(Error::from),
        Err(_) => Err(Error::Unavailable("no answer in time".to_owned())),
    }
}
