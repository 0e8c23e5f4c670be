//! One topic: what is kept of it, and who reads it.

use std::{collections::VecDeque, sync::Arc, task::Waker};

use slab::Slab;

use crate::entry::Entry;

/// How many entries a reader takes at once.
const BATCH: usize = 64;
/// How many bytes it takes at once, unless one entry alone has more.
const BATCH_BYTES: usize = 64 * 1024;

/// One topic, its messages oldest first.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) entries: VecDeque<Arc<Entry>>,
    pub(crate) bytes: usize,
    /// Up to here, messages are gone.
    pub(crate) lost: u64,
    /// Up to this count of ours, messages were dropped before they had a place.
    pub(crate) dropped: u64,
    /// Who waits has a waker here.
    pub(crate) readers: Slab<Option<Waker>>,
}

impl Topic {
    pub(crate) fn new(name: Arc<str>, lost: u64, dropped: u64) -> Self {
        Self {
            name,
            entries: VecDeque::new(),
            bytes: 0,
            lost,
            dropped,
            readers: Slab::new(),
        }
    }

    /// Whom to wake.
    pub(crate) fn wake(&mut self) -> Vec<Waker> {
        let waiting = self.readers.iter_mut();
        waiting.filter_map(|(_, waker)| waker.take()).collect()
    }

    /// The oldest entry, if it is the one with this number.
    pub(crate) fn oldest(&self, sequence: u64) -> Option<&Arc<Entry>> {
        self.entries
            .front()
            .filter(|entry| entry.sequence == Some(sequence))
    }

    /// A batch after a position, and one more.
    pub(crate) fn after(&self, position: u64) -> impl Iterator<Item = Arc<Entry>> {
        let start = self
            .entries
            .partition_point(|entry| entry.sequence <= Some(position));
        self.entries.range(start..).take(BATCH + 1).cloned()
    }
}

/// Leaves what one reader takes at once, and says whether there was more. A reader whose socket is
/// full holds no more than this.
pub(crate) fn cut_to_batch(entries: &mut VecDeque<Arc<Entry>>) -> bool {
    let mut bytes = 0;
    let fits = entries.iter().take(BATCH).take_while(|entry| {
        let first = bytes == 0;
        bytes += entry.cost();
        first || bytes <= BATCH_BYTES
    });
    let count = fits.count();
    let more = count < entries.len();
    entries.truncate(count);
    more
}
