use std::{future::Future, sync::Arc, time::Duration};

use serde_json::Value;
use time::OffsetDateTime;
use tokio::sync::Mutex;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};

use super::{Key, Snapshot, Swap, Version, users::Users};
use crate::{
    error::{Error, kind},
    record::{Slot, now_ms},
};

/// The key under which the whole slot stands inside a record of theirs.
const SLOT: &str = "acton";
const DEADLINE: Duration = Duration::from_secs(1);
const LOCKS: usize = 64;

/// Somebody's tower-sessions store.
///
/// Such a store knows no compare-and-set, so requests of this process take turns: read, merge, write.
pub(crate) struct Custom {
    store: Arc<dyn SessionStore>,
    turns: Box<[Mutex<()>; LOCKS]>,
    pub(crate) users: Users,
}

impl Custom {
    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self {
            store,
            turns: Box::new(std::array::from_fn(|_| Mutex::default())),
            users: Users::default(),
        }
    }

    pub(crate) async fn ping(&self) -> Result<(), Error> {
        within(self.store.load(&Id(0))).await.map(drop)
    }

    pub(crate) async fn load(&self, key: &Key) -> Result<Option<Snapshot>, Error> {
        let record = within(self.store.load(&key.to_id())).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let ended = record.expiry_date <= OffsetDateTime::now_utc();
        let slot = record.data.get(SLOT).and_then(unpack);
        Ok(slot.filter(|_| !ended).map(|slot| Snapshot {
            slot: Arc::new(slot),
            version: Version::Unknown,
        }))
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
        let mut record = record(key, &slot, expires_ms)?;
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
        let record = record(key, &slot, expires_ms)?;
        within(self.store.save(&record)).await?;
        Ok(Swap::Done(snapshot(slot)))
    }

    pub(crate) async fn end(&self, key: &Key, until_ms: u64) -> Result<Option<Arc<Slot>>, Error> {
        let _turn = self.turns[key.place(LOCKS)].lock().await;
        let current = self.load(key).await?;
        let sign = record(key, &Slot::Ended, until_ms)?;
        self.put(sign, current.is_some()).await?;
        Ok(current.map(|current| current.slot))
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

fn record(key: &Key, slot: &Slot, expires_ms: u64) -> Result<Record, Error> {
    let slot = serde_json::to_value(slot).map_err(|error| Error::of_value(&error))?;
    let left = Duration::from_millis(expires_ms.saturating_sub(now_ms()));
    Ok(Record {
        id: key.to_id(),
        data: [(SLOT.to_owned(), slot)].into(),
        expiry_date: OffsetDateTime::now_utc() + left,
    })
}

fn unpack(value: &Value) -> Option<Slot> {
    match serde_json::from_value(value.clone()) {
        Ok(slot) => Some(slot),
        Err(error) => {
            let error = kind(&error);
            tracing::warn!(error, "a stored session cannot be read and is ignored");
            None
        }
    }
}

async fn within<T>(
    answer: impl Future<Output = Result<T, session_store::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(answer) => answer.map_err(Error::from),
        Err(_) => Err(Error::Unavailable("no answer in time".to_owned())),
    }
}
