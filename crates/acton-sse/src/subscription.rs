//! A reader's place in the history.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{Instant, Sleep, sleep_until},
};

use crate::{
    backplane::Standing,
    broadcaster::Shared,
    connection::ConnectionId,
    cursor::{Epoch, Marks, Place},
    entry::Entry,
    error::Closed,
    history::{Seat, Visit},
    message::{BroadcastMessage, GAP_EVENT},
    random,
    state::State,
};

/// A reader of one topic or several. It holds a place in the history, not a queue of its own.
///
/// ```
/// # use acton_sse::SseBroadcaster;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let broadcaster = SseBroadcaster::new();
/// let mut reader = broadcaster.subscribe();
/// broadcaster.broadcast("one");
/// broadcaster.shutdown();
/// assert_eq!(reader.recv().await.unwrap().data(), "one");
/// assert!(reader.recv().await.is_err());
/// # }
/// ```
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
    seats: Vec<Seat>,
    start: Option<Start>,
    epoch: Epoch,
    place: Place,
    /// Whether the next message is a gap.
    gap: bool,
    /// How many looks at the row had begun when a browser named a place that is not known yet.
    named_at: Option<u64>,
    /// Up to this count, other instances may have shown it messages of this one before it came.
    attempted: u64,
    /// What was kept up to here when it came is for those who were connected.
    floor: u64,
    batch: VecDeque<Arc<Entry>>,
    /// The position behind the batch.
    batch_end: u64,
    /// Who is woken at the next message, and what had happened when that was arranged.
    waiter: Option<Waker>,
    waits_since: Option<u64>,
    /// When this reader is over, once the broadcaster is, and when the last one is.
    end: Option<(Pin<Box<Sleep>>, Instant)>,
    connection: Option<ConnectionId>,
}

/// Where a reader begins, as long as the history is not there to look it up.
#[derive(Debug)]
enum Start {
    Now,
    /// As soon as the history is there.
    Opening,
    After(String),
    /// What it was in the middle of is gone.
    Lost,
}

/// The next thing for a reader.
#[derive(Debug)]
pub(crate) enum Next {
    Gap,
    Entry(Arc<Entry>),
}

impl Subscription {
    pub(crate) fn new(shared: Arc<Shared>, mut names: Vec<String>, from: Option<&str>) -> Self {
        names.sort_unstable();
        names.dedup();
        // Who reads nothing waits for the end: a stream that ends at once would be opened again and again.
        if names.is_empty() {
            names.push(random::name().to_string());
        }
        let mut state = shared.state();
        state.subscribers += 1;
        let seats = names.iter().map(|name| state.history.join(name)).collect();
        let epoch = state.history.epoch.clone();
        drop(state);
        let mut subscription = Self {
            shared,
            seats,
            start: Some(from.map_or(Start::Now, |id| Start::After(id.to_owned()))),
            epoch,
            place: Place::default(),
            gap: false,
            named_at: None,
            attempted: 0,
            floor: 0,
            batch: VecDeque::new(),
            batch_end: 0,
            waiter: None,
            waits_since: None,
            end: None,
            connection: None,
        };
        subscription.look_up_start();
        subscription
    }

    /// Finds the first place, as soon as there is a history.
    fn look_up_start(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        self.named_at = Some(state.looks());
        if let Some(start) = self.start.take_if(|_| state.is_ready()) {
            self.begin(start, &mut state);
        } else if matches!(self.start, Some(Start::Now)) {
            self.start = Some(Start::Opening);
            self.place.marks = state.history.now().marks;
        }
    }

    fn begin(&mut self, start: Start, state: &mut State) {
        let history = &state.history;
        let last = match &start {
            Start::After(id) => history.now_with(Marks::of(id)),
            _ => Place {
                sequence: history.last(),
                marks: std::mem::take(&mut self.place.marks),
            },
        };
        let place = match &start {
            Start::Now => Some(history.now()),
            Start::Opening => state.begun_at().map(|sequence| Place {
                sequence,
                marks: last.marks.clone(),
            }),
            Start::After(id) => self.find(id, state),
            Start::Lost => None,
        };
        if place.is_none() && self.waits_for_look(&start, state) {
            state.with_outbox(|outbox, _| outbox.horizon.want());
            self.start = Some(start);
            return;
        }
        let history = &state.history;
        self.epoch = history.epoch.clone();
        self.attempted = history.unsettled.attempted();
        self.floor = match start {
            Start::After(_) => history.floor(&self.seats),
            _ => 0,
        };
        self.gap = place.is_none();
        self.place = place.unwrap_or(last);
        self.batch_end = self.place.sequence;
        let is_ahead = self.place.sequence > history.last();
        self.named_at = is_ahead.then(|| state.looks());
    }

