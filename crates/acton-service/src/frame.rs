//! What every request is given and every answer carries.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

#[cfg(feature = "htmx")]
use crate::htmx::HtmxContext;
#[cfg(feature = "metrics")]
use crate::metrics::{Counting, Metrics};
#[cfg(feature = "metrics")]
use axum::body::Body;
#[cfg(feature = "htmx")]
use axum::extract::OriginalUri;
#[cfg(feature = "metrics")]
use http_body_util::BodyExt;

#[cfg(feature = "askama")]
use crate::templates::CspNonce;
use crate::{
    access_log::AccessLine,
    config::Config,
    content_type::ContentType,
    log::RequestSpan,
    request::{RequestId, proxy::TrustedProxies},
    security_headers::SecurityHeaders,
    server::{Shutdown, end_at_shutdown},
    states::States,
    versioning::{Announcement, Notices},
};

/// Gives requests an id and a client, and answers a log line and careful headers.
#[derive(Clone)]
pub(crate) struct FrameLayer(Arc<Frame>);

struct Frame {
    proxies: TrustedProxies,
    headers: SecurityHeaders,
    notices: Notices,
    states: States,
    shutdown: Shutdown,
    #[cfg(feature = "metrics")]
    metrics: Option<Metrics>,
}

impl FrameLayer {
    pub(crate) fn new(
        config: &Config,
        notices: Notices,
        states: States,
        shutdown: Shutdown,
        #[cfg(feature = "metrics")] metrics: Option<Metrics>,
    ) -> Self {
        Self(Arc::new(Frame {
            proxies: TrustedProxies::new(config.service.trusted_proxies.clone()),
            headers: SecurityHeaders::new(config.service.is_https()),
            notices,
            states,
            shutdown,
            #[cfg(feature = "metrics")]
            metrics,
        }))
    }
}

/// What is known about a request until its answer is there.
struct Begun {
    id: RequestId,
    line: AccessLine,
    signed_in: bool,
    notice: Option<Announcement>,
    #[cfg(feature = "askama")]
    nonce: Option<CspNonce>,
    #[cfg(feature = "metrics")]
    counting: Option<Counting>,
}

impl Begun {
    /// One step towards the answer, in which a nonce for its policy may be taken.
    #[cfg(feature = "askama")]
    fn step<T>(begun: &mut Option<Self>, poll: impl FnOnce() -> T) -> T {
        match begun {
            Some(begun) => CspNonce::offer(crate::security_headers::nonce, &mut begun.nonce, poll),
            None => poll(),
        }
    }

    #[cfg(not(feature = "askama"))]
    fn step<T>(_: &mut Option<Self>, poll: impl FnOnce() -> T) -> T {
        poll()
    }
}

impl Frame {
    fn begin(&self, request: &mut Request) -> Begun {
        // Everything that is written about this request names it.
        let id = RequestId::of(request.headers());
        request.extensions_mut().insert(id.clone());
        // Before anybody limits, bans or logs by address.
        let client = self.proxies.client(request.extensions(), request.headers());
        request.extensions_mut().insert(client);
        #[cfg(feature = "htmx")]
        keep_whole_uri(request);
        self.states.hand_to(request.extensions_mut());
        Begun {
            id,
            line: AccessLine::begin(request, client),
            signed_in: has_session(request.headers()),
            notice: self.notices.find(request),
            #[cfg(feature = "askama")]
            nonce: None,
            #[cfg(feature = "metrics")]
            counting: self.metrics.as_ref().map(Metrics::begin),
        }
    }

