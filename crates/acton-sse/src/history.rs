//! The messages of every topic, numbered in one row and kept within bounds.
//!
//! One number orders all topics, so one cursor covers a stream of several.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
    time::{Duration, Instant},
};

use slab::Slab;

use crate::{
    config::SseConfig,
    cursor::{Epoch, Mark, Marks, Place},
    entry::Entry,
    holes::{Hole, Holes},
    message::BroadcastMessage,
    topic::{Topic, cut_to_batch},
    unsettled::Unsettled,
};

/// What a reader finds after its place.
#[derive(Debug)]
pub(crate) struct Found {
    /// Whether messages were lost before the entries.
    pub(crate) gap: bool,
    pub(crate) entries: VecDeque<Arc<Entry>>,
    /// The position after the gap and the entries.
    pub(crate) position: u64,
    /// Up to here, what this instance delivered alone is lost to the reader, before the entries.
    pub(crate) missed: Option<Mark>,
}

/// A reader at this instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit<'a> {
    pub(crate) seats: &'a [Seat],
    pub(crate) place: &'a Place,
    /// Up to this count, it may have been shown our messages elsewhere before it came.
    pub(crate) attempted: u64,
    /// What is kept up to here is not for it.
    pub(crate) floor: u64,
    /// Whether the row is out of reach, so that nothing is to be waited for.
    pub(crate) is_alone: bool,
}

/// What is to be kept.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) topic: String,
    pub(crate) message: BroadcastMessage,
    pub(crate) closes: bool,
    pub(crate) origin: Option<Mark>,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// For who comes back, and for who is connected and behind.
    replayed: usize,
    count: usize,
    bytes: usize,
    total_bytes: usize,
    age: Duration,
}

/// The place of one reader at one topic, which exists as long as somebody sits there.
#[derive(Debug)]
pub(crate) struct Seat {
    topic: usize,
    reader: usize,
    pub(crate) name: Arc<str>,
}

#[derive(Debug)]
pub(crate) struct History {
    pub(crate) epoch: Epoch,
    bounds: Bounds,
    topics: Slab<Topic>,
    keys: HashMap<Arc<str>, usize>,
    /// Every entry kept, oldest first, and some that are gone already.
    order: VecDeque<(u64, usize)>,
    kept: usize,
    bytes: usize,
    last: u64,
    /// Up to here, topics that are not in the table may have lost messages.
    forgotten: u64,
    /// Where messages of one instance are missing.
    holes: Holes,
    /// What has no place yet.
    pub(crate) unsettled: Unsettled,
    /// Up to this count, topics that are not in the table may have had messages that were dropped
    /// before they had a place.
    dropped: u64,
    /// Topics of which messages were dropped that their readers may not have been shown.
    untold: BTreeSet<usize>,
    /// Counts everything that may concern a reader.
    news: Arc<AtomicU64>,
}

impl History {
    pub(crate) fn new(config: &SseConfig) -> Self {
        Self {
            epoch: Epoch::random(),
            bounds: Bounds {
                replayed: config.history,
                count: config.history.max(config.queue).max(1),
                bytes: config.history_bytes,
                total_bytes: config.history_total_bytes,
                age: config.history_age,
            },
            topics: Slab::new(),
            keys: HashMap::new(),
            order: VecDeque::new(),
            kept: 0,
            bytes: 0,
            last: 0,
            forgotten: 0,
            holes: Holes::default(),
            unsettled: Unsettled::default(),
            dropped: 0,
            untold: BTreeSet::new(),
            news: Arc::default(),
        }
    }