    /// Whether the next look at the row may tell what a place is: another instance may know an epoch
    /// that this one does not.
    fn waits_for_look(&self, start: &Start, state: &State) -> bool {
        let is_named = matches!(start, Start::After(id) if Epoch::may_have_named(id));
        let named_at = self.named_at.filter(|_| is_named);
        named_at.is_some_and(|named_at| state.may_have_begun(named_at))
    }

    /// Comes to know whether a place ahead of this instance can be true.
    fn check_place(&mut self, state: &mut State) {
        let Some(named_at) = self.named_at.filter(|_| self.start.is_none()) else {
            return;
        };
        match state.standing(self.place.sequence, named_at) {
            Standing::Passed => self.named_at = None,
            Standing::Ahead => state.with_outbox(|outbox, _| outbox.horizon.want()),
            Standing::Nowhere => {
                self.named_at = None;
                self.gap = true;
                self.place.sequence = state.history.last();
                self.batch_end = self.place.sequence;
            }
        }
    }

    /// The place of an id.
    fn find(&self, id: &str, state: &State) -> Option<Place> {
        let history = &state.history;
        let known =
            |place: &Place| state.standing(place.sequence, state.looks()) != Standing::Nowhere;
        let by_own_id = || {
            let sequence = history.find(&self.seats, id)?;
            Some(Place {
                sequence,
                marks: Marks::default(),
            })
        };
        history.epoch.place(id).filter(known).or_else(by_own_id)
    }

    /// Names the connection, which gets no message that [excepts](BroadcastMessage::except) it.
    #[must_use]
    pub fn connection(mut self, connection: Option<ConnectionId>) -> Self {
        self.connection = connection;
        self
    }

    /// The next message.
    ///
    /// A reader that fell out of the history gets one gap message ([`BroadcastMessage::is_gap`])
    /// and goes on with the oldest message kept. Nothing is lost when this is cancelled.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the broadcaster is shut down or all topics are closed, after the last
    /// message.
    pub async fn recv(&mut self) -> Result<BroadcastMessage, Closed> {
        let next = poll_fn(|context| self.poll_next(context)).await;
        Ok(match next.ok_or(Closed)? {
            Next::Gap => self.gap_message(),
            Next::Entry(entry) => match self.id_for(&entry) {
                Some(id) => entry.message.clone().placed_at(&id),
                None => entry.with_id(),
            },
        })
    }

    /// Where the reader stands: the id to resume with.
    #[must_use]
    pub fn cursor(&self) -> String {
        match &self.start {
            Some(Start::After(id)) => id.clone(),
            // Who resumes with this has not been told yet.
            _ if self.gap => Epoch::nowhere().id_of(&self.place),
            _ => self.epoch.id_of(&self.place),
        }
    }

    pub(crate) fn gap_message(&self) -> BroadcastMessage {
        BroadcastMessage::signal(GAP_EVENT).placed_at(&self.cursor())
    }

    /// The place behind an entry for this reader, where it differs from what others get.
    pub(crate) fn id_for(&self, entry: &Entry) -> Option<String> {
        let special = entry.sequence.is_none() || !self.place.marks.is_empty();
        special.then(|| self.cursor())
    }

    /// Whether a gap comes next.
    pub(crate) fn has_gap(&self) -> bool {
        self.gap
    }

