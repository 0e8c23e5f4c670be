//! Everything under the one lock, which is held for moments: never while something is awaited or
//! encoded.

use std::task::Waker;

use tokio::time::Instant;

use crate::{
    backplane::{Content, Known, Outbox, Record, Standing},
    config::SseConfig,
    history::{Draft, History},
    message::{BroadcastMessage, PRESENCE_EVENT},
    presence::{Heard, People, Person},
    published::Published,
    refresh::{Refresh, Refreshes},
};

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) history: History,
    pub(crate) closed: bool,
    /// When the last stream has ended, once they are to end.
    pub(crate) ends_at: Option<Instant>,
    pub(crate) subscribers: usize,
    pub(crate) people: People,
    refreshes: Refreshes,
    /// Whether a task minds what is due later.
    pub(crate) is_kept: bool,
    /// What goes to other instances; nothing when there is one.
    outbox: Option<Outbox>,
}

impl State {
    pub(crate) fn new(config: &SseConfig, outbox: Option<Outbox>) -> Self {
        Self {
            history: History::new(config),
            closed: false,
            ends_at: None,
            subscribers: 0,
            people: People::new(config),
            refreshes: Refreshes::new(config.refresh_every),
            is_kept: false,
            outbox,
        }
    }

    /// Takes a message in, and says whom to wake.
    pub(crate) fn publish(
        &mut self,
        draft: Draft,
        own_id: Option<String>,
    ) -> (Published, Vec<Waker>) {
        if let Some(outbox) = &mut self.outbox {
            let (sent, wakers) = outbox.push(draft, &mut self.history);
            return (Published::later(sent, own_id), wakers);
        }
        let sequence = self.history.last() + 1;
        let wakers = self.history.append(sequence, draft);
        let id = own_id.unwrap_or_else(|| self.history.epoch.id(sequence));
        (Published::now(id), wakers)
    }

    /// Works on the outbox, if there is one.
    pub(crate) fn with_outbox<T: Default>(
        &mut self,
        work: impl FnOnce(&mut Outbox, &mut History) -> T,
    ) -> T {
        let outbox = self.outbox.as_mut();
        outbox.map_or_else(T::default, |outbox| work(outbox, &mut self.history))
    }

    /// Whether the history is there, so that cursors can be understood.
    pub(crate) fn is_ready(&self) -> bool {
        self.outbox.as_ref().is_none_or(|outbox| outbox.ready)
    }

    /// The history is there, as far as it can be had.
    pub(crate) fn start(&mut self) -> Vec<Waker> {
        self.with_outbox(|outbox, _| outbox.ready = true);
        if !self.people.local.is_empty() {
            self.ask_who_is_here();
        }
        self.history.wake_all()
    }

    /// Where a reader begins that came before the history was there; nothing when the row has begun
    /// anew since.
    pub(crate) fn begun_at(&self) -> Option<u64> {
        let outbox = self.outbox.as_ref();
        outbox.and_then(|outbox| outbox.begun_at(&self.history.epoch))
    }

    /// What is known of the row.
    pub(crate) fn known(&self) -> Known {
        let reached = self.outbox.as_ref().map(|outbox| outbox.horizon.reached());
        Known {
            epoch: self.history.epoch.to_string(),
            last: reached.unwrap_or_default().max(self.history.last()),
        }
    }

    /// How many looks at the row have begun.
    pub(crate) fn looks(&self) -> u64 {
        let outbox = self.outbox.as_ref();
        outbox.map_or(0, |outbox| outbox.horizon.looks())
    }

    /// Whether an epoch that is not known may be one that has just begun: another instance may have
    /// named it when so many looks had begun, and the next look will tell.
    pub(crate) fn may_have_begun(&self, named_at: u64) -> bool {
        let outbox = self.outbox.as_ref();
        outbox.is_some_and(|outbox| outbox.can_look() && !outbox.horizon.has_looked_since(named_at))
    }

    /// What a place is that a browser has named when so many looks at the row had begun.
    /// Other instances may be ahead of this one.
    pub(crate) fn standing(&self, place: u64, named_at: u64) -> Standing {
        let last = self.history.last();
        match &self.outbox {
            Some(outbox) => outbox.horizon.standing(place, named_at, last),
            None if place <= last => Standing::Passed,
            None => Standing::Nowhere,
        }
    }

    /// Whether the backplane has everything that was published here.
    pub(crate) fn is_flushed(&self) -> bool {
        self.outbox.as_ref().is_none_or(Outbox::is_flushed)
    }

    /// How many messages the backplane has yet to take.
    pub(crate) fn unsent(&self) -> usize {
        self.outbox.as_ref().map_or(0, Outbox::unsent)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.outbox.as_ref().is_none_or(Outbox::is_joined)
    }

    /// Tells that a region changed, now or with what changes in a moment; says whom to wake.
    pub(crate) fn refresh(&mut self, refresh: Refresh) -> Vec<Waker> {
        if self.closed {
            // Nobody minds what is due later any more, and the people have gone with the goodbye.
            return match refresh.event.as_str() {
                PRESENCE_EVENT => Vec::new(),
                _ => self.tell(refresh),
            };
        }
        let now = self.refreshes.ask(refresh, Instant::now());
        now.map_or_else(Vec::new, |refresh| self.tell(refresh))
    }

