//! When a stream may send nothing more.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

type Revoked = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Done when a stream may send nothing more ([`EventStream::until`](crate::EventStream::until)).
///
/// It is in the extensions of the response, for servers that keep what the stream has handed out
/// until a slow client takes it: when this is done they drop that too, and close the connection.
/// One task waits for it, the one that polls the body.
#[derive(Clone)]
pub struct Revocation(Arc<Mutex<Option<Revoked>>>);

impl Revocation {
    pub(crate) fn new(revoked: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::pin(revoked)))))
    }
}

impl Future for Revocation {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_done = revoked
            .as_mut()
            .is_none_or(|revoked| revoked.as_mut().poll(context).is_ready());
        if !is_done {
            return Poll::Pending;
        }
        *revoked = None;
        Poll::Ready(())
    }
}

impl fmt::Debug for Revocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Revocation").finish_non_exhaustive()
    }
}