    /// Whether the place is known.
    pub(crate) fn has_begun(&self) -> bool {
        self.start.is_none()
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The next entry or gap; nothing when it is over.
    pub(crate) fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<Next>> {
        loop {
            if self.gap {
                self.gap = false;
                return Poll::Ready(Some(Next::Gap));
            }
            // What comes behind the end is for who begins after it.
            if self.seats.is_empty() {
                return Poll::Ready(None);
            }
            let Some(entry) = self.batch.pop_front() else {
                self.place.sequence = self.batch_end;
                if !ready!(self.poll_batch(context)) {
                    return Poll::Ready(None);
                }
                continue;
            };
            if self.advance(&entry) && self.wants(&entry) {
                return Poll::Ready(Some(Next::Entry(entry)));
            }
        }
    }

    /// Moves past an entry; false when the reader had it before it was settled.
    fn advance(&mut self, entry: &Entry) -> bool {
        if let Some(sequence) = entry.sequence {
            self.place.sequence = sequence;
        }
        match (&entry.origin, entry.sequence) {
            (Some(origin), Some(_)) => !self.place.marks.settle(origin),
            (Some(origin), None) => {
                self.place.marks.set(origin);
                true
            }
            (None, _) => true,
        }
    }

    /// Whether to deliver an entry; the end of one topic among several is not told.
    fn wants(&mut self, entry: &Entry) -> bool {
        let Some(at) = self.seats.iter().position(|seat| seat.name == entry.topic) else {
            return false;
        };
        if entry.closes {
            let seat = self.seats.swap_remove(at);
            self.shared.state().history.leave(&seat);
            return self.seats.is_empty();
        }
        let excluded = entry.message.excluded();
        excluded.is_none() || excluded != self.connection.as_ref()
    }

    /// Takes more out of the history, or waits; false when it is over.
    fn poll_batch(&mut self, context: &Context<'_>) -> Poll<bool> {
        let ended = self.poll_end(context);
        if !ended && self.waits_already(context) {
            return Poll::Pending;
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        let found = self.look(&mut state);
        let over = state.ends_at.is_some_and(|at| self.ends(at, context));
        if !over {
            self.wait(&mut state, context);
        }
        match found {
            true => Poll::Ready(true),
            false if over => Poll::Ready(false),
            false => Poll::Pending,
        }
    }

    /// Whether the end of this reader has come, of which it knows.
    fn poll_end(&mut self, context: &Context<'_>) -> bool {
        let mut context = Context::from_waker(context.waker());
        self.end
            .as_mut()
            .is_some_and(|(end, _)| end.as_mut().poll(&mut context).is_ready())
    }

    /// Whether the end has come, at a moment by chance until the last reader's.
    fn ends(&mut self, last: Instant, context: &Context<'_>) -> bool {
        let now = Instant::now();
        if last <= now || Handle::try_current().is_err() {
            return true;
        }
        if self.end.as_ref().is_none_or(|(_, known)| *known != last) {
            let pause = random::between(Duration::ZERO, last - now);
            self.end = Some((Box::pin(sleep_until(now + pause)), last));
        }
        self.poll_end(context)
    }

    /// Whether nothing has happened since this task began to wait. It saves the lock.
    fn waits_already(&self, context: &Context<'_>) -> bool {
        let same = self
            .waiter
            .as_ref()
            .is_some_and(|waiter| waiter.will_wake(context.waker()));
        same && self.waits_since == Some(self.shared.news.load(Ordering::Acquire))
    }

    /// Waits for what comes after what was found, if that was all.
    fn wait(&mut self, state: &mut State, context: &Context<'_>) {
        self.waits_since = None;
        if self.start.is_none() && self.batch_end < state.history.last() {
            return;
        }
        state.history.wait(&self.seats, context.waker());
        self.waits_since = Some(self.shared.news.load(Ordering::Acquire));
        match &mut self.waiter {
            Some(waiter) => waiter.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
    }

    /// Takes what is new, if anything is.
    fn look(&mut self, state: &mut State) -> bool {
        if self.epoch != state.history.epoch {
            self.start.get_or_insert(Start::Lost);
        }
        if let Some(start) = self.start.take_if(|_| state.is_ready()) {
            self.begin(start, state);
        }
        self.check_place(state);
        if self.start.is_some() || self.gap {
            return self.gap;
        }
        let found = state.history.read(Visit {
            seats: &self.seats,
            place: &self.place,
            attempted: self.attempted,
            floor: self.floor,
            is_alone: !state.is_connected(),
        });
        let first = found.entries.front().and_then(|entry| entry.sequence);
        self.gap = found.gap || found.missed.is_some();
        if let Some(missed) = &found.missed {
            self.place.marks.set(missed);
        }
        self.batch_end = found.position;
        if found.gap || found.entries.is_empty() {
            self.place.sequence = first.map_or(found.position, |first| first - 1);
        }
        self.batch = found.entries;
        self.gap || !self.batch.is_empty()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.subscribers -= 1;
        for seat in &self.seats {
            state.history.leave(seat);
        }
    }
}
