//! One line per request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use http::{Method, StatusCode};
use tracing::Span;

use crate::request::{ClientAddr, RequestId};

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

    /// Counts what the line says.
    #[cfg(feature = "metrics")]
    pub(crate) fn count(&self, metrics: &crate::metrics::Metrics, status: StatusCode) {
        let route = self.route.as_ref().map_or("", MatchedPath::as_str);
        metrics.answered(route, &self.method, status, self.started.elapsed());
    }

    /// Writes the line, inside the span.
    pub(crate) fn end(&self, status: StatusCode) {
        let route = self.route.as_ref().map_or("", MatchedPath::as_str);
        let millis = self.started.elapsed().as_micros() as f64 / 1000.0;
        let status = status.as_u16();
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
}

/// How htmx asked: for a part, along a boosted link, or for a page of the history that it had lost.
#[cfg(feature = "htmx")]
fn htmx_kind(request: &Request) -> Option<&'static str> {
    use crate::htmx::{HxBoosted, HxHistoryRestoreRequest, HxRequest};

    let headers = request.headers();
    if !HxRequest::from_headers(headers).0 {
        return None;
    }
    Some(if HxHistoryRestoreRequest::from_headers(headers).0 {
        "history"
    } else if HxBoosted::from_headers(headers).0 {
        "boosted"
    } else {
        "part"
    })
}

#[cfg(not(feature = "htmx"))]
fn htmx_kind(_: &Request) -> Option<&'static str> {
    None
}
