//! Live updates that cannot silently lose anything, as server-sent events.
//!
//! ```
//! use acton_sse::prelude::*;
//! use axum::Extension;
//!
//! async fn events(
//!     Extension(broadcaster): Extension<SseBroadcaster>,
//!     last_event_id: LastEventId,
//! ) -> EventStream {
//!     broadcaster.stream("tasks", last_event_id)
//! }
//!
//! async fn rename(Extension(broadcaster): Extension<SseBroadcaster>) {
//!     broadcaster.publish("tasks", "Milk is now oat milk");
//! }
//! ```
//!
//! A [`BroadcastMessage`] goes to a topic of the [`SseBroadcaster`], which numbers it and keeps it
//! for a while. Every reader is a place in that history: a [`Subscription`] in code, an
//! [`EventStream`] as a response. Who reconnects with a [`LastEventId`] goes on at that place; who
//! was away for too long gets one [`GAP_EVENT`] and never silence. A [`Backplane`] joins several
//! instances.
//!
//! Where each viewer sees something else, [`SseBroadcaster::refresh`] says only that a region
//! changed, and every page fetches its own. A [`Person`] is present as long as a stream is open.
//!
//! axum's own [`Sse`] works over a subscription as well:
//!
//! ```
//! use std::{convert::Infallible, sync::Arc};
//!
//! use acton_sse::prelude::*;
//! use axum::Extension;
//! use futures_util::stream::{self, Stream};
//!
//! async fn events(
//!     Extension(broadcaster): Extension<Arc<SseBroadcaster>>,
//! ) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
//!     let rx = broadcaster.subscribe();
//!
//!     let stream = stream::unfold(rx, |mut rx| async move {
//!         match rx.recv().await {
//!             Ok(msg) => Some((Ok(msg.into_event()), rx)),
//!             Err(_) => None,
//!         }
//!     });
//!
//!     Sse::new(stream).keep_alive(KeepAlive::default())
//! }
//! ```
//!
//! # Features
#![cfg_attr(feature = "document-features", doc = document_features::document_features!())]

mod config;
mod error;

mod frame;
#[cfg(feature = "htmx")]
mod htmx;
mod message;

mod connection;
mod topics;

mod cursor;
mod entry;
mod history;
mod holes;
mod state;
mod topic;
mod unsettled;

mod keeper;
mod presence;
mod refresh;

mod broadcaster;
mod published;
mod subscription;

mod backplane;

mod body;
mod last_event_id;
mod limits;
mod revocation;
mod stream;

mod moment;
mod query;
mod random;

pub use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};

#[cfg(feature = "redis")]
pub use self::backplane::RedisBackplane;

pub use self::{
    backplane::{Backplane, BackplaneError, Known, Record, Row},
    broadcaster::SseBroadcaster,
    config::{BackplaneKind, SseConfig},
    connection::{CONNECTION_HEADER, ConnectionId},
    error::{Closed, Error},
    last_event_id::LastEventId,
    message::{BroadcastMessage, CLOSE_EVENT, GAP_EVENT, PRESENCE_EVENT},
    presence::{Person, Presence},
    published::Published,
    revocation::Revocation,
    stream::EventStream,
    subscription::Subscription,
    topics::{EVERYONE, Topics},
};

/// What handlers use.
pub mod prelude {
    pub use crate::{
        BroadcastMessage, ConnectionId, EventStream, KeepAlive, LastEventId, Person, Sse,
        SseBroadcaster, SseEvent,
    };
}
