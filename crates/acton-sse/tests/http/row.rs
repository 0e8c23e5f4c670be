//! A backplane of one process, whose troubles a test decides.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use acton_sse::{Backplane, BackplaneError, Known, Record, Row};
use tokio::time::sleep;

/// A row that several instances share.
#[derive(Clone, Default)]
pub(crate) struct SharedRow {
    kept: Arc<Mutex<Kept>>,
    trouble: Arc<Mutex<Trouble>>,
}

#[derive(Default)]
struct Kept {
    epoch: u32,
    /// Time goes on also where records are lost.
    clock: u64,
    lost: u64,
    records: Vec<(u64, Record)>,
}

impl Kept {
    fn last(&self) -> u64 {
        let newest = self.records.last().map(|(place, _)| *place);
        newest.unwrap_or(self.lost)
    }

    fn begin_anew(&mut self) {
        self.epoch += 1;
        self.lost = 0;
        self.records.clear();
    }

    fn is_known(&self, known: &Known) -> bool {
        known.epoch == self.name() && (known.last <= self.lost || self.has(known.last))
    }

    fn has(&self, place: u64) -> bool {
        self.records.iter().any(|(known, _)| *known == place)
    }

    /// The next records after a place, and the place of the one before them.
    fn after(&self, after: u64) -> (u64, Vec<(u64, Record)>) {
        let start = self.records.partition_point(|(place, _)| *place <= after);
        let (before, news) = self.records.split_at(start);
        let before = before.last().map_or(self.lost, |(place, _)| *place);
        (before, news.iter().take(7).cloned().collect())
    }

    fn name(&self) -> String {
        format!("row{}", self.epoch)
    }
}

/// What goes wrong for one instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trouble {
    #[default]
    None,
    /// Every call fails.
    Down,
    /// Every call hangs.
    Silent,
    /// Records are kept, but the caller gets an error.
    LostAnswers,
    /// Records cannot be appended, only read.
    Full,
    /// Records can be appended, but not read.
    Deaf,
    /// The first two records after this are kept but for the second, and the caller gets an error.
    SkipsSecond,
}

impl SharedRow {
    /// The same row for another instance, with troubles of its own.
    pub(crate) fn another(&self) -> Self {
        Self {
            kept: Arc::clone(&self.kept),
            trouble: Arc::default(),
        }
    }

    pub(crate) fn set(&self, trouble: Trouble) {
        *self.trouble.lock().expect("no panic") = trouble;
    }

    pub(crate) fn trouble(&self) -> Trouble {
        *self.trouble.lock().expect("no panic")
    }

    /// Forgets every record, as a restart without persistence does.
    pub(crate) fn begin_anew(&self) {
        self.kept().begin_anew();
    }

    /// Forgets all but the oldest records, as an older copy does.
    pub(crate) fn roll_back(&self, count: usize) {
        self.kept().records.truncate(count);
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.kept().records.len()
    }

    /// Drops the oldest records.
    pub(crate) fn keep(&self, count: usize) {
        let mut kept = self.kept();
        let excess = kept.records.len().saturating_sub(count);
        let dropped: Vec<_> = kept.records.drain(..excess).collect();
        kept.lost = dropped.last().map_or(kept.lost, |(sequence, _)| *sequence);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no panic")
    }

    async fn suffer(&self) -> Result<Trouble, BackplaneError> {
        let trouble = self.trouble();
        match trouble {
            Trouble::Down => Err("down".into()),
            Trouble::Deaf => Err("deaf".into()),
            Trouble::Silent => std::future::pending().await,
            _ => Ok(trouble),
        }
    }
}

impl Backplane for SharedRow {
    async fn open(&self, known: &Known) -> Result<Row, BackplaneError> {
        self.suffer().await?;
        let mut kept = self.kept();
        if known.epoch == kept.name() && !kept.is_known(known) {
            kept.begin_anew();
        }
        Ok(Row {
            epoch: kept.name(),
            lost: kept.lost,
            last: kept.last(),
        })
    }

    async fn append(&self, records: &[Record], known: &Known) -> Result<Vec<u64>, BackplaneError> {
        let trouble = match self.trouble() {
            Trouble::Deaf => Trouble::Deaf,
            _ => self.suffer().await?,
        };
        if trouble == Trouble::Full {
            return Err("full".into());
        }
        let mut kept = self.kept();
        if !kept.is_known(known) {
            return Err("another row".into());
        }
        let mut places = Vec::new();
        for (number, record) in records.iter().enumerate() {
            kept.clock += 10;
            let place = kept.clock;
            if trouble != Trouble::SkipsSecond || number != 1 {
                kept.records.push((place, record.clone()));
            }
            places.push(place);
        }
        if trouble == Trouble::SkipsSecond && records.len() > 1 {
            self.set(Trouble::None);
            return Err("one is missing".into());
        }
        if trouble == Trouble::LostAnswers {
            return Err("no answer".into());
        }
        Ok(places)
    }

    async fn read(&self, after: u64) -> Result<Vec<(u64, Record)>, BackplaneError> {
        for _ in 0..100 {
            self.suffer().await?;
            let (before, news) = self.kept().after(after);
            if !news.is_empty() && before != after {
                return Err("records are missing".into());
            }
            if !news.is_empty() {
                return Ok(news);
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(Vec::new())
    }
}
