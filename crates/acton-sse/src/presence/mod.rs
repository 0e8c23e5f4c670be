//! Who is here now.

mod local;
mod remote;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{
    backplane::{Content, Record},
    broadcaster::Shared,
    config::SseConfig,
    keeper,
    moment::after,
};
use local::Local;
use remote::Remote;

/// Somebody who is here: an id that tells people apart, and a name to show.
///
/// ```
/// use acton_sse::{Person, SseBroadcaster};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let broadcaster = SseBroadcaster::new();
/// let phone = broadcaster.enter("board", Person::new("7", "Ann"));
/// let laptop = broadcaster.enter("board", Person::new("7", "Ann"));
/// assert_eq!(broadcaster.present("board"), [Person::new("7", "Ann")]);
/// # drop((phone, laptop));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// What tells people apart; two connections with one id are one person.
    pub id: Arc<str>,
    /// What others see.
    pub name: Arc<str>,
}

impl Person {
    /// Somebody with an id and a name.
    pub fn new(id: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
        }
    }
}

/// Keeps a person at a topic; dropped, the person leaves after `presence_linger`.
#[derive(Debug)]
#[must_use = "a person leaves when this is dropped"]
pub struct Presence {
    shared: Arc<Shared>,
    topic: String,
    person: Arc<str>,
}

impl Presence {
    pub(crate) fn enter(shared: &Arc<Shared>, topic: &str, person: Person) -> Self {
        let presence = Self {
            shared: Arc::clone(shared),
            topic: topic.to_owned(),
            person: Arc::clone(&person.id),
        };
        let wakers = shared.state().enter(topic, person);
        keeper::attend_to(shared, wakers);
        presence
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.shared
            .state()
            .people
            .local
            .leave(&self.topic, &self.person, Instant::now());
        keeper::attend_to(&self.shared, Vec::new());
    }
}

/// The people of this instance, and those that others have told of.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) local: Local,
    pub(crate) remote: Remote,
    lease: Duration,
    /// When this instance shows again that it lives.
    alive_at: Option<Instant>,
    /// Whether the others have been asked who is there.
    pub(crate) asked: bool,
}

impl People {
    pub(crate) fn new(config: &SseConfig) -> Self {
        Self {
            local: Local::new(config.presence_linger),
            remote: Remote::new(config.presence_lease),
            lease: config.presence_lease,
            alive_at: None,
            asked: false,
        }
    }

    /// Everybody at a topic, once each, by name.
    pub(crate) fn at(&self, topic: &str) -> Vec<Person> {
        let mut people: Vec<_> = self.local.at(topic);
        people.extend(self.remote.at(topic).cloned());
        people.sort_unstable_by(|one, other| (&one.id, &one.name).cmp(&(&other.id, &other.name)));
        people.dedup_by(|one, other| one.id == other.id);
        people.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        people
    }

    /// Whether it is time to show the others that this instance lives.
    pub(crate) fn shows_life(&mut self, now: Instant) -> bool {
        if self.local.is_empty() {
            self.alive_at = None;
            return false;
        }
        let first = self.alive_at.is_none();
        let due = self.alive_at.is_some_and(|at| at <= now);
        if first || due {
            self.alive_at = Some(after(now, self.lease / 3));
        }
        due
    }

    /// When there is something to do next.
    pub(crate) fn next(&self) -> Option<Instant> {
        let local = self.local.next().into_iter().chain(self.alive_at);
        local.chain(self.remote.next()).min()
    }

    /// What to tell an instance that asks.
    pub(crate) fn lists(&self) -> Vec<Content> {
        let list = |topic: &str| Content::Here {
            topic: topic.to_owned(),
            people: self.local.at(topic),
        };
        self.local.topics().map(list).collect()
    }

    /// Takes in what another instance says.
    pub(crate) fn hear(&mut self, record: &Record, now: Instant) -> Heard {
        let node = &record.origin.node;
        match &record.content {
            Content::Message {
                topic,
                here: Some(people),
                ..
            } => {
                // Its readers are told by the message itself.
                self.remote.set(node, topic, people, now);
                Heard::Nothing
            }
            Content::Here { topic, people } => match self.remote.set(node, topic, people, now) {
                true => Heard::Changed(vec![topic.clone()]),
                false => Heard::Nothing,
            },
            Content::Alive => match self.remote.renew(node, now) {
                None => Heard::Stranger,
                Some(left) if left.is_empty() => Heard::Nothing,
                Some(left) => Heard::Doubted(left),
            },
            Content::Hello => Heard::Question,
            Content::Bye => Heard::Changed(self.remote.forget(node)),
            Content::Gap => {
                self.remote.doubt(node);
                Heard::Stranger
            }
            Content::Message { here: None, .. } | Content::Begin => Heard::Nothing,
        }
    }
}

/// What follows from a record of another instance.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Nothing,
    /// People came or went, and no message says so.
    Changed(Vec<String>),
    /// People are not among those whom their instance told of when it was asked, if it was.
    Doubted(Vec<String>),
    /// Somebody wants to know who is here.
    Question,
    /// There are people that we have not been told of.
    Stranger,
}
