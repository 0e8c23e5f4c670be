//! One line per request.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use http::StatusCode;

use crate::{
    log::{self, Answered, RequestSpan},
    request::{ClientAddr, RequestId},
};

/// What the line will say; taken before the request goes to its handler.
pub(crate) struct AccessLine {
    started: Instant,
    #[cfg(feature = "metrics")]
    method: http::Method,
    route: Option<MatchedPath>,
    client: ClientAddr,
    htmx: Option<&'static str>,
}

impl AccessLine {
    pub(crate) fn begin(request: &Request, client: ClientAddr) -> Self {
        Self {
            started: Instant::now(),
            #[cfg(feature = "metrics")]
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            client,
            htmx: htmx_kind(request),
        }
    }

    /// The span that everything logged while answering belongs to.
    pub(crate) fn span(&self, request: &Request, id: &RequestId) -> RequestSpan {
        let span = RequestSpan::of(request, id);
        #[cfg(feature = "otel")]
        if let Some(span) = span.span() {
            let route = self.route.as_ref().map(MatchedPath::as_str);
            crate::telemetry::begin(span, request.headers(), route);
        }
        span
    }

    /// Writes the line into the span, and counts what it says.
    pub(crate) fn end(
        &self,
        span: &mut RequestSpan,
        status: StatusCode,
        #[cfg(feature = "metrics")] metrics: Option<&crate::metrics::Metrics>,
    ) {
        let now = Instant::now();
        let took = now - self.started;
        log::at(now, || self.write(span, status.as_u16(), took));
        #[cfg(feature = "metrics")]
        if let Some(metrics) = metrics {
            metrics.answered(self.route(), &self.method, status, took);
        }
    }

    fn write(&self, span: &mut RequestSpan, status: u16, took: Duration) {
        let route = self.route();
        let millis = took.as_micros() as f64 / 1000.0;
        #[cfg(feature = "otel")]
        if let Some(span) = span.span() {
            crate::telemetry::end(span, status);
        }
        // Probes come every few seconds and say nothing new.
        if matches!(route, "/health" | "/ready") && status < 400 {
            return span.within(|| {
                tracing::debug!(target: log::ANSWERED, route, status, millis, "answered");
            });
        }
        span.answered(&Answered {
            route,
            status,
            millis,
            client: self.client,
            htmx: self.htmx,
        });
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or("", MatchedPath::as_str)
    }
}

/// How htmx asked: for a part, along a boosted link, or for a page of the history that it had lost.
#[cfg(feature = "htmx")]
fn htmx_kind(request: &Request) -> Option<&'static str> {
    use crate::htmx::{Htmx, Wanted};

    let htmx = Htmx::from_headers(request.headers());
    if !htmx.is_htmx() {
        return None;
    }
    Some(match htmx.wanted {
        Wanted::HistoryRestore => "history",
        Wanted::Boosted => "boosted",
        _ => "part",
    })
}

#[cfg(not(feature = "htmx"))]
fn htmx_kind(_: &Request) -> Option<&'static str> {
    None
}