    /// Counts everything that may concern a reader: who waits need not look while it stands still.
    pub(crate) fn news(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.news)
    }

    /// The sequence of the newest message.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Where a reader begins that wants what is published from now on.
    pub(crate) fn now(&self) -> Place {
        self.now_with(Marks::default())
    }

    /// The same for one to which nodes have delivered messages by themselves.
    pub(crate) fn now_with(&self, mut marks: Marks) -> Place {
        if let Some(newest) = self.unsettled.newest() {
            marks.set(newest);
        }
        Place {
            sequence: self.last,
            marks,
        }
    }

    /// How many topics have readers or messages.
    pub(crate) fn topics(&self) -> usize {
        self.topics.len()
    }

    /// How many read a topic.
    pub(crate) fn readers(&self, topic: &str) -> usize {
        let key = self.keys.get(topic);
        key.map_or(0, |key| self.topics[*key].readers.len())
    }

    /// Appends a message and returns whom to wake.
    pub(crate) fn append(&mut self, sequence: u64, draft: Draft) -> Vec<Waker> {
        self.last = sequence;
        self.news.fetch_add(1, Ordering::Release);
        let key = self.key(&draft.topic);
        let name = Arc::clone(&self.topics[key].name);
        let entry = self.entry(Some(sequence), name, draft);
        let cost = entry.cost();
        self.order.push_back((sequence, key));
        self.kept += 1;
        self.bytes += cost;
        let topic = &mut self.topics[key];
        topic.bytes += cost;
        topic.entries.push_back(entry);
        let wakers = topic.wake();
        self.trim_topic(key);
        self.trim(Instant::now());
        wakers
    }

    /// Shows a message here before the backplane has it, and returns whom to wake.
    pub(crate) fn append_unsettled(&mut self, draft: Draft) -> Vec<Waker> {
        let key = self.keys.get(draft.topic.as_str()).copied();
        let name = match key {
            Some(key) => Arc::clone(&self.topics[key].name),
            None => draft.topic.as_str().into(),
        };
        let entry = self.entry(None, name, draft);
        self.unsettled.push(entry);
        self.news.fetch_add(1, Ordering::Release);
        key.map_or_else(Vec::new, |key| self.topics[key].wake())
    }

    /// Drops a record of ours before it has its place: a reader of its topic that has not been
    /// shown it is told so, instead of what follows alone.
    pub(crate) fn drop_unsettled(&mut self, topic: Option<&str>, origin: &Mark) {
        match topic.map(|topic| self.keys.get(topic)) {
            Some(Some(key)) => {
                self.topics[*key].dropped = origin.count;
                self.untold.insert(*key);
            }
            Some(None) => self.dropped = origin.count,
            None => {}
        }
        self.unsettled.drop_until(origin);
    }

    /// Lets readers look that may not have been shown what was dropped, and says whom to wake.
    pub(crate) fn tell_dropped(&mut self) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for key in std::mem::take(&mut self.untold) {
            self.news.fetch_add(1, Ordering::Release);
            let topic = self.topics.get_mut(key);
            wakers.extend(topic.map(Topic::wake).unwrap_or_default());
        }
        wakers
    }

    fn entry(&self, sequence: Option<u64>, topic: Arc<str>, draft: Draft) -> Arc<Entry> {
        Arc::new(Entry {
            epoch: self.epoch.clone(),
            sequence,
            origin: draft.origin,
            topic,
            message: draft.message,
            closes: draft.closes,
            kept_since: Instant::now(),
            encoded: OnceLock::new(),
        })
    }

    /// Goes past a sequence at which there is nothing to keep.
    pub(crate) fn pass(&mut self, sequence: u64) -> Vec<Waker> {
        self.news.fetch_add(1, Ordering::Release);
        self.last = self.last.max(sequence);
        Vec::new()
    }

    /// Makes everything up to `sequence` lost, for every reader that has not passed it.
    pub(crate) fn lose(&mut self, sequence: u64) -> Vec<Waker> {
        self.last = self.last.max(sequence);
        self.forgotten = self.forgotten.max(sequence);
        self.holes.forget(sequence);
        for (_, topic) in &mut self.topics {
            topic.lost = topic.lost.max(sequence);
            topic.entries.clear();
            topic.bytes = 0;
        }
        for (_, topic) in &self.topics {
            if topic.readers.is_empty() {
                self.dropped = self.dropped.max(topic.dropped);
            }
        }
        self.topics.retain(|_, topic| !topic.readers.is_empty());
        self.keys.retain(|_, key| self.topics.contains(*key));
        self.order.clear();
        (self.kept, self.bytes) = (0, 0);
        self.wake_all()
    }

    /// Messages of an instance are missing here, for every reader that does not know it yet.
    pub(crate) fn open_hole(&mut self, hole: Hole) -> Vec<Waker> {
        self.last = self.last.max(hole.place);
        self.holes.add(hole);
        self.wake_all()
    }

    /// Begins anew in another epoch, of which everything up to `lost` is gone.
    pub(crate) fn restart(&mut self, epoch: Epoch, lost: u64) -> Vec<Waker> {
        self.epoch = epoch;
        (self.last, self.forgotten) = (0, 0);
        self.holes = Holes::default();
        self.topics.iter_mut().for_each(|(_, topic)| topic.lost = 0);
        self.lose(lost)
    }

    /// The key of a topic, which exists from now on.
    fn key(&mut self, topic: &str) -> usize {
        if let Some(key) = self.keys.get(topic) {
            return *key;
        }
        let name: Arc<str> = topic.into();
        let topic = Topic::new(Arc::clone(&name), self.forgotten, self.dropped);
        let key = self.topics.insert(topic);
        self.keys.insert(name, key);
        key
    }

    /// Keeps one topic within its bounds, and the newest message in any case.
    fn trim_topic(&mut self, key: usize) {
        while let topic = &self.topics[key]
            && topic.entries.len() > 1
            && (topic.entries.len() > self.bounds.count || topic.bytes > self.bounds.bytes)
        {
            self.drop_oldest(key);
        }
    }

    /// Keeps all topics together within their bounds.
    fn trim(&mut self, now: Instant) {
        while let Some((sequence, key)) = self.order.front().copied() {
            let topic = self.topics.get(key);
            if let Some(entry) = topic.and_then(|topic| topic.oldest(sequence)) {
                let too_old = now.saturating_duration_since(entry.kept_since) > self.bounds.age;
                let too_much = self.bytes > self.bounds.total_bytes && sequence != self.last;
                if !too_old && !too_much {
                    break;
                }
                self.drop_oldest(key);
                self.forget_unused(key);
            }
            self.order.pop_front();
        }
        self.compact_order();
    }

    fn drop_oldest(&mut self, key: usize) {
        let topic = &mut self.topics[key];
        if let Some(entry) = topic.entries.pop_front() {
            topic.lost = entry.sequence.unwrap_or(topic.lost);
            topic.bytes -= entry.cost();
            self.bytes -= entry.cost();
            self.kept -= 1;
        }
    }

    /// Removes a topic that has neither readers nor messages.
    fn forget_unused(&mut self, key: usize) {
        let topic = &self.topics[key];
        if topic.readers.is_empty() && topic.entries.is_empty() {
            let topic = self.topics.remove(key);
            self.keys.remove(&topic.name);
            self.forgotten = self.forgotten.max(topic.lost);
            self.dropped = self.dropped.max(topic.dropped);
        }
    }

    /// Busy topics leave more dead places in the order than living ones.
    fn compact_order(&mut self) {
        if self.order.len() > 1024 + 2 * self.kept {
            let topics = &self.topics;
            self.order.retain(|(sequence, key)| {
                let oldest = topics.get(*key).and_then(|topic| topic.entries.front());
                oldest.is_some_and(|entry| entry.sequence <= Some(*sequence))
            });
        }
    }

    /// Adds a reader.
    pub(crate) fn join(&mut self, topic: &str) -> Seat {
        self.trim(Instant::now());
        let topic_key = self.key(topic);
        let topic = &mut self.topics[topic_key];
        Seat {
            topic: topic_key,
            reader: topic.readers.insert(None),
            name: Arc::clone(&topic.name),
        }
    }

    /// Removes a reader.
    pub(crate) fn leave(&mut self, seat: &Seat) {
        self.topics[seat.topic].readers.remove(seat.reader);
        self.forget_unused(seat.topic);
        self.trim(Instant::now());
    }

    /// Wakes a reader at the next message.
    pub(crate) fn wait(&mut self, seats: &[Seat], waker: &Waker) {
        for seat in seats {
            let slot = &mut self.topics[seat.topic].readers[seat.reader];
            if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
                *slot = Some(waker.clone());
            }
        }
    }

    /// Every reader that waits.
    pub(crate) fn wake_all(&mut self) -> Vec<Waker> {
        self.news.fetch_add(1, Ordering::Release);
        let topics = self.topics.iter_mut();
        topics.flat_map(|(_, topic)| topic.wake()).collect()
    }

    /// Up to here, topics hold more than is kept for who comes back.
    pub(crate) fn floor(&self, seats: &[Seat]) -> u64 {
        let topics = seats.iter().map(|seat| &self.topics[seat.topic].entries);
        let newest_beyond = topics.filter_map(|entries| {
            let beyond = entries.len().checked_sub(self.bounds.replayed + 1)?;
            entries[beyond].sequence
        });
        newest_beyond.max().unwrap_or(0)
    }

    /// Where a message with an id of the application's own stands; nothing when several have it, or
    /// when its reader may have been shown it by itself, before others that have come before it.
    pub(crate) fn find(&self, seats: &[Seat], id: &str) -> Option<u64> {
        let entries = seats
            .iter()
            .flat_map(|seat| &self.topics[seat.topic].entries);
        let same = entries.filter(|entry| entry.origin.is_none() && entry.message.id() == Some(id));
        let mut places = same.filter_map(|entry| entry.sequence);
        let place = places.next();
        place.filter(|_| places.next().is_none())
    }

    /// The entries after a place, in order and as many as fit into a batch; then what is not
    /// settled.
    pub(crate) fn read(&self, visit: Visit<'_>) -> Found {
        let place = visit.place;
        let topics = || visit.seats.iter().map(|seat| &self.topics[seat.topic]);
        let dropped_here = topics().map(|topic| topic.dropped).max().unwrap_or(0);
        let lost = topics().map(|topic| topic.lost).max().unwrap_or(0);
        let lost = lost.max(self.holes.missed(place, dropped_here));
        let lost = lost.max(visit.floor);
        let position = place.sequence.max(lost);
        let mut entries: VecDeque<_> = topics().flat_map(|topic| topic.after(position)).collect();
        if visit.seats.len() > 1 {
            entries
                .make_contiguous()
                .sort_unstable_by_key(|entry| entry.sequence);
        }
        let is_all = !cut_to_batch(&mut entries);
        let end = entries.back().and_then(|entry| entry.sequence);
        let mut missed = None;
        if is_all {
            let unsettled = self.unsettled.read(visit, self.last, dropped_here);
            missed = unsettled.missed;
            entries.extend(unsettled.entries);
        }
        Found {
            gap: lost > place.sequence,
            position: end.filter(|_| !is_all).unwrap_or(self.last.max(position)),
            entries,
            missed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(change: impl FnOnce(&mut SseConfig)) -> History {
        let mut config = SseConfig {
            queue: 0,
            ..SseConfig::default()
        };
        change(&mut config);
        History::new(&config)
    }

    fn publish(history: &mut History, topic: &str) {
        publish_text(history, topic, "x");
    }

    fn publish_text(history: &mut History, topic: &str, text: &str) {
        let draft = Draft {
            topic: topic.to_owned(),
            message: BroadcastMessage::new(text),
            closes: false,
            origin: None,
        };
        history.append(history.last() + 1, draft);
    }

    fn visit<'a>(seats: &'a [Seat], place: &'a Place) -> Visit<'a> {
        Visit {
            seats,
            place,
            attempted: 0,
            floor: 0,
            is_alone: false,
        }
    }

    fn sequences(history: &mut History, topics: &[&str], after: u64) -> (bool, Vec<u64>) {
        let seats: Vec<_> = topics.iter().map(|name| history.join(name)).collect();
        let place = Place {
            sequence: after,
            ..Place::default()
        };
        let found = history.read(visit(&seats, &place));
        let numbers = found.entries.iter().filter_map(|entry| entry.sequence);
        (found.gap, numbers.collect())
    }

    #[test]
    fn topics_are_read_in_the_order_of_their_messages() {
        let mut history = history(|_| ());
        for topic in ["a", "b", "c", "a"] {
            publish(&mut history, topic);
        }
        assert_eq!(
            sequences(&mut history, &["a", "b"], 0),
            (false, vec![1, 2, 4])
        );
        assert_eq!(sequences(&mut history, &["a", "b"], 2), (false, vec![4]));
    }

    #[test]
    fn a_batch_is_bounded_and_loses_nothing() {
        let mut history = history(|_| ());
        for _ in 0..150 {
            publish(&mut history, "a");
            publish(&mut history, "b");
        }
        let seats = [history.join("a"), history.join("b")];
        let mut place = Place::default();
        let mut read = Vec::new();
        while read.len() < 300 {
            let found = history.read(visit(&seats, &place));
            assert!(!found.entries.is_empty() && found.entries.len() <= 64);
            read.extend(found.entries.iter().filter_map(|entry| entry.sequence));
            place.sequence = found.position;
        }
        assert!(read.into_iter().eq(1..=300));
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_unless_one_message_has_more() {
        let mut history = history(|_| ());
        let (small, large) = ("x".repeat(10_000), "x".repeat(100_000));
        for text in [&small, &small, &small, &small, &large, &small] {
            publish_text(&mut history, "a", text);
        }
        let seats = [history.join("a")];
        let mut place = Place::default();
        let mut counts = Vec::new();
        while place.sequence < 6 {
            let found = history.read(visit(&seats, &place));
            counts.push(found.entries.len());
            place.sequence = found.position;
        }
        assert_eq!(counts, [3, 1, 1, 1]);
    }

    #[test]
    fn another_topic_that_overflows_is_no_gap_here() {
        let mut history = history(|config| config.history = 2);
        publish(&mut history, "a");
        for _ in 0..10 {
            publish(&mut history, "b");
        }
        assert_eq!(sequences(&mut history, &["a"], 0), (false, vec![1]));
        assert_eq!(
            sequences(&mut history, &["a", "b"], 0),
            (true, vec![10, 11])
        );
    }

    #[test]
    fn a_topic_that_was_forgotten_is_a_gap_for_who_may_have_missed_it() {
        let mut history = history(|config| config.history_total_bytes = 300);
        publish(&mut history, "a");
        publish(&mut history, "b");
        assert_eq!(history.topics(), 1);
        assert_eq!(sequences(&mut history, &["a"], 0), (true, vec![]));
        assert_eq!(sequences(&mut history, &["a"], 1), (false, vec![]));
    }

    #[test]
    fn the_books_balance() {
        let mut history =
            history(|config| (config.history, config.history_age) = (3, Duration::ZERO));
        for topic in ["a", "b", "a", "a", "a", "c"] {
            publish(&mut history, topic);
        }
        std::thread::sleep(Duration::from_millis(2));
        history.trim(Instant::now());
        assert_eq!((history.kept, history.bytes, history.topics()), (0, 0, 0));
        assert!(history.order.is_empty());
    }

    #[test]
    fn names_take_their_share_of_the_bytes() {
        let mut history = history(|config| config.history_bytes = 1_000_000);
        let (name, topic) = ("x".repeat(10_000), "y".repeat(10_000));
        for _ in 0..100 {
            let draft = Draft {
                topic: topic.clone(),
                message: BroadcastMessage::signal(name.as_str()),
                closes: false,
                origin: None,
            };
            history.append(history.last() + 1, draft);
        }
        assert!(history.kept <= 50, "{}", history.kept);
    }

    #[test]
    fn a_busy_topic_leaves_no_trail() {
        let mut history = history(|config| config.history = 1);
        for _ in 0..10_000 {
            publish(&mut history, "a");
        }
        assert!(history.order.len() < 1100, "{}", history.order.len());
    }
}
