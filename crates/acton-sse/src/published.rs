//! What became of a message.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{backplane::Sent, error::Error};

/// A message on its way. It is sent whether or not this is awaited.
///
/// Awaited, it gives the id of the message once every instance will get it; with one instance
/// that is at once.
///
/// # Errors
///
/// [`Error::Backplane`] when the backplane is out of reach. The browsers of this instance have the
/// message nevertheless, and the others get it when the backplane is back.
#[derive(Debug)]
pub struct Published(Stage);

#[derive(Debug)]
enum Stage {
    Now(String),
    Later { sent: Sent, own_id: Option<String> },
}

impl Published {
    pub(crate) fn now(id: String) -> Self {
        Self(Stage::Now(id))
    }

    pub(crate) fn later(sent: Sent, own_id: Option<String>) -> Self {
        Self(Stage::Later { sent, own_id })
    }
}

impl Future for Published {
    type Output = Result<String, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Stage::Now(id) => Poll::Ready(Ok(std::mem::take(id))),
            Stage::Later { sent, own_id } => {
                let id = ready!(Pin::new(sent).poll(context)).unwrap_or(Err(Error::Backplane));
                Poll::Ready(id.map(|id| own_id.take().unwrap_or(id)))
            }
        }
    }
}
