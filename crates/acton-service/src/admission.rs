//! How many requests are answered at once, and how often one client may ask.
//!
//! A service that takes everything answers nobody: under overload each request waits behind all others, until its
//! client has given up. Beyond the bound a request is refused at once, and who asked can ask elsewhere.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::{
    limits::LimitsConfig,
    operators::Operators,
    pulse::Pulse,
    rate_limit::{RateLimit, too_often},
};

/// Lets in as many requests as `[limits]` says; those of operators always.
#[derive(Clone)]
pub(crate) struct AdmissionLayer(Arc<Admission>);

struct Admission {
    operators: Operators,
    most: usize,
    open: AtomicUsize,
    shed: AtomicU64,
    pulse: Pulse,
    clients: Option<RateLimit>,
}

impl AdmissionLayer {
    pub(crate) fn new(limits: &LimitsConfig, operators: Operators) -> Self {
        Self(Arc::new(Admission {
            operators,
            most: limits.requests,
            open: AtomicUsize::new(0),
            shed: AtomicU64::new(0),
            pulse: Pulse::new(limits.queue_delay),
            clients: limits.requests_per_client.map(RateLimit::per_client),
        }))
    }

    /// Watches how long requests wait before they begin, for ever; without it only their number counts.
    pub(crate) fn watch(&self) -> impl Future<Output = ()> + Send + 'static {
        let admission = Arc::clone(&self.0);
        async move { admission.pulse.beat().await }
    }

    /// Whether requests are being answered, those of operators aside.
    pub(crate) fn is_answering(&self) -> bool {
        self.0.open.load(Ordering::Relaxed) > 0
    }

    /// How many were refused because too many were being answered, or waited.
    #[cfg(feature = "metrics")]
    pub(crate) fn counter(&self) -> crate::metrics::Gauge {
        let admission = Arc::clone(&self.0);
        crate::metrics::Gauge::counter(
            "acton_requests_shed_total",
            "Requests that were refused because too many were being answered or waited.",
            move || admission.shed.load(Ordering::Relaxed) as f64,
        )
    }
}

impl Default for AdmissionLayer {
    fn default() -> Self {
        Self::new(&LimitsConfig::default(), Operators::default())
    }
}

/// A request that is being answered, until it is dropped.
struct Place(Arc<Admission>);

impl Place {
    fn take(admission: &Arc<Admission>) -> Option<Self> {
        let before = admission.open.fetch_add(1, Ordering::Relaxed);
        // Also where there is no room: what was added is taken away again.
        let place = Self(Arc::clone(admission));
        if before < admission.most && !admission.pulse.is_late() {
            return Some(place);
        }
        admission.shed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy)]
enum Refusal {
    Busy,
    TooOften(Duration),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Busy => {
                let retry = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
                (StatusCode::SERVICE_UNAVAILABLE, retry).into_response()
            }
            Self::TooOften(wait) => too_often(wait),
        }
    }
}

/// None for an operator, who takes no place.
fn admit(admission: &Arc<Admission>, request: &Request) -> Result<Option<Place>, Refusal> {
    if admission.operators.sent(request) {
        return Ok(None);
    }
    let place = Place::take(admission).ok_or(Refusal::Busy)?;
    if let Some(clients) = &admission.clients {
        clients.charge_client(request).map_err(Refusal::TooOften)?;
    }
    Ok(Some(place))
}

impl<S> Layer<S> for AdmissionLayer {
    type Service = AdmissionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AdmissionService {
            inner,
            admission: Arc::clone(&self.0),
        }
    }
}

#[derive(Clone)]
pub(crate) struct AdmissionService<S> {
    inner: S,
    admission: Arc<Admission>,
}

impl<S> Service<Request> for AdmissionService<S>
where
    S: Service<Request>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = S::Error;
    type Future = AdmissionFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    #[inline(always)]
    fn call(&mut self, request: Request) -> Self::Future {
        match admit(&self.admission, &request) {
            Ok(place) => AdmissionFuture::Admitted {
                answer: self.inner.call(request),
                place,
            },
            Err(refusal) => AdmissionFuture::Refused { refusal },
        }
    }
}

pin_project! {
    /// An answer on its way, or refused; a type of its own costs no allocation.
    #[project = Stage]
    pub(crate) enum AdmissionFuture<F> {
        Refused { refusal: Refusal },
        Admitted {
            #[pin]
            answer: F,
            place: Option<Place>,
        },
    }
}

impl<F, R, E> Future for AdmissionFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
{
    type Output = Result<Response, E>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Stage::Refused { refusal } => Poll::Ready(Ok(refusal.into_response())),
            Stage::Admitted { answer, place } => {
                let answer = ready!(answer.poll(context));
                // What streams from here on, such as events, takes no place.
                *place = None;
                Poll::Ready(answer.map(R::into_response))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn who_waited_too_long_is_refused_and_a_probe_is_not() {
        let admission = Arc::new(Admission {
            operators: Operators::default(),
            most: 10,
            open: AtomicUsize::new(0),
            shed: AtomicU64::new(0),
            pulse: Pulse::overloaded(),
            clients: None,
        });
        std::thread::sleep(Duration::from_millis(1));
        let request = |path| Request::get(path).body(Body::empty()).expect("a request");
        assert!(matches!(
            admit(&admission, &request("/")),
            Err(Refusal::Busy)
        ));
        assert!(matches!(admit(&admission, &request("/health")), Ok(None)));
        assert_eq!(admission.open.load(Ordering::Relaxed), 0);
    }
}
