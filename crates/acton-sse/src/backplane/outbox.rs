//! What the backplane has yet to take, and what it has given.

use std::{collections::VecDeque, sync::Arc, task::Waker};

use tokio::sync::oneshot;

use super::{Content, Record, Wire, horizon::Horizon, seen::Seen};
use crate::{
    config::SseConfig,
    cursor::{Epoch, Mark},
    error::Error,
    history::{Draft, History},
    holes::Hole,
    presence::Person,
    random,
};

/// How many bytes of records are appended at once, unless one alone has more.
const BATCH_BYTES: usize = 1024 * 1024;

/// Told the id of a message, or that it will take time.
pub(crate) type Sent = oneshot::Receiver<Result<String, Error>>;
type Sender = oneshot::Sender<Result<String, Error>>;

/// The records of this instance until they come back with the row. It lives under the lock of the
/// history.
#[derive(Debug)]
pub(crate) struct Outbox {
    node: Arc<str>,
    next: u64,
    queue: VecDeque<Waiting>,
    /// What the records that wait cost.
    bytes: usize,
    /// How many records may wait, and how many bytes.
    backlog: usize,
    backlog_bytes: usize,
    /// Up to this count, the row has the records.
    confirmed: u64,
    /// The greatest place of a record of ours in this row, 0 while it has none.
    placed: u64,
    /// Up to this count, the readers here have been shown the records.
    shown: u64,
    /// Up to this count, nobody awaits the records any more.
    told: u64,
    /// Whether the last append went well.
    writes: bool,
    /// Whether the last read went well.
    reads: bool,
    /// Where the row stood when it was first looked at, which is before this instance appends, and
    /// which row that was.
    begun_at: Option<(Epoch, u64)>,
    /// Whether the first read is done, well or not.
    pub(crate) ready: bool,
    pub(crate) horizon: Horizon,
    seen: Seen,
}

#[derive(Debug)]
struct Waiting {
    record: Record,
    sent: Option<Sender>,
}

impl Outbox {
    pub(crate) fn new(config: &SseConfig) -> Self {
        Self {
            node: random::name(),
            next: 0,
            queue: VecDeque::new(),
            bytes: 0,
            backlog: config.backlog.max(1),
            backlog_bytes: config.backlog_bytes,
            confirmed: 0,
            placed: 0,
            shown: 0,
            told: 0,
            writes: true,
            reads: true,
            begun_at: None,
            ready: false,
            horizon: Horizon::new(config.backplane_history),
            seen: Seen::default(),
        }
    }

    /// Queues a message, and shows it here at once while the backplane is out of reach.
    pub(crate) fn push(&mut self, draft: Draft, history: &mut History) -> (Sent, Vec<Waker>) {
        let (sender, sent) = oneshot::channel();
        self.enqueue(content(draft, None), Some(sender));
        (sent, self.after_push(history))
    }

    /// The same for a message that tells who is here, for which nobody waits.
    pub(crate) fn push_here(
        &mut self,
        draft: Draft,
        here: Vec<Person>,
        history: &mut History,
    ) -> Vec<Waker> {
        self.enqueue(content(draft, Some(here)), None);
        self.after_push(history)
    }

    /// Queues what no reader sees. It is said again when the others can hear it.
    pub(crate) fn tell(&mut self, content: Content) {
        if self.is_connected() && self.queue.len() < self.backlog && self.bytes < self.backlog_bytes
        {
            self.enqueue(content, None);
        }
    }

    fn enqueue(&mut self, content: Content, sent: Option<Sender>) {
        self.next += 1;
        let origin = Mark {
            node: Arc::clone(&self.node),
            count: self.next,
        };
        let record = Record {
            origin,
            epoch: None,
            after: None,
            content,
        };
        self.bytes += record.cost();
        self.queue.push_back(Waiting { record, sent });
    }

    fn after_push(&mut self, history: &mut History) -> Vec<Waker> {
        while self.queue.len() > self.backlog
            || (self.bytes > self.backlog_bytes && self.queue.len() > 1)
        {
            self.drop_oldest(history);
        }
        self.show_if_alone(history)
    }

    fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.queue.pop_front()?;
        self.bytes -= waiting.record.cost();
        Some(waiting)
    }

    /// Drops a record; if nobody else has it, the next one says so in its place.
    fn drop_oldest(&mut self, history: &mut History) {
        let Some(dropped) = self.pop() else {
            return;
        };
        history.drop_record(&dropped.record);
        if dropped.record.origin.count > self.confirmed
            && let Some(next) = self.queue.front()
        {
            history.drop_record(&next.record);
            self.turn_into_gap();
        }
    }

    /// Lets the next record say that there is a gap, instead of what it said.
    fn turn_into_gap(&mut self) {
        let Some(next) = self.queue.front_mut() else {
            return;
        };
        self.bytes -= next.record.cost();
        next.record.content = Content::Gap;
        self.bytes += next.record.cost();
        // Who awaits it shall not take it for sent.
        next.sent = None;
    }

    /// The first record behind a count.
    fn behind(&self, count: u64) -> usize {
        let passed = |waiting: &Waiting| waiting.record.origin.count <= count;
        self.queue.partition_point(passed)
    }

    /// Shows what waits to the readers here, and tells who awaits it that it takes time.
    fn show_if_alone(&mut self, history: &mut History) -> Vec<Waker> {
        if self.is_connected() {
            return Vec::new();
        }
        if !self.writes {
            let first = self.behind(self.told);
            let waiting = self.queue.range_mut(first..);
            for sender in waiting.filter_map(|waiting| waiting.sent.take()) {
                let _ = sender.send(Err(Error::Backplane));
            }
            self.told = self.next;
        }
        let mut wakers = history.tell_dropped();
        for waiting in self.queue.range(self.behind(self.shown)..) {
            if let Some(draft) = waiting.record.clone().into_draft() {
                wakers.extend(history.append_unsettled(draft));
            }
        }
        self.shown = self.next;
        wakers
    }

    /// The next records to append to the row of this epoch.
    pub(crate) fn batch(&self, limit: usize, epoch: &Epoch) -> Vec<Record> {
        let limit = if self.begun_at.is_some() { limit } else { 0 };
        let records = self.queue.iter().map(|waiting| &waiting.record);
        let open = records.skip_while(|record| record.origin.count <= self.confirmed);
        let mut bytes = 0;
        let fits = open.take(limit).take_while(|record| {
            let is_first = bytes == 0;
            bytes += record.cost();
            is_first || bytes <= BATCH_BYTES
        });
        fits.map(|record| record.bound_for(epoch, self.placed))
            .collect()
    }

    /// How many messages the backplane has yet to take.
    pub(crate) fn unsent(&self) -> usize {
        let waiting = self.queue.iter().map(|waiting| &waiting.record);
        let open = waiting.filter(|record| record.origin.count > self.confirmed);
        open.filter(|record| matches!(record.content, Content::Message { .. } | Content::Gap))
            .count()
    }

    /// Whether the backplane has all.
    pub(crate) fn is_flushed(&self) -> bool {
        self.confirmed == self.next
    }

    /// The row stands here, and is looked at for the first time unless it was before.
    pub(crate) fn begin(&mut self, epoch: &Epoch, last: u64) {
        self.begun_at.get_or_insert_with(|| (epoch.clone(), last));
    }

    /// Where this instance began, as long as that is a place of this epoch.
    pub(crate) fn begun_at(&self, epoch: &Epoch) -> Option<u64> {
        let begun = self.begun_at.as_ref();
        begun.and_then(|(begun, place)| (begun == epoch).then_some(*place))
    }

    /// Another epoch has begun, of which records up to here are dropped: what did not come back from
    /// the row before may be gone.
    pub(crate) fn begin_anew(&mut self, lost: u64) {
        let first = self.queue.front();
        self.confirmed = first.map_or(self.next, |waiting| waiting.record.origin.count - 1);
        self.placed = 0;
        self.horizon.begin_anew(lost);
        self.seen.forgive(lost);
    }

    /// The row has dropped records up to here, of which the readers are told: what is missing
    /// before the next record of each instance is a part of it.
    ///
    /// What the row had taken of this instance and has not given back may have gone before anybody
    /// read it. An instance that has read it passes over the gap that is appended in its place.
    pub(crate) fn skip(&mut self, place: u64, history: &mut History) {
        self.horizon.pass(place);
        self.seen.forgive(place);
        let taken = self.behind(self.confirmed);
        for _ in 1..taken {
            self.pop();
        }
        if let Some(last) = self.queue.front().filter(|_| taken > 0) {
            history.unsettled.forget(last.record.origin.count);
            self.turn_into_gap();
            self.confirmed -= 1;
        }
    }

    /// The batch has its places in the row of this epoch.
    pub(crate) fn confirm(&mut self, batch: &[Record], places: &[u64], epoch: &Epoch) {
        self.writes = true;
        for (record, place) in batch.iter().zip(places) {
            self.confirm_one(record.origin.count, *place, epoch);
        }
    }

    fn confirm_one(&mut self, count: u64, place: u64, epoch: &Epoch) {
        self.confirmed = self.confirmed.max(count);
        self.placed = self.placed.max(place);
        self.horizon.reach(place);
        let same = |waiting: &Waiting| waiting.record.origin.count.cmp(&count);
        if let Ok(at) = self.queue.binary_search_by(same)
            && let Some(sender) = self.queue[at].sent.take()
        {
            let _ = sender.send(Ok(epoch.id(place)));
        }
    }

    /// Remembers how an append went; what waits is shown here meanwhile.
    pub(crate) fn wrote(&mut self, well: bool, history: &mut History) -> Vec<Waker> {
        self.writes = well;
        self.show_if_alone(history)
    }

    /// Remembers how a read went; what waits is shown here meanwhile.
    pub(crate) fn has_read(&mut self, well: bool, history: &mut History) -> Vec<Waker> {
        self.reads = well;
        self.show_if_alone(history)
    }

    /// Takes a record of the row into the history.
    pub(crate) fn receive(
        &mut self,
        place: u64,
        record: Record,
        history: &mut History,
    ) -> Vec<Waker> {
        self.horizon.pass(place);
        let origin = record.origin.clone();
        if self.is_ours(&origin) {
            let count = origin.count;
            history.unsettled.settle(count);
            self.confirm_one(count, place, &history.epoch);
            self.shown = self.shown.max(count);
            self.writes |= self.confirmed == self.next;
            while self
                .queue
                .front()
                .is_some_and(|waiting| waiting.record.origin.count <= count)
            {
                self.pop();
            }
        }
        if self.has_seen(&origin) {
            return history.pass(place);
        }
        let before = self.seen.count_of(&origin.node);
        let follows = self.seen.follows(&origin, place, record.after);
        if matches!(record.content, Content::Gap) {
            return history.open_hole(Hole {
                place,
                ours_after: self.is_ours(&origin).then_some(before),
                mark: origin,
            });
        }
        let mut wakers = Vec::new();
        if !follows {
            wakers = history.lose(place.saturating_sub(1));
        }
        wakers.extend(match record.into_draft() {
            Some(draft) => history.append(place, draft),
            None => history.pass(place),
        });
        wakers
    }

    /// Whether the row can be read, as far as is known.
    pub(crate) fn can_look(&self) -> bool {
        self.reads
    }

    /// Whether a record has been taken in before: an append that was tried again stands twice.
    pub(crate) fn has_seen(&self, origin: &Mark) -> bool {
        self.seen.has(origin)
    }

    /// Whether a record is of this instance.
    pub(crate) fn is_ours(&self, origin: &Mark) -> bool {
        origin.node == self.node
    }

    /// Whether the backplane takes and gives, as far as is known.
    fn is_connected(&self) -> bool {
        self.writes && self.reads
    }

    /// The same, and the row has been looked at.
    pub(crate) fn is_joined(&self) -> bool {
        self.begun_at.is_some() && self.is_connected()
    }
}

