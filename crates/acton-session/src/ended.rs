use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use crate::{
    auth::{self, AuthSession},
    error::Error,
    record::{Lifetimes, Slot, Stored, now_ms},
    store::{Key, Store},
    visit::Visit,
};

/// How often the store is asked; another instance, or the end of the idle time, may have ended the session.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long one waits before the session is looked for where it went.
const STEP: Duration = Duration::from_millis(20);

/// Waits for the end of the visitor's session: logout, revocation, another user or other roles, or its time is over.
///
/// A new id alone is no end: the session goes on under it.
///
/// An event stream that shows what belongs to a user ends with it:
///
/// ```
/// use acton_session::SessionEnded;
/// use axum::response::sse::{Event, Sse};
/// use futures_util::{Stream, StreamExt, stream};
/// use std::convert::Infallible;
///
/// async fn events(ended: SessionEnded) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
///     let events = stream::pending();
///     Sse::new(events.take_until(ended))
/// }
/// ```
///
/// Within this instance it is known at once, and so is the end of its time; from others within ten seconds. Without a
/// session there is nothing that could end. A session is used when a stream is opened, also by a browser that comes
/// back, and not while it is open: where the idle time is shorter than streams last, who only listens is logged out.
pub struct SessionEnded(Pin<Box<dyn Future<Output = ()> + Send>>);

impl Future for SessionEnded {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for SessionEnded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionEnded")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SessionEnded {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let visit = Visit::of(&parts.extensions)?;
        let (store, lifetimes) = (visit.shared.store.clone(), visit.shared.lifetimes);
        Ok(match visit.key().await? {
            Some(key) => {
                let who = visit.auth().await?;
                Self(Box::pin(end_of(store, lifetimes, key, who)))
            }
            None => Self(Box::pin(std::future::pending())),
        })
    }
}

async fn end_of(store: Store, lifetimes: Lifetimes, mut key: Key, who: AuthSession) {
    loop {
        let mut watch = store.watchers().watch(&key);
        let mut pause = INTERVAL + Duration::from_millis(u64::from(crate::random::bytes::<1>()[0]));
        // The first look comes at once: the session may have ended since the request began.
        if let Ok(found) = store.load(&key).await {
            match found.as_ref().map(|found| &*found.slot) {
                Some(Slot::Live(session))
                    if session.expires_ms(&lifetimes) > now_ms() && is_of(session, &who) =>
                {
                    let left = session.expires_ms(&lifetimes).saturating_sub(now_ms());
                    pause = pause.min(Duration::from_millis(left.max(1)));
                }
                Some(Slot::Rotated(rotated)) if rotated.is_same_user => {
                    let Some(successor) = Key::parse(&rotated.successor) else {
                        return;
                    };
                    key = successor;
                    // While an exchange is undone each of two leads to the other.
                    tokio::time::sleep(STEP).await;
                    continue;
                }
                Some(Slot::Live(_) | Slot::Rotated(_) | Slot::Series(_) | Slot::Ended) | None => {
                    return;
                }
            }
        }
        // Whether its time is over or somebody ended or exchanged it, the next look tells.
        let _ = tokio::time::timeout(pause, watch.changed()).await;
    }
}

/// Whoever listens may have lost what the stream shows, so other roles are an end, too.
fn is_of(session: &Stored, who: &AuthSession) -> bool {
    let now = auth::auth_in(&session.data);
    now.user_id == who.user_id && now.roles == who.roles
}