    fn finish(&self, begun: Begun, span: &mut RequestSpan, mut response: Response) -> Response {
        let headers = response.headers_mut();
        let kind = ContentType::of(headers);
        // Shared machines and the Back button must not show what a session showed.
        if begun.signed_in && kind.may_be_personal() {
            forbid_storing(headers);
        }
        // Whoever calls a version that is going away hears of it, also from a time-out.
        if let Some(notice) = &begun.notice {
            notice.apply(headers);
        }
        // An attacker's page, frame or sniffing browser gets nothing to work with.
        self.headers.apply(headers, kind, begun.id.header_value());
        #[cfg(feature = "askama")]
        if let Some(nonce) = begun.nonce.as_ref().and_then(CspNonce::made) {
            SecurityHeaders::allow(nonce, headers);
        }
        #[cfg(feature = "metrics")]
        drop(begun.counting); // It is no longer being answered.
        self.tell(&begun.line, span, response.status());
        if kind != ContentType::EventStream {
            return response;
        }
        #[cfg(feature = "metrics")]
        let response = match &self.metrics {
            Some(metrics) => response.map(|body| count_stream(body, metrics)),
            None => response,
        };
        // Otherwise one open stream would keep a stopping service alive.
        response.map(|body| end_at_shutdown(body, &self.shutdown))
    }

    fn tell(&self, line: &AccessLine, span: &mut RequestSpan, status: StatusCode) {
        line.end(
            span,
            status,
            #[cfg(feature = "metrics")]
            self.metrics.as_ref(),
        );
    }
}

/// Inside another application, whose router has shortened the path: what leads back to a page needs all of it.
#[cfg(feature = "htmx")]
fn keep_whole_uri(request: &mut Request) {
    let extensions = request.extensions();
    if let Some(OriginalUri(whole)) = extensions.get()
        && whole.path() != request.uri().path()
        && HtmxContext::of(extensions).is_none()
    {
        let context = HtmxContext::arrived_as(whole.clone());
        request.extensions_mut().insert(context);
    }
}

/// What nginx writes where nobody waits for the answer any more.
fn client_closed() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT)
}

/// Whether the browser sent a session cookie.
fn has_session(headers: &HeaderMap) -> bool {
    let cookies = headers.get_all(header::COOKIE).iter();
    cookies
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .any(|cookie| {
            let cookie = cookie.trim_ascii_start();
            cookie.starts_with(b"id=") || cookie.starts_with(b"__Host-id=")
        })
}

/// Counts an event stream as open until its body is dropped.
#[cfg(feature = "metrics")]
fn count_stream(body: Body, metrics: &Metrics) -> Body {
    let open = metrics.open();
    Body::new(body.map_frame(move |frame| {
        let _ = &open;
        frame
    }))
}

fn forbid_storing(headers: &mut HeaderMap) {
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

impl<S> Layer<S> for FrameLayer {
    type Service = FrameService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FrameService {
            inner,
            frame: Arc::clone(&self.0),
        }
    }
}

#[derive(Clone)]
pub(crate) struct FrameService<S> {
    inner: S,
    frame: Arc<Frame>,
}

impl<S> Service<Request> for FrameService<S>
where
    S: Service<Request>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = S::Error;
    type Future = FrameFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline(always)]
    fn call(&mut self, mut request: Request) -> Self::Future {
        let begun = self.frame.begin(&mut request);
        let mut span = begun.line.span(&request, &begun.id);
        let answer = span.within(|| self.inner.call(request));
        FrameFuture {
            answer: Some(answer),
            span,
            begun: Some(begun),
            frame: Arc::clone(&self.frame),
        }
    }
}

pin_project! {
    /// An answer on its way; a struct of its own costs no allocation.
    pub(crate) struct FrameFuture<F> {
        #[pin]
        answer: Option<F>,
        span: RequestSpan,
        begun: Option<Begun>,
        frame: Arc<Frame>,
    }

    impl<F> PinnedDrop for FrameFuture<F> {
        // A client that leaves ends its request here, and what is logged on the way out belongs to the request too.
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(begun) = this.begun.take() {
                this.span.within(|| this.answer.set(None));
                // Before there was an answer, which operators want to see all the more.
                this.frame.tell(&begun.line, this.span, client_closed());
            }
        }
    }
}

impl<F, R, E> Future for FrameFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
{
    type Output = Result<Response, E>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = this.answer.as_pin_mut();
        let answer = answer.expect("it is only taken away when this is dropped");
        let begun = this.begun;
        let polled = this.span.within(|| Begun::step(begun, || answer.poll(cx)));
        let response = ready!(polled)?.into_response();
        Poll::Ready(Ok(match begun.take() {
            Some(begun) => this.frame.finish(begun, this.span, response),
            None => response,
        }))
    }
}
