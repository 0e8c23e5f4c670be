//! Gives our spans the names that collectors know, away from the request path.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use opentelemetry::{
    KeyValue,
    trace::{SpanKind, Status},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};

/// How often a failing collector is mentioned in the log.
const MENTION: Duration = Duration::from_secs(60);

/// An exporter that exports spans by the semantic conventions for HTTP servers.
///
/// <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>
#[derive(Debug)]
pub(super) struct Conventional<E> {
    inner: E,
    began: Instant,
    /// Milliseconds since `began`, plus one; 0 before the first time.
    mentioned: AtomicU64,
}

impl<E> Conventional<E> {
    pub(super) fn new(inner: E) -> Self {
        Self {
            inner,
            began: Instant::now(),
            mentioned: AtomicU64::new(0),
        }
    }

    fn mention(&self, error: &(dyn std::error::Error + 'static)) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.mentioned.load(Ordering::Relaxed);
        if last == 0 || now >= last + MENTION.as_millis() as u64 {
            self.mentioned.store(now + 1, Ordering::Relaxed);
            tracing::warn!(
                error,
                "traces could not be exported; further failures are mentioned once a minute"
            );
        }
    }
}

impl<E: SpanExporter> SpanExporter for Conventional<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        batch.iter_mut().for_each(rename);
        let outcome = self.inner.export(batch).await;
        outcome.inspect_err(|error| self.mention(error))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// What the access log calls it, and what OpenTelemetry calls it.
const NAMES: [(&str, &str); 4] = [
    ("id", "acton.request.id"),
    ("method", "http.request.method"),
    ("path", "url.path"),
    ("template", "acton.template"),
];

fn rename(span: &mut SpanData) {
    if span.name == "render" {
        span.attributes.iter_mut().for_each(rename_attribute);
    }
    if span.name != "request" {
        return;
    }
    span.attributes.iter_mut().for_each(rename_attribute);
    span.span_kind = SpanKind::Server;
    let method = text(&span.attributes, "http.request.method");
    // Without a route the path would make as many names as there are paths.
    let name = match text(&span.attributes, "http.route") {
        Some(route) => format!("{} {route}", method.unwrap_or_default()),
        None => method.unwrap_or_default().into_owned(),
    };
    span.name = Cow::Owned(name);
    let status = text(&span.attributes, "http.response.status_code");
    // A client that asks for the wrong thing is no fault of the server.
    if status.is_some_and(|status| status.starts_with('5')) {
        span.status = Status::error("");
    }
}

fn rename_attribute(attribute: &mut KeyValue) {
    let known = NAMES
        .iter()
        .find(|(name, _)| *name == attribute.key.as_str());
    if let Some((_, name)) = known {
        attribute.key = (*name).into();
    }
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<Cow<'a, str>> {
    let found = attributes
        .iter()
        .find(|attribute| attribute.key.as_str() == key)?;
    Some(found.value.as_str())
}
