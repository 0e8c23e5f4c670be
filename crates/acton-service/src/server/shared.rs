//! What the socket of a connection and the service on it both know.

use std::{ops::Deref, sync::Arc};

use super::{event_stream::Handover, heads::Heads};

/// One place in memory for all of it, since every request looks at it.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) heads: Heads,
    pub(super) handover: Handover,
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub(super) struct Answering(Arc<Shared>);

impl Answering {
    pub(super) fn begin(shared: &Arc<Shared>) -> Self {
        shared.heads.answer_begins();
        Self(Arc::clone(shared))
    }
}

impl Deref for Answering {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.heads.answer_ends();
    }
}
