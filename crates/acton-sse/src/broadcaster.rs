//! Who gets what.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    task::Waker,
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    backplane::{self, Backplane, Outbox},
    config::SseConfig,
    connection::ConnectionId,
    error::Error,
    history::Draft,
    keeper,
    limits::Connections,
    message::{BroadcastMessage, CLOSE_EVENT},
    moment::after,
    presence::{Person, Presence},
    published::Published,
    refresh::Refresh,
    state::State,
    subscription::Subscription,
    topics::{EVERYONE, Topics},
};

/// Sends messages to everyone, or to the readers of one topic.
///
/// A clone is the same broadcaster.
///
/// ```
/// use acton_sse::{BroadcastMessage, SseBroadcaster};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let broadcaster = SseBroadcaster::new();
/// let mut reader = broadcaster.subscribe_to("news");
/// broadcaster.publish("news", BroadcastMessage::new("Milk is out"));
/// assert_eq!(reader.recv().await?.data(), "Milk is out");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SseBroadcaster {
    shared: Arc<Shared>,
}

/// What every clone, subscription and stream shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: SseConfig,
    pub(crate) connections: Connections,
    /// Told when the outbox has something.
    pub(crate) queued: Arc<Notify>,
    /// Told when the backplane has taken something.
    pub(crate) sent: Notify,
    /// Told when something is due earlier than thought.
    pub(crate) due: Arc<Notify>,
    /// What [`History::news`](crate::history::History::news) counts.
    pub(crate) news: Arc<AtomicU64>,
    state: Mutex<State>,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the outbox go, from when it is known where the row stands.
    pub(crate) fn begin(&self, last: u64) {
        self.state()
            .with_outbox(|outbox, history| outbox.begin(&history.epoch, last));
        self.queued.notify_one();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queued.notify_one();
        self.due.notify_one();
    }
}

impl Default for SseBroadcaster {
    fn default() -> Self {
        Self::new()
    }
}

