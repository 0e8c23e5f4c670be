//! A message at its place.

use std::{
    sync::{Arc, OnceLock},
    time::Instant,
};

use bytes::Bytes;

use crate::{
    cursor::{Epoch, Mark},
    frame,
    message::BroadcastMessage,
};

/// A message in the history. It does not change, and every reader shares it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) epoch: Epoch,
    /// The number that orders it; nothing while the backplane has yet to give it one.
    pub(crate) sequence: Option<u64>,
    /// The instance that published it, when there are several.
    pub(crate) origin: Option<Mark>,
    pub(crate) topic: Arc<str>,
    pub(crate) message: BroadcastMessage,
    /// Whether the topic ends here.
    pub(crate) closes: bool,
    pub(crate) kept_since: Instant,
    pub(crate) encoded: OnceLock<Encoded>,
}

/// The bytes for the wire, with and without the place.
#[derive(Debug)]
pub(crate) struct Encoded {
    whole: Bytes,
    without_place: Bytes,
}

impl Entry {
    /// The bytes for the wire, encoded by whoever asks first.
    pub(crate) fn frame(&self) -> Bytes {
        self.encoded().whole.clone()
    }

    /// The same without an id of ours.
    pub(crate) fn frame_without_place(&self) -> Bytes {
        self.encoded().without_place.clone()
    }

    /// The place is the id of the message, or follows one that has an id of its own.
    fn encoded(&self) -> &Encoded {
        self.encoded.get_or_init(|| {
            let frame = frame::encode(&self.with_id());
            if self.message.id().is_none() {
                let id = frame::id_length(&frame);
                return Encoded {
                    without_place: frame.slice(id..),
                    whole: frame,
                };
            }
            let place = self.sequence.map(|sequence| self.epoch.id(sequence));
            let place = place.map(|id| frame::place(&id)).unwrap_or_default();
            let whole = Bytes::from([&frame[..], &place].concat());
            Encoded {
                without_place: whole.slice(..frame.len()),
                whole,
            }
        })
    }

    /// The message with its id.
    pub(crate) fn with_id(&self) -> BroadcastMessage {
        let message = self.message.clone();
        match self.sequence {
            Some(sequence) if message.id().is_none() => message.placed_at(&self.epoch.id(sequence)),
            _ => message,
        }
    }

    /// What the entry costs, about: text, frame and bookkeeping.
    pub(crate) fn cost(&self) -> usize {
        let event = self.message.event().unwrap_or_default();
        256 + self.topic.len() + 2 * (event.len() + self.message.data().len())
    }
}