fn content(draft: Draft, here: Option<Vec<Person>>) -> Content {
    Content::Message {
        topic: draft.topic,
        message: Wire::from(&draft.message),
        closes: draft.closes,
        here,
    }
}

impl History {
    fn drop_record(&mut self, record: &Record) {
        let topic = match &record.content {
            Content::Message { topic, .. } => Some(topic.as_str()),
            _ => None,
        };
        self.drop_unsettled(topic, &record.origin);
    }
}

impl Record {
    fn into_draft(self) -> Option<Draft> {
        let Content::Message {
            topic,
            message,
            closes,
            ..
        } = self.content
        else {
            return None;
        };
        Some(Draft {
            topic,
            message: message.into_message(),
            closes,
            origin: Some(self.origin),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::BroadcastMessage;

    #[test]
    fn a_batch_is_bounded_in_bytes_unless_one_record_has_more() {
        let config = SseConfig::default();
        let (mut outbox, mut history) = (Outbox::new(&config), History::new(&config));
        outbox.begin(&history.epoch, 0);
        let kilobytes = [400, 400, 400, 3000, 400];
        for size in kilobytes {
            let draft = Draft {
                topic: "t".to_owned(),
                message: BroadcastMessage::new("x".repeat(size * 1000)),
                closes: false,
                origin: None,
            };
            let _ = outbox.push(draft, &mut history);
        }
        let (mut counts, mut place) = (Vec::new(), 0);
        while !outbox.is_flushed() {
            let batch = outbox.batch(64, &history.epoch);
            counts.push(batch.len());
            let places: Vec<_> = batch
                .iter()
                .map(|_| {
                    place += 1;
                    place
                })
                .collect();
            outbox.confirm(&batch, &places, &history.epoch);
        }
        assert_eq!(counts, [2, 1, 1, 1]);
    }
}
