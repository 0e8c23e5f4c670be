//! Traces for an OpenTelemetry collector.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use opentelemetry::{
    Context, KeyValue,
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{TraceContextExt, TracerProvider},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig, tonic_types::transport};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use serde::Deserialize;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, filter::Directive};

use super::export::Conventional;
use crate::{ServiceConfig, config::ConfigError};

/// The `[otel]` section.
///
/// What else the exporter needs, such as `OTEL_EXPORTER_OTLP_HEADERS` for a token, it reads from the variables that
/// OpenTelemetry defines: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OtelConfig {
    /// Where the collector takes OTLP over gRPC, e.g. `http://localhost:4317`. Default: none, nothing is exported.
    ///
    /// `https` speaks TLS and checks the certificate against the public authorities.
    pub endpoint: Option<String>,
    /// The share of traces that begin here and are exported, between 0 and 1. Default: 1.
    ///
    /// A request that says in `traceparent` whether its trace is sampled is believed.
    pub sample: f64,
    /// Which spans and events belong to a trace, written as `log.filter` is. Default: `info,acton_templates=debug`.
    pub filter: String,
    /// Time for one export, and for the last one when the service stops. Default: 5 seconds.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for OtelConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            sample: 1.0,
            filter: "info,acton_templates=debug".to_owned(),
            timeout: Duration::from_secs(5),
        }
    }
}

impl OtelConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |what| Err(ConfigError::new(format!("the setting `otel.{what}")));
        if self
            .endpoint
            .as_deref()
            .is_some_and(|text| !is_endpoint(text))
        {
            return wrong("endpoint` is not an address such as http://localhost:4317");
        }
        if !(0.0..=1.0).contains(&self.sample) {
            return wrong("sample` is not between 0 and 1");
        }
        if EnvFilter::try_new(&self.filter).is_err() {
            return wrong("filter` is not a list of directives such as info,my_app=debug");
        }
        Ok(())
    }
}

fn is_endpoint(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri
                .authority()
                .is_some_and(|authority| !authority.as_str().contains('@'))
    })
}

/// Whether spans of the log are spans of a trace; without traces a request pays one load for this.
static EXPORTING: AtomicBool = AtomicBool::new(false);

/// The way to the collector, open until the service has stopped.
#[derive(Debug)]
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    timeout: Duration,
}

impl Traces {
    /// Connects when there is something to send, so a collector that is not there costs nothing; none without endpoint.
    ///
    /// Must be called inside a tokio runtime.
    pub(super) fn new(
        config: &OtelConfig,
        service: &ServiceConfig,
        version: Option<&str>,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(endpoint) = &config.endpoint else {
            return Ok(None);
        };
        let mut exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(config.timeout);
        // Schemes may be written in capitals.
        if endpoint.to_ascii_lowercase().starts_with("https:") {
            exporter =
                exporter.with_tls_config(transport::ClientTlsConfig::new().with_enabled_roots());
        }
        let exporter = exporter
            .build()
            .map_err(|error| ConfigError::new(format!("no traces can be exported: {error}")))?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Conventional::new(exporter))
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
                config.sample,
            ))))
            .with_resource(resource(service, version))
            .build();
        Ok(Some(Self {
            provider,
            timeout: config.timeout,
        }))
    }

    /// What turns spans of the log into spans of a trace.
    pub(super) fn layer(&self, config: &OtelConfig) -> Box<dyn Layer<Registry> + Send + Sync> {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("acton-service"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_filter(without_exporter(&config.filter))
            .boxed()
    }

    /// Notes that the layer is in use.
    pub(super) fn begun(self) -> Self {
        EXPORTING.store(true, Ordering::Relaxed);
        self
    }

    /// Sends what is left, within `otel.timeout`, and until the process has to end.
    pub(crate) async fn finish(self, until: Option<tokio::time::Instant>) {
        let Self { provider, timeout } = self;
        let left = until.map(|until| until.duration_since(tokio::time::Instant::now()));
        let timeout = left.map_or(timeout, |left| left.min(timeout));
        let last = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(timeout));
        if let Ok(Err(error)) = last.await {
            tracing::warn!(%error, "the last traces could not be exported");
        }
    }
}

