//! `/metrics`, as Prometheus reads it.
//!
//! Names follow OpenTelemetry: <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>.
//! The format: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

mod config;
mod gauge;
mod series;

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{Method, StatusCode, header};

pub use config::MetricsConfig;
pub(crate) use config::Readers;
#[cfg(any(feature = "session-memory", feature = "session-redis"))]
pub(crate) use gauge::Buckets;
pub(crate) use gauge::Gauge;

use series::Series;

use crate::{
    config::Config, frame::FrameLayer, guard::GuardLayer, limits::LimitsConfig,
    operators::Operators, server::Shutdown, states::States, versioning::Notices,
};

/// Everything that is counted; clones count together.
#[derive(Clone, Default)]
pub(crate) struct Metrics(Arc<Counted>);

#[derive(Default)]
struct Counted {
    requests: RwLock<BTreeMap<Labels, Arc<Series>>>,
    active: AtomicU64,
    streams: AtomicU64,
    gauges: Vec<Gauge>,
}

/// Few by construction: routes are written by the application, methods are a fixed list, and statuses are answers of ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Labels {
    route: String,
    method: &'static str,
    status: u16,
}

impl Metrics {
    pub(crate) fn new(gauges: Vec<Gauge>) -> Self {
        Self(Arc::new(Counted {
            gauges,
            ..Counted::default()
        }))
    }

    /// The route `/metrics`, for those who may read it.
    pub(crate) fn routes(self, readers: Arc<Readers>) -> Router {
        let answer = move |request: Request| {
            let answer = if readers.may_read(&request) {
                self.answer()
            } else {
                StatusCode::NOT_FOUND.into_response()
            };
            std::future::ready(answer)
        };
        Router::new().route("/metrics", get(answer))
    }

    /// The route `/metrics` on an address of its own.
    pub(crate) fn routes_aside(self, limits: &LimitsConfig) -> Router {
        let config = Config {
            limits: limits.clone(),
            ..Config::default()
        };
        let readers = Arc::new(Readers::Everybody);
        // Whoever asks here may call the host as it likes.
        let operators = Operators::with_readers(Arc::clone(&readers));
        let frame = FrameLayer::new(
            &config,
            Notices::default(),
            States::default(),
            Shutdown::default(),
            None,
        );
        self.routes(readers)
            .layer((frame, GuardLayer::new(&config, operators)))
    }

    fn answer(&self) -> Response {
        const TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
        ([(header::CONTENT_TYPE, TYPE)], self.text()).into_response()
    }

    /// Counts a request that is being answered, until the value is dropped.
    pub(crate) fn begin(&self) -> Counting {
        Counting::new(self, |counted| &counted.active)
    }

    /// Counts an event stream that is open, until the value is dropped.
    pub(crate) fn open(&self) -> Counting {
        Counting::new(self, |counted| &counted.streams)
    }

    /// Counts a request that was answered.
    pub(crate) fn answered(
        &self,
        route: &str,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let labels = Labels {
            route: route.to_owned(),
            method: known(method),
            status: status.as_u16(),
        };
        self.series(labels).add(took);
    }

    fn series(&self, labels: Labels) -> Arc<Series> {
        let requests = self
            .0
            .requests
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = requests.get(&labels) {
            return Arc::clone(series);
        }
        drop(requests);
        let mut requests = self
            .0
            .requests
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(requests.entry(labels).or_default())
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let requests = self
            .0
            .requests
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        series::head(&mut text);
        for (labels, series) in &*requests {
            series.write(&mut text, &labels.text());
        }
        let active = self.0.active.load(Ordering::Relaxed);
        gauge::write(
            &mut text,
            "http_server_active_requests",
            "Requests being answered.",
            active,
        );
        let streams = self.0.streams.load(Ordering::Relaxed);
        gauge::write(
            &mut text,
            "acton_event_streams",
            "Event streams that are open.",
            streams,
        );
        for gauge in &self.0.gauges {
            gauge.write(&mut text);
        }
        text
    }
}

impl Labels {
    fn text(&self) -> String {
        let mut text = String::new();
        let Self {
            route,
            method,
            status,
        } = self;
        let route = route
            .replace('\\', r"\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "http_request_method=\"{method}\",http_route=\"{route}\",http_response_status_code=\"{status}\""
        );
        text
    }
}

/// A client may invent methods; they share one label.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}

/// One more, until it is dropped; a client that leaves drops it too.
pub(crate) struct Counting {
    metrics: Metrics,
    number: fn(&Counted) -> &AtomicU64,
}

impl Counting {
    fn new(metrics: &Metrics, number: fn(&Counted) -> &AtomicU64) -> Self {
        number(&metrics.0).fetch_add(1, Ordering::Relaxed);
        Self {
            metrics: metrics.clone(),
            number,
        }
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        (self.number)(&self.metrics.0).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> Metrics {
        let metrics = Metrics::default();
        let (get, ok) = (Method::GET, StatusCode::OK);
        metrics.answered("/tasks/{id}", &get, ok, Duration::from_millis(3));
        metrics.answered("/tasks/{id}", &get, ok, Duration::from_millis(30));
        metrics
    }

    #[test]
    fn requests_are_counted_by_route_template() {
        let text = counted().text();
        let labels =
            r#"http_request_method="GET",http_route="/tasks/{id}",http_response_status_code="200""#;
        let count = format!("http_server_request_duration_seconds_count{{{labels}}} 2");
        assert!(text.contains(&count), "{text}");
        let bucket =
            format!("http_server_request_duration_seconds_bucket{{{labels},le=\"0.005\"}} 1");
        assert!(text.contains(&bucket), "{text}");
    }

    #[test]
    fn invented_methods_share_one_label() {
        let metrics = Metrics::default();
        for name in ["BREW", "WHEN"] {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            metrics.answered("", &method, StatusCode::NOT_FOUND, Duration::ZERO);
        }
        assert_eq!(metrics.0.requests.read().unwrap().len(), 1);
    }

    #[test]
    fn what_is_open_is_counted_until_it_ends() {
        let metrics = Metrics::default();
        let stream = metrics.open();
        assert!(metrics.text().contains("acton_event_streams 1"));
        drop(stream);
        assert!(metrics.text().contains("acton_event_streams 0"));
    }

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        for line in counted().text().lines() {
            let value = line
                .rsplit(' ')
                .next()
                .and_then(|value| value.parse::<f64>().ok());
            assert!(
                line.starts_with("# HELP ") || line.starts_with("# TYPE ") || value.is_some(),
                "{line}"
            );
        }
    }
}