    fn tell(&mut self, refresh: Refresh) -> Vec<Waker> {
        let here = (refresh.event == PRESENCE_EVENT).then(|| self.people.local.at(&refresh.topic));
        let draft = Draft {
            message: BroadcastMessage::signal(refresh.event).leaving_out(refresh.origin),
            topic: refresh.topic,
            closes: false,
            origin: None,
        };
        match (&mut self.outbox, here) {
            (Some(outbox), Some(here)) => outbox.push_here(draft, here, &mut self.history),
            _ => self.publish(draft, None).1,
        }
    }

    /// Lets a person in, and says whom to wake.
    pub(crate) fn enter(&mut self, topic: &str, person: Person) -> Vec<Waker> {
        self.ask_who_is_here();
        if self.people.local.enter(topic, person) {
            self.refresh(presence_of(topic))
        } else {
            Vec::new()
        }
    }

    /// Asks the other instances, once.
    pub(crate) fn ask_who_is_here(&mut self) {
        if !self.people.asked && self.is_ready() {
            self.people.asked = true;
            self.send(Content::Hello);
        }
    }

    /// The row is not what it was: what others said is lost, or what we said.
    pub(crate) fn ask_again(&mut self) {
        self.people.remote.doubt_all();
        if self.people.asked {
            self.send(Content::Hello);
            self.send_lists();
        }
    }

    fn send_lists(&mut self) {
        for list in self.people.lists() {
            self.send(list);
        }
    }

    /// Sends what no reader sees; nothing while nobody would hear it, nor after the goodbye.
    fn send(&mut self, content: Content) {
        if let Some(outbox) = self.outbox.as_mut().filter(|_| !self.closed) {
            outbox.tell(content);
        }
    }

    /// Takes in who is with another instance, and says whom to wake. What stood in the row before
    /// this instance was there is old.
    pub(crate) fn hear(&mut self, place: u64, record: &Record) -> Vec<Waker> {
        let is_news = |outbox: &Outbox| {
            outbox
                .begun_at(&self.history.epoch)
                .is_none_or(|begun| place > begun)
                && !outbox.is_ours(&record.origin)
                && !outbox.has_seen(&record.origin)
        };
        if !self.outbox.as_ref().is_some_and(is_news) {
            return Vec::new();
        }
        match self.people.hear(record, Instant::now()) {
            Heard::Nothing => {}
            Heard::Changed(topics) => return self.people_changed(topics),
            Heard::Question => self.send_lists(),
            Heard::Stranger => self.ask_the_others(),
            Heard::Doubted(topics) => {
                self.ask_the_others();
                return self.people_changed(topics);
            }
        }
        Vec::new()
    }

    /// Asks them once more, if anybody here wants to know.
    fn ask_the_others(&mut self) {
        if self.people.asked {
            self.send(Content::Hello);
        }
    }

    fn people_changed(&mut self, topics: Vec<String>) -> Vec<Waker> {
        let mut wakers = Vec::new();
        for topic in topics {
            if self.history.readers(&topic) > 0 {
                wakers.extend(self.refresh(presence_of(&topic)));
            }
        }
        wakers
    }

    /// Does what is due, and says whom to wake.
    pub(crate) fn attend(&mut self, now: Instant) -> Vec<Waker> {
        let mut left = self.people.local.say_goodbye(now);
        let mut wakers: Vec<_> = left
            .iter()
            .flat_map(|topic| self.refresh(presence_of(topic)))
            .collect();
        // The lease ends on every instance, and each tells its own readers.
        left = self.people.remote.expire(now);
        wakers.extend(self.people_changed(left));
        if self.people.shows_life(now) {
            self.send(Content::Alive);
        }
        for refresh in self.refreshes.due(now) {
            wakers.extend(self.tell(refresh));
        }
        wakers
    }

    /// When something is due next; never again after the end.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let next = [self.refreshes.next(), self.people.next()];
        next.into_iter().flatten().min().filter(|_| !self.closed)
    }

    /// Ends everything until then, and says whom to wake.
    pub(crate) fn close(&mut self, ends_at: Instant) -> Vec<Waker> {
        let mut wakers = Vec::new();
        if !self.closed {
            // Browsers that come back to another instance must not miss them.
            for refresh in self.refreshes.drain() {
                wakers.extend(self.tell(refresh));
            }
            if !self.people.local.is_empty() {
                self.send(Content::Bye);
            }
        }
        self.closed = true;
        self.ends_at = Some(ends_at);
        wakers.extend(self.history.wake_all());
        wakers
    }
}

fn presence_of(topic: &str) -> Refresh {
    Refresh {
        topic: topic.to_owned(),
        event: PRESENCE_EVENT.to_owned(),
        origin: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Mark;

    #[test]
    fn a_record_that_stands_twice_is_heard_once() {
        let config = SseConfig::default();
        let mut state = State::new(&config, Some(Outbox::new(&config)));
        state.with_outbox(|outbox, history| outbox.begin(&history.epoch, 0));
        let ann = Person::new("1", "Ann");
        let here = |count, people: &[Person]| Record {
            origin: Mark {
                node: "other".into(),
                count,
            },
            epoch: None,
            after: None,
            content: Content::Here {
                topic: "board".to_owned(),
                people: people.to_vec(),
            },
        };
        let (came, left) = (here(1, &[ann]), here(2, &[]));
        for (place, record) in [(1, &came), (2, &left), (3, &came)] {
            state.hear(place, record);
            state.with_outbox(|outbox, history| outbox.receive(place, record.clone(), history));
        }
        assert_eq!(state.people.at("board"), []);
    }
}
