//! What is sent to browsers.

use std::sync::Arc;

use axum::response::sse::Event;
use serde::Serialize;

use crate::{connection::ConnectionId, error::Error, frame};

/// The event that tells a page that messages before this point are lost to it.
///
/// Its data is empty. A page answers by fetching the region again:
/// `hx-trigger="sse:gap"`.
pub const GAP_EVENT: &str = "gap";

/// The event that tells a page that somebody came or went. Its data is empty: the page fetches
/// what it shows, or code asks [`SseBroadcaster::present`](crate::SseBroadcaster::present).
pub const PRESENCE_EVENT: &str = "presence";

/// The event after which a browser shall not reconnect: `sse-close="close"`.
pub const CLOSE_EVENT: &str = "close";

/// One message: data of any text, and perhaps an event name and an id.
///
/// A clone shares the text.
///
/// ```
/// use acton_sse::BroadcastMessage;
///
/// let plain = BroadcastMessage::new("<li>Milk</li>");
/// let named = BroadcastMessage::named("task-added", "<li>Milk</li>")?;
/// assert_eq!(named.event(), Some("task-added"));
/// assert!(BroadcastMessage::named("two\nlines", "").is_err());
/// # Ok::<(), acton_sse::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a message is sent only when published"]
pub struct BroadcastMessage {
    event: Option<Arc<str>>,
    id: Option<Arc<str>>,
    data: Arc<str>,
    except: Option<ConnectionId>,
}

impl BroadcastMessage {
    /// A message without a name: `message` in a browser.
    pub fn new(data: impl Into<Arc<str>>) -> Self {
        Self {
            event: None,
            id: None,
            data: data.into(),
            except: None,
        }
    }

    /// A message with an event name.
    ///
    /// # Errors
    ///
    /// [`Error::EventName`] when the name holds CR or LF.
    pub fn named(event: impl AsRef<str>, data: impl Into<Arc<str>>) -> Result<Self, Error> {
        Self::new(data).with_event(event)
    }

    /// Gives the message an event name; an empty one is none.
    ///
    /// # Errors
    ///
    /// [`Error::EventName`] when the name holds CR or LF.
    pub fn with_event(mut self, event: impl AsRef<str>) -> Result<Self, Error> {
        let event = event.as_ref();
        if event.contains(['\r', '\n']) {
            return Err(Error::EventName(event.to_owned()));
        }
        self.event = (!event.is_empty()).then(|| event.into());
        Ok(self)
    }

    /// A message whose data is JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] when the value cannot be written as JSON.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self, Error> {
        Ok(Self::new(serde_json::to_string(value)?))
    }

    /// A message with an event name, whose data is JSON.
    ///
    /// # Errors
    ///
    /// [`Error::EventName`] or [`Error::Json`].
    pub fn json_named(
        event: impl AsRef<str>,
        value: &(impl Serialize + ?Sized),
    ) -> Result<Self, Error> {
        Self::named(event, serde_json::to_string(value)?)
    }

    /// Gives the message an id of the application's own.
    ///
    /// Published messages have an id without this.
    /// A script sees an own id as `lastEventId` of the event. Behind it the stream tells the browser
    /// its place, in a block of an `id:` line alone, so that it resumes as it does after any other
    /// message. Who comes back with an own id nevertheless, as some clients other than browsers do,
    /// and htmx 2 after an answer with an error, resumes there where one instance is all there is,
    /// as long as the history of its topics holds the id and no other message has it too; else the
    /// answer is a gap.
    ///
    /// # Errors
    ///
    /// [`Error::EventId`] unless the id is 1 to 256 characters of visible ASCII: an empty one makes
    /// browsers forget where they are, and others break the header with which htmx 4 comes back.
    pub fn with_id(mut self, id: impl AsRef<str>) -> Result<Self, Error> {
        let id = id.as_ref();
        if !(1..=256).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::EventId(id.to_owned()));
        }
        self.id = Some(id.into());
        Ok(self)
    }

    /// Leaves out one connection: the browser that caused the change and has seen it already.
    pub fn except(mut self, connection: ConnectionId) -> Self {
        self.except = Some(connection);
        self
    }

    /// The event name.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The data.
    #[must_use]
    pub fn data(&self) -> &str {
        &self.data
    }

    /// Whether this message says that messages before it are lost.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        self.event() == Some(GAP_EVENT)
    }

    /// The message for axum's own [`Sse`](axum::response::Sse).
    ///
    /// Never panics. Line breaks become LF; empty data becomes one line break, because axum
    /// writes no `data:` line for empty text and browsers drop such an event.
    pub fn into_event(self) -> Event {
        let mut event = Event::default();
        if let Some(id) = self.id() {
            event = event.id(id);
        }
        if let Some(name) = self.event() {
            event = event.event(name);
        }
        match self.data() {
            "" => event.data("\n"),
            data => event.data(frame::with_line_feeds(data)),
        }
    }

    /// Which connection does not get this.
    pub(crate) fn excluded(&self) -> Option<&ConnectionId> {
        self.except.as_ref()
    }

    /// The same message with the id of its place in the history.
    pub(crate) fn placed_at(mut self, id: &str) -> Self {
        self.id.get_or_insert_with(|| id.into());
        self
    }

    /// The same message for all but one connection, if there is one to leave out.
    pub(crate) fn leaving_out(mut self, connection: Option<ConnectionId>) -> Self {
        self.except = connection;
        self
    }

    /// A message without data, whose name is known to be one line.
    pub(crate) fn signal(event: impl Into<Arc<str>>) -> Self {
        Self {
            event: Some(event.into()),
            ..Self::new("")
        }
    }
}

impl From<String> for BroadcastMessage {
    fn from(data: String) -> Self {
        Self::new(data)
    }
}

impl From<&str> for BroadcastMessage {
    fn from(data: &str) -> Self {
        Self::new(data)
    }
}
