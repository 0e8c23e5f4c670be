use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use acton_session::{SessionStore, Store};
use time::OffsetDateTime;
use tower_sessions::{
    session::{Id, Record},
    session_store::{Error, Result},
};

use crate::redis_server::RedisServer;

/// Runs each scenario on every kind of store.
macro_rules! on_every_store {
    ($($scenario:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario(acton_session::Store::memory()).await;
            })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                if let Some((_server, store)) = crate::stores::redis() {
                    super::$scenario(store).await;
                }
            })*
        }
        mod custom {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario(acton_session::Store::custom(crate::stores::Shelf::default())).await;
            })*
        }
    };
}

pub(crate) fn redis() -> Option<(RedisServer, Store)> {
    let server = RedisServer::start()?;
    let store = Store::redis(server.pool());
    Some((server, store))
}

/// A store as somebody else would write it: it saves what is there, whoever changed it, and others come first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    records: Arc<Mutex<HashMap<Id, Record>>>,
    delay: Duration,
    /// How many more commands are answered before it fails.
    left: Arc<Mutex<Option<usize>>>,
    hang: Arc<Mutex<Option<Hang>>>,
}

/// A command that nobody gets an answer to.
#[derive(Clone, Copy, Debug)]
struct Hang {
    /// How many commands are answered before.
    after: usize,
    /// Whether it is done all the same.
    is_done: bool,
}

pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Shelf {
    /// Every answer takes so long.
    pub(crate) fn slow(&self, delay: Duration) -> Self {
        Self {
            delay,
            ..self.clone()
        }
    }

    /// After so many commands from now on there is one without an answer, which is done or not.
    pub(crate) fn hang(&self, after: usize, is_done: bool) {
        *self.hang.lock().unwrap() = Some(Hang { after, is_done });
    }

    /// Answers everything again. Returns whether there was a command without an answer.
    pub(crate) fn go_on(&self) -> bool {
        self.hang.lock().unwrap().take().is_none()
    }

    /// Counts a command. Whether it is done, if nobody gets an answer.
    fn hangs(&self) -> Option<bool> {
        let mut hang = self.hang.lock().unwrap();
        match hang.as_mut()? {
            Hang { after: 0, .. } => hang.take().map(|hang| hang.is_done),
            Hang { after, .. } => {
                *after -= 1;
                None
            }
        }
    }

    /// So many more commands are answered, and then none.
    pub(crate) fn fail_after(&self, commands: usize) {
        *self.left.lock().unwrap() = Some(commands);
    }

    pub(crate) fn answer_again(&self) {
        *self.left.lock().unwrap() = None;
    }

    /// Puts this in the place of everything that is kept.
    pub(crate) fn spoil(&self, value: &str) {
        for record in self.records.lock().unwrap().values_mut() {
            for kept in record.data.values_mut() {
                *kept = value.into();
            }
        }
    }

    /// Nothing is kept any more.
    pub(crate) fn lose(&self) {
        self.records.lock().unwrap().clear();
    }

    /// Every remembered browser was here so much earlier.
    pub(crate) fn age_remembered(&self, by: Duration) {
        self.change_remembered(|renewed| renewed - by);
    }

    /// Every remembered browser was here last at this time.
    pub(crate) fn renew_remembered(&self, at: SystemTime) {
        self.change_remembered(|_| at.duration_since(UNIX_EPOCH).unwrap());
    }

    fn change_remembered(&self, change: impl Fn(Duration) -> Duration) {
        for record in self.records.lock().unwrap().values_mut() {
            for kept in record.data.values_mut() {
                if let Some(renewed) = kept.pointer_mut("/series/renewed_ms") {
                    let was = Duration::from_millis(renewed.as_u64().unwrap());
                    let now = u64::try_from(change(was).as_millis()).unwrap();
                    *renewed = now.into();
                }
            }
        }
    }

    /// Everything that is kept, names and all, as text.
    pub(crate) fn text(&self) -> String {
        let records = self.records.lock().unwrap();
        let records: Vec<_> = records.values().collect();
        serde_json::to_string(&records).unwrap()
    }

    /// What is kept of each session, as text.
    pub(crate) fn slots(&self) -> Vec<String> {
        let records = self.records.lock().unwrap();
        let slots = records.values();
        slots
            .map(|record| serde_json::to_string(&record.data).unwrap())
            .collect()
    }

    fn answer<'a, T: Send + 'a>(
        &self,
        work: impl FnOnce(&mut HashMap<Id, Record>) -> Result<T> + Send + 'a,
    ) -> Answer<'a, T> {
        let shelf = self.clone();
        Box::pin(async move {
            if let Some(left) = shelf.left.lock().unwrap().as_mut() {
                let next = left.checked_sub(1);
                *left = next.ok_or_else(|| Error::Backend("nobody is there".to_owned()))?;
            }
            shelf.travel().await;
            let hangs = shelf.hangs();
            if hangs == Some(false) {
                return std::future::pending().await;
            }
            let done = work(&mut shelf.records.lock().unwrap());
            if hangs.is_some() {
                return std::future::pending().await;
            }
            shelf.travel().await;
            done
        })
    }

    /// One way of two: a command is done in the middle of its time.
    async fn travel(&self) {
        match self.delay.is_zero() {
            true => tokio::task::yield_now().await,
            false => tokio::time::sleep(self.delay / 2).await,
        }
    }
}

impl SessionStore for Shelf {
    /// Takes another id where something is, also where its time is over.
    fn create<'a, 'b, 'c>(&'a self, record: &'b mut Record) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
    {
        self.answer(move |records| {
            while records.contains_key(&record.id) {
                record.id = Id::default();
            }
            records.insert(record.id, record.clone());
            Ok(())
        })
    }

    /// Fails where nothing is, as that for Redis does.
    fn save<'a, 'b, 'c>(&'a self, record: &'b Record) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
    {
        self.answer(move |records| match records.get_mut(&record.id) {
            Some(there) => {
                there.clone_from(record);
                Ok(())
            }
            None => Err(Error::Backend("there is nothing to save".to_owned())),
        })
    }

    fn load<'a, 'b, 'c>(&'a self, id: &'b Id) -> Answer<'c, Option<Record>>
    where
        'a: 'c,
        'b: 'c,
    {
        self.answer(move |records| {
            let record = records.get(id);
            let record = record.filter(|record| record.expiry_date > OffsetDateTime::now_utc());
            Ok(record.cloned())
        })
    }

    fn delete<'a, 'b, 'c>(&'a self, id: &'b Id) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
    {
        self.answer(move |records| {
            records.remove(id);
            Ok(())
        })
    }
}
