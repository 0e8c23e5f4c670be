//! How much of a request's body is read, whatever the handler does with it.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, Request},
};
use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::server::Deadline;

/// How many bytes one request may send, which a layer can change until the body is read, and how long it may pause.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<State>);

#[derive(Debug)]
struct State {
    limit: AtomicUsize,
    exceeded: AtomicBool,
    pause: Duration,
    /// The client is to send something, and has not yet.
    awaited: AtomicBool,
    stalled: AtomicBool,
}

impl Budget {
    /// Limits the body of `request`, chunked or not; `None` when it has no body.
    pub(crate) fn limit(request: &mut Request, bytes: usize, pause: Duration) -> Option<Self> {
        if request.body().is_end_stream() {
            return None;
        }
        let budget = Self(Arc::new(State {
            limit: AtomicUsize::new(bytes),
            exceeded: AtomicBool::new(false),
            pause,
            awaited: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
        }));
        DefaultBodyLimit::max(bytes).apply(request);
        request.extensions_mut().insert(budget.clone());
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(Limited {
            body,
            budget: budget.clone(),
            read: 0,
            stall: Deadline::default(),
        });
        Some(budget)
    }

    /// What is wrong with the body, if the client sent too much, or nothing for too long.
    pub(crate) fn refusal(&self) -> Option<StatusCode> {
        if self.0.exceeded.load(Ordering::Relaxed) {
            Some(StatusCode::PAYLOAD_TOO_LARGE)
        } else if self.0.stalled.load(Ordering::Relaxed) {
            Some(StatusCode::REQUEST_TIMEOUT)
        } else {
            None
        }
    }

    /// Whether it is the client that the handler waits for.
    pub(crate) fn is_awaited(&self) -> bool {
        self.0.awaited.load(Ordering::Relaxed)
    }

    fn allows(&self, bytes: usize) -> bool {
        let allowed = bytes <= self.0.limit.load(Ordering::Relaxed);
        if !allowed {
            self.0.exceeded.store(true, Ordering::Relaxed);
        }
        allowed
    }
}

pin_project! {
    struct Limited {
        #[pin]
        body: Body,
        budget: Budget,
        read: usize,
        stall: Deadline,
    }
}

impl HttpBody for Limited {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.project();
        // A body that says it is too large is not read at all.
        let announced = usize::try_from(this.body.size_hint().lower()).unwrap_or(usize::MAX);
        if !this.budget.allows(this.read.saturating_add(announced)) {
            return Poll::Ready(Some(Err(axum::Error::new(TooLarge))));
        }
        let frame = this.body.poll_frame(cx);
        let state = &this.budget.0;
        state.awaited.store(frame.is_pending(), Ordering::Relaxed);
        if frame.is_pending() {
            ready!(this.stall.poll(cx, state.pause));
            state.stalled.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(axum::Error::new(Stalled))));
        }
        this.stall.stop();
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            *this.read += frame.data_ref().map_or(0, Bytes::len);
            if !this.budget.allows(*this.read) {
                return Poll::Ready(Some(Err(axum::Error::new(TooLarge))));
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the request body is larger than allowed")]
struct TooLarge;

#[derive(Debug, thiserror::Error)]
#[error("the client has sent nothing of the request body for too long")]
struct Stalled;

/// Lets the routes under it take larger (or only smaller) bodies than `limits.body` says.
///
/// ```
/// use acton_service::{BodyLimit, prelude::*};
///
/// async fn store(upload: String) -> String {
///     format!("{} bytes", upload.len())
/// }
///
/// let routes: Router = Router::new()
///     .route("/upload", post(store))
///     .layer(BodyLimit::bytes(50 * 1024 * 1024));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit(usize);

impl BodyLimit {
    /// So many bytes and no more.
    #[must_use]
    pub const fn bytes(limit: usize) -> Self {
        Self(limit)
    }
}

impl<S> Layer<S> for BodyLimit {
    type Service = BodyLimitService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BodyLimitService {
            inner,
            limit: self.0,
        }
    }
}

/// The service that [`BodyLimit`] makes.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimitService<S> {
    inner: S,
    limit: usize,
}

impl<S: Service<Request>> Service<Request> for BodyLimitService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> S::Future {
        if let Some(budget) = request.extensions().get::<Budget>() {
            budget.0.limit.store(self.limit, Ordering::Relaxed);
        }
        DefaultBodyLimit::max(self.limit).apply(&mut request);
        self.inner.call(request)
    }
}