/// Who we are; `OTEL_RESOURCE_ATTRIBUTES` adds to it.
///
/// <https://opentelemetry.io/docs/specs/semconv/resource/#service>
fn resource(service: &ServiceConfig, version: Option<&str>) -> Resource {
    let version = version.map(|version| KeyValue::new("service.version", version.to_owned()));
    let environment = service.environment.clone();
    Resource::builder()
        .with_service_name(service.name.clone())
        .with_attribute(KeyValue::new("deployment.environment.name", environment))
        .with_attributes(version)
        .build()
}

/// The exporter's own connection is no part of any trace: it would be exported for ever.
fn without_exporter(filter: &str) -> EnvFilter {
    let own = [
        "h2",
        "hyper",
        "hyper_util",
        "opentelemetry",
        "tonic",
        "tower",
    ];
    let off = own.map(|name| -> Directive { format!("{name}=off").parse().expect("a directive") });
    off.into_iter()
        .fold(EnvFilter::new(filter), EnvFilter::add_directive)
}

/// Makes `span` a part of the trace that the caller is in, and says which route it is about.
///
/// <https://www.w3.org/TR/trace-context/>
pub(crate) fn begin(span: &Span, headers: &HeaderMap, route: Option<&str>) {
    if !EXPORTING.load(Ordering::Relaxed) {
        return;
    }
    if headers.contains_key("traceparent") {
        let context = Context::new();
        let parent = TraceContextPropagator::new().extract_with_context(&context, &Read(headers));
        if parent.span().span_context().is_valid() {
            let _ = span.set_parent(parent);
        }
    }
    if let Some(route) = route {
        span.set_attribute("http.route", route.to_owned());
    }
}

/// Says how the request of this span was answered.
pub(crate) fn end(span: &Span, status: u16) {
    if EXPORTING.load(Ordering::Relaxed) {
        span.set_attribute("http.response.status_code", i64::from(status));
    }
}

/// Writes the current trace into the headers of a request to another service (`traceparent`, `tracestate`).
///
/// Without a trace the headers stay as they are.
///
/// ```
/// use acton_service::telemetry::inject_trace_context;
///
/// let mut request = http::Request::get("http://stock.internal/items/7").body(())?;
/// inject_trace_context(request.headers_mut());
/// # Ok::<(), http::Error>(())
/// ```
///
/// <https://www.w3.org/TR/trace-context/>
pub fn inject_trace_context(headers: &mut HeaderMap) {
    let context = Span::current().context();
    TraceContextPropagator::new().inject_context(&context, &mut Write(headers));
}

struct Read<'a>(&'a HeaderMap);

impl Extractor for Read<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Write<'a>(&'a mut HeaderMap);

impl Injector for Write<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::from_bytes(key.as_bytes());
        // An empty `tracestate` says nothing.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value))
            && !value.is_empty()
        {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut OtelConfig)) -> String {
        let mut config = OtelConfig::default();
        change(&mut config);
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_name_and_never_shown() {
        OtelConfig::default().check().unwrap();
        for endpoint in [
            "localhost:4317",
            "ftp://a.test",
            "http://u:hunter2@a.test",
            "",
        ] {
            let told = refusal(|config| config.endpoint = Some(endpoint.to_owned()));
            assert!(
                told.contains("`otel.endpoint`") && !told.contains("hunter2"),
                "{told}"
            );
        }
        for sample in [-0.1, 1.1, f64::NAN] {
            assert!(refusal(|config| config.sample = sample).contains("`otel.sample`"));
        }
        assert!(refusal(|config| config.filter = "a=loud".to_owned()).contains("`otel.filter`"));
    }

    #[test]
    fn without_an_endpoint_nothing_is_started() {
        let config = OtelConfig::default();
        let traces = Traces::new(&config, &ServiceConfig::default(), None).unwrap();
        assert!(traces.is_none());
    }

    #[test]
    fn without_a_trace_headers_stay_as_they_are() {
        let mut headers = HeaderMap::new();
        inject_trace_context(&mut headers);
        assert!(headers.is_empty(), "{headers:?}");
    }
}
