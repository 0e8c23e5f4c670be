//! What an instance shows its readers before it has a place in the row, and what it dropped before.

use std::{collections::VecDeque, sync::Arc};

use crate::{cursor::Mark, entry::Entry, history::Visit};

/// Messages of this instance alone, in the order of their counts.
#[derive(Debug, Default)]
pub(crate) struct Unsettled {
    /// Those that were shown here.
    entries: VecDeque<Arc<Entry>>,
    /// Up to this count, the row may have them.
    attempted: u64,
    /// Up to this count, they have come back with the row.
    settled: u64,
    /// The last that was dropped.
    last_dropped: Option<Mark>,
}

/// What a reader finds here behind the row.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// Up to here, messages are lost to it, before the entries.
    pub(crate) missed: Option<Mark>,
    pub(crate) entries: Vec<Arc<Entry>>,
}

impl Unsettled {
    /// A message is shown from now on.
    pub(crate) fn push(&mut self, entry: Arc<Entry>) {
        self.entries.push_back(entry);
    }

    /// Up to this count, the row may have our messages.
    pub(crate) fn attempted(&self) -> u64 {
        self.attempted
    }

    /// The row may have our messages up to this count from now on.
    pub(crate) fn attempt(&mut self, count: u64) {
        self.attempted = self.attempted.max(count);
    }

    /// What was shown up to this count has its place.
    pub(crate) fn settle(&mut self, count: u64) {
        self.settled = self.settled.max(count);
        self.forget(count);
    }

    /// What was to be shown up to here never gets a place.
    pub(crate) fn drop_until(&mut self, origin: &Mark) {
        self.last_dropped = Some(origin.clone());
        self.forget(origin.count);
    }

    /// Forgets what was shown up to this count.
    pub(crate) fn forget(&mut self, count: u64) {
        let is_past = |entry: &Arc<Entry>| {
            let origin = entry.origin.as_ref();
            origin.is_none_or(|origin| origin.count <= count)
        };
        while self.entries.front().is_some_and(is_past) {
            self.entries.pop_front();
        }
    }

    /// The newest that was shown, or else dropped.
    pub(crate) fn newest(&self) -> Option<&Mark> {
        let shown = self.entries.back().and_then(|entry| entry.origin.as_ref());
        shown.or(self.newest_dropped())
    }

    /// The last that was dropped, as long as the row has not gone past it.
    fn newest_dropped(&self) -> Option<&Mark> {
        let last = self.last_dropped.as_ref();
        last.filter(|last| last.count > self.settled)
    }

    /// For a reader that has come to the end of the row, which is at `last`; of what was dropped,
    /// the last in its topics has the count `dropped`.
    pub(crate) fn read(&self, visit: Visit<'_>, last: u64, dropped: u64) -> Shown {
        if !visit.is_alone && self.entries.is_empty() {
            return Shown::default();
        }
        let doubtful = self.doubtful(visit, last);
        if !visit.is_alone && doubtful.is_some() {
            return Shown::default();
        }
        // Up to the last of all: of those, no other is in its topics.
        let is_told = |last: &Mark| visit.place.marks.reach(&last.node, dropped);
        let dropped = self
            .newest_dropped()
            .filter(|last| dropped > self.settled && !is_told(last));
        let both = dropped.cloned().into_iter().chain(doubtful);
        let missed = both.max_by_key(|mark| mark.count);
        let shown = missed.as_ref().map_or(0, |mark| mark.count);
        Shown {
            entries: self.after(visit, shown).cloned().collect(),
            missed,
        }
    }

    /// The last that a reader may have been shown or not: who was further along the row with another
    /// instance may have seen there what has not come back to this one.
    fn doubtful(&self, visit: Visit<'_>, last: u64) -> Option<Mark> {
        if visit.place.sequence <= last {
            return None;
        }
        let origins = self
            .after(visit, 0)
            .filter_map(|entry| entry.origin.as_ref());
        let attempted = origins.take_while(|origin| origin.count <= visit.attempted);
        attempted.last().cloned()
    }

    /// What comes after this count and the reader has not been shown.
    fn after<'a>(&'a self, visit: Visit<'a>, count: u64) -> impl Iterator<Item = &'a Arc<Entry>> {
        let has_seen = |entry: &Arc<Entry>| {
            let origin = entry.origin.as_ref();
            origin.is_some_and(|origin| origin.count <= count || visit.place.marks.have(origin))
        };
        let start = self.entries.partition_point(has_seen);
        let is_wanted =
            move |entry: &&Arc<Entry>| visit.seats.iter().any(|seat| seat.name == entry.topic);
        self.entries.range(start..).filter(is_wanted)
    }
}