impl SseBroadcaster {
    /// A broadcaster with the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::from_config(&SseConfig::default())
    }

    /// A broadcaster with these settings, for one instance.
    #[must_use]
    pub fn from_config(config: &SseConfig) -> Self {
        Self::with_state(config, State::new(config, None))
    }

    /// A broadcaster with these settings, joined with other instances.
    ///
    /// It works at once; while the backplane is out of reach, messages reach the browsers of this
    /// instance, and the others as soon as it is back.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn with_backplane(config: &SseConfig, backplane: impl Backplane) -> Self {
        let outbox = Outbox::new(config);
        let broadcaster = Self::with_state(config, State::new(config, Some(outbox)));
        backplane::connect(&broadcaster.shared, backplane);
        broadcaster
    }

    fn with_state(config: &SseConfig, state: State) -> Self {
        let shared = Shared {
            config: config.clone(),
            connections: Connections::default(),
            queued: Arc::default(),
            sent: Notify::new(),
            due: Arc::default(),
            news: state.history.news(),
            state: Mutex::new(state),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &SseConfig {
        &self.shared.config
    }

    /// Reads what is broadcast to everyone, from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        self.subscribe_to(EVERYONE)
    }

    /// Reads one topic or several, from now on; without any it waits for the end.
    #[must_use]
    pub fn subscribe_to(&self, topics: impl Topics) -> Subscription {
        self.subscribe_from(topics, None)
    }

    /// Reads one topic or several, from a [`cursor`](Self::cursor) or a `Last-Event-ID` on.
    ///
    /// Without one it reads from now on. When messages after the cursor are gone, or the cursor
    /// is not ours, the first message is a gap.
    #[must_use]
    pub fn subscribe_from(&self, topics: impl Topics, last_event_id: Option<&str>) -> Subscription {
        Subscription::new(Arc::clone(&self.shared), topics.names(), last_event_id)
    }

    /// Sends to everyone.
    pub fn broadcast(&self, message: impl Into<BroadcastMessage>) -> Published {
        self.publish(EVERYONE, message)
    }

    /// Sends to the readers of a topic, now and later.
    ///
    /// Nobody has to read it: it stays in the history for whoever comes with an older cursor.
    /// After [`shutdown`](Self::shutdown) it still goes to the other instances, and here to the
    /// streams that have not ended yet.
    pub fn publish(&self, topic: &str, message: impl Into<BroadcastMessage>) -> Published {
        self.append(topic, message.into(), false)
    }

    /// Ends a topic: its streams end with [`CLOSE_EVENT`], upon which `sse-close="close"` and
    /// `hx-sse:close="close"` stop for good.
    ///
    /// A stream of several topics goes on with the others.
    pub fn close(&self, topic: &str) -> Published {
        self.append(topic, BroadcastMessage::signal(CLOSE_EVENT), true)
    }

    fn append(&self, topic: &str, message: BroadcastMessage, closes: bool) -> Published {
        let own_id = message.id().map(str::to_owned);
        let draft = Draft {
            topic: topic.to_owned(),
            message,
            closes,
            origin: None,
        };
        let (published, wakers) = self.shared.state().publish(draft, own_id);
        wakers.into_iter().for_each(Waker::wake);
        self.shared.queued.notify_one();
        published
    }

    /// Tells every page that a region is not what it was, by a message of that name without data.
    ///
    /// A page answers by fetching its own rendering, `hx-get="/tasks" hx-trigger="sse:list"`, so
    /// everybody sees what they may see, and a page that missed a hundred changes is right again
    /// after one request. The first change is told at once; what follows within `refresh_every`
    /// is told together at its end, so a burst costs each page two requests.
    ///
    /// `origin` is the page that made the change and has its answer: it is left out, unless
    /// others made changes too.
    ///
    /// ```
    /// use acton_sse::{ConnectionId, SseBroadcaster};
    /// use axum::Extension;
    ///
    /// async fn rename(Extension(broadcaster): Extension<SseBroadcaster>, page: Option<ConnectionId>) {
    ///     broadcaster.refresh("board", "list", page).expect("a name of one line");
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::EventName`] when the name of the region is empty or holds CR or LF.
    pub fn refresh(
        &self,
        topic: &str,
        region: &str,
        origin: Option<ConnectionId>,
    ) -> Result<(), Error> {
        if region.is_empty() || region.contains(['\r', '\n']) {
            return Err(Error::EventName(region.to_owned()));
        }
        let refresh = Refresh {
            topic: topic.to_owned(),
            event: region.to_owned(),
            origin,
        };
        let wakers = self.shared.state().refresh(refresh);
        keeper::attend_to(&self.shared, wakers);
        Ok(())
    }

    /// Lets a person in, until what it returns is dropped and `presence_linger` is over.
    ///
    /// [`EventStream::present`](crate::EventStream::present) does it for as long as a stream is
    /// open. The readers of the topic get [`PRESENCE_EVENT`](crate::PRESENCE_EVENT) when somebody
    /// comes or goes.
    pub fn enter(&self, topic: &str, person: Person) -> Presence {
        Presence::enter(&self.shared, topic, person)
    }

    /// Who is here now, on every instance, once each and by name.
    ///
    /// An instance that was killed is believed for `presence_lease`; one that has just started
    /// knows of the others' people as soon as they have answered.
    #[must_use]
    pub fn present(&self, topic: &str) -> Vec<Person> {
        let people = {
            let mut state = self.shared.state();
            state.ask_who_is_here();
            state.people.at(topic)
        };
        self.shared.queued.notify_one();
        people
    }

    /// Where the topics stand now: what a page carries that is rendered now, as the start of its
    /// stream, so that nothing is lost between the two.
    ///
    /// One cursor covers every topic. Take it before the data of the page is read; under
    /// `acton-service` the `TemplateContext` of a page has done so.
    #[must_use]
    pub fn cursor(&self) -> String {
        let (epoch, place) = {
            let state = self.shared.state();
            (state.history.epoch.clone(), state.history.now())
        };
        epoch.id_of(&place)
    }

    /// How many subscriptions and streams there are.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.shared.state().subscribers
    }

    /// How many streams are open, of those that `max_connections` bounds.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.total()
    }

    /// How many streams a user has open, of those that [named](crate::EventStream::user) one.
    #[must_use]
    pub fn connections_of(&self, user: &str) -> usize {
        self.shared.connections.of(user)
    }

    /// The users with an open stream and how many each has, in no order.
    #[must_use]
    pub fn users(&self) -> Vec<(Arc<str>, usize)> {
        self.shared.connections.users()
    }

    /// How many of the subscribers read a topic.
    #[must_use]
    pub fn subscribers_of(&self, topic: &str) -> usize {
        self.shared.state().history.readers(topic)
    }

    /// How many topics have a reader or a message in the history.
    #[must_use]
    pub fn topics(&self) -> usize {
        self.shared.state().history.topics()
    }

    /// Ends every stream after what it has yet to send; browsers reconnect after their `retry`.
    pub fn shutdown(&self) {
        self.shutdown_within(Duration::ZERO);
    }

    /// The same, each stream at a moment of its own within this time, so that not every browser
    /// comes back at once. New streams are refused from now on.
    ///
    /// Outside of a tokio runtime they end at once.
    pub fn shutdown_within(&self, time: Duration) {
        let wakers = self.shared.state().close(after(Instant::now(), time));
        wakers.into_iter().for_each(Waker::wake);
        self.shared.queued.notify_one();
    }

    /// Waits until the other instances will get everything that was published here: at the end of
    /// an instance, for as long as it can wait. Without a backplane that is at once.
    pub async fn flushed(&self) {
        loop {
            let mut sent = pin!(self.shared.sent.notified());
            sent.as_mut().enable();
            if self.shared.state().is_flushed() {
                return;
            }
            sent.await;
        }
    }

    /// How many messages the backplane has yet to take. When the process ends now, they are lost
    /// to the browsers of other instances.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.shared.state().unsent()
    }

    /// Whether messages reach the other instances: `true` without a backplane, `false` while it is
    /// out of reach or has not answered yet. For a readiness check.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.state().is_connected()
    }

    /// Whether [`shutdown`](Self::shutdown) was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.state().closed
    }
}
