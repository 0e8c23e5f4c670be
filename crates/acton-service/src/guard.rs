//! What a request may do, and what happens when it, or its handler, does more.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt, future::CatchUnwind};
use http::{HeaderValue, StatusCode, header};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{
    cause,
    config::Config,
    operators::Operators,
    request::{
        body::Budget,
        host::{AllowedHosts, BadHost, Unreadable},
    },
    server::Deadline,
};

/// Marks a request that came over a connection for which there is no place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overload;

/// Refuses what is unclear, too large or too slow, and survives panics; always with an answer.
#[derive(Clone)]
pub(crate) struct GuardLayer(Arc<Guard>);

struct Guard {
    operators: Operators,
    hosts: AllowedHosts,
    body_limit: usize,
    body_timeout: Duration,
    timeout: Duration,
}

impl GuardLayer {
    pub(crate) fn new(config: &Config, operators: Operators) -> Self {
        Self(Arc::new(Guard {
            operators,
            hosts: AllowedHosts::new(&config.service.allowed_hosts),
            body_limit: config.limits.body,
            body_timeout: config.limits.body_timeout,
            timeout: config.limits.request_timeout,
        }))
    }
}

impl Guard {
    /// A request that is unclear about its host or its end could mean another one to the proxy in front.
    fn check(&self, request: &Request) -> Result<(), StatusCode> {
        let is_refused = request.extensions().get::<Overload>().is_some();
        if is_refused && !self.operators.sent(request) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        if let Some(Unreadable(status)) = request.extensions().get() {
            return Err(*status);
        }
        self.check_host(request)
    }

    fn check_host(&self, request: &Request) -> Result<(), StatusCode> {
        match self.hosts.check(request) {
            Ok(()) => Ok(()),
            // Operators ask by address, or in HTTP/1.0, whatever name browsers use.
            Err(BadHost::Unknown | BadHost::Absent) if self.operators.may_ask_any_host(request) => {
                Ok(())
            }
            Err(BadHost::Unknown) => Err(StatusCode::MISDIRECTED_REQUEST),
            Err(BadHost::Invalid | BadHost::Absent) => Err(StatusCode::BAD_REQUEST),
        }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardService {
            inner,
            guard: Arc::clone(&self.0),
        }
    }
}

#[derive(Clone)]
pub(crate) struct GuardService<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S> Service<Request> for GuardService<S>
where
    S: Service<Request, Error = Infallible>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = Infallible;
    type Future = GuardFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    #[inline(always)]
    fn call(&mut self, mut request: Request) -> Self::Future {
        if let Err(status) = self.guard.check(&request) {
            return GuardFuture::Refused { status };
        }
        // Extractors have their own limit; this one holds for whoever reads the body.
        let (bytes, pause) = (self.guard.body_limit, self.guard.body_timeout);
        let budget = Budget::limit(&mut request, bytes, pause);
        // Layers of the application may panic before they return their future.
        let Ok(answer) = catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) else {
            return GuardFuture::Refused { status: panicked() };
        };
        GuardFuture::Called {
            answer: AssertUnwindSafe(answer).catch_unwind(),
            timeout: self.guard.timeout,
            deadline: Deadline::default(),
            budget,
        }
    }
}

pin_project! {
    /// An answer on its way, or refused; a type of its own costs no allocation.
    #[project = Stage]
    pub(crate) enum GuardFuture<F> {
        Refused { status: StatusCode },
        Called {
            #[pin]
            answer: CatchUnwind<AssertUnwindSafe<F>>,
            timeout: Duration,
            // Most answers are there at once and need no timer.
            deadline: Deadline,
            budget: Option<Budget>,
        },
    }
}

impl<F, R> Future for GuardFuture<F>
where
    F: Future<Output = Result<R, Infallible>>,
    R: IntoResponse,
{
    type Output = Result<Response, Infallible>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match self.project() {
            Stage::Refused { status } => refused(*status),
            Stage::Called {
                answer,
                timeout,
                deadline,
                budget,
            } => {
                let response = match answer.poll(cx) {
                    Poll::Ready(Ok(Ok(response))) => cause::tell(response.into_response()),
                    Poll::Ready(Err(_)) => panicked().into_response(),
                    Poll::Pending => {
                        ready!(deadline.poll(cx, *timeout));
                        late(budget.as_ref())
                    }
                };
                within(budget.as_ref(), response)
            }
        };
        Poll::Ready(Ok(response))
    }
}

/// The panic hook has printed the message; the browser gets the status.
fn panicked() -> StatusCode {
    tracing::error!("a handler panicked");
    StatusCode::INTERNAL_SERVER_ERROR
}

fn late(budget: Option<&Budget>) -> Response {
    // It is not the handler that is slow.
    if budget.is_some_and(Budget::is_awaited) {
        return closing(StatusCode::REQUEST_TIMEOUT);
    }
    tracing::warn!("no answer within limits.request_timeout");
    unavailable()
}

fn refused(status: StatusCode) -> Response {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => unavailable(),
        // What comes behind an unclear request is unclear too.
        StatusCode::BAD_REQUEST => closing(status),
        _ => status.into_response(),
    }
}

fn unavailable() -> Response {
    let retry = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
    (StatusCode::SERVICE_UNAVAILABLE, retry).into_response()
}

/// The answer, unless it complains about a body that was cut off.
fn within(budget: Option<&Budget>, response: Response) -> Response {
    match budget.and_then(Budget::refusal) {
        Some(status) if response.status().as_u16() >= 400 => closing(status),
        _ => response,
    }
}

/// What was not read of this request cannot be told from the next one, so there is none on this connection.
fn closing(status: StatusCode) -> Response {
    let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
    (status, close).into_response()
}
