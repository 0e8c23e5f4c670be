//! One line per request.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use http::{Method, StatusCode};
use tracing::Span;

use crate::{
    log,
    request::{ClientAddr, RequestId},
};

/// What the line will say; taken before the request goes to its handler.
pub(crate) struct AccessLine {
    started: Instant,
    method: Method,
    route: Option<MatchedPath>,
    client: ClientAddr,
    htmx: Option<&'static str>,
}

impl AccessLine {
    pub(crate) fn begin(request: &Request, client: ClientAddr) -> Self {
        Self {
            started: Instant::now(),
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            client,
            htmx: htmx_kind(request),
        }
    }

    /// The span that everything logged while answering belongs to.
    ///
    /// The query string is left out: it may hold secrets.
    pub(crate) fn span(&self, request: &Request, id: &RequestId) -> Span {
        let (id, method) = (id.as_str(), self.method.as_str());
        let span = tracing::info_span!("request", id, method, path = request.uri().path());
        #[cfg(feature = "otel")]
        crate::telemetry::begin(
            &span,
            request.headers(),
            self.route.as_ref().map(MatchedPath::as_str),
        );
        span
    }

    /// Writes the line, inside the span, and counts what it says.
    pub(crate) fn end(
        &self,
        status: StatusCode,
        #[cfg(feature = "metrics")] metrics: Option<&crate::metrics::Metrics>,
    ) {
        let now = Instant::now();
        let took = now - self.started;
        log::at(now, || self.write(status.as_u16(), took));
        #[cfg(feature = "metrics")]
        if let Some(metrics) = metrics {
            metrics.answered(self.route(), &self.method, status, took);
        }
    }

    fn write(&self, status: u16, took: Duration) {
        let route = self.route();
        let millis = took.as_micros() as f64 / 1000.0;
        #[cfg(feature = "otel")]
        crate::telemetry::end(status);
        // Probes come every few seconds and say nothing new.
        if matches!(route, "/health" | "/ready") && status < 400 {
            tracing::debug!(target: "acton_service::access", route, status, millis, "answered");
        } else {
            let client = self.client.text();
            let client = client.as_str();
            tracing::info!(
                target: "acton_service::access",
                route, status, millis, client, htmx = self.htmx, "answered"
            );
        }
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
