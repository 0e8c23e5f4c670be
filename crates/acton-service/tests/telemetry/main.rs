//! What operators read: traces in a collector.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![cfg(unix)]

mod collector;
mod process;

use std::time::{Duration, Instant};

use acton_service::{prelude::*, telemetry::inject_trace_context};
use collector::{Collector, attribute, named};
use opentelemetry_proto::tonic::trace::v1::{
    Span, span::SpanKind, status::StatusCode as TraceStatus,
};
use process::{Process, SERVE};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[derive(Template)]
#[template(source = "<p>Task {{ id }}</p>", ext = "html")]
struct Task {
    id: u32,
}

async fn task(Path(id): Path<u32>) -> HtmlTemplate {
    tracing::info_span!("look up", id).in_scope(|| tracing::info!("found"));
    HtmlTemplate::fragment(Task { id })
}

/// What a request to another service would carry.
async fn outgoing() -> Json<Vec<String>> {
    let mut headers = HeaderMap::new();
    inject_trace_context(&mut headers);
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    Json(lines.collect())
}

/// Not a test of its own: the process that the others start.
#[tokio::test]
async fn serve_when_asked() {
    if std::env::var_os(SERVE).is_none() {
        return;
    }
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/tasks/{id}", get(task))
            .route("/outgoing", get(outgoing))
            .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }))
    });
    let service = ServiceBuilder::new().with_routes(routes.build_routes());
    let service = service.with_version("9.9.9").build();
    service.serve().await.unwrap();
}

fn parent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{PARENT}-{flags}\r\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn start(collector: &Collector, environment: &[(&str, &str)]) -> Process {
    let endpoint = collector.endpoint();
    let ours = [
        ("ACTON_OTEL__ENDPOINT", endpoint.as_str()),
        ("ACTON_SERVICE__NAME", "board"),
    ];
    Process::start(&[&ours, environment].concat())
}

/// Everything the service had to say, after it has ended.
async fn spans_after(process: Process, collector: &Collector) -> Vec<Span> {
    let ended = tokio::task::spawn_blocking(move || process.end())
        .await
        .unwrap();
    assert_eq!(ended.0.code(), Some(0), "{}", ended.1);
    collector.spans().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_its_handler_and_its_template_are_spans_of_the_callers_trace() {
    let collector = Collector::start().await;
    let process = start(&collector, &[]).await;
    let answer = process.get(
        "/tasks/7?token=hunter2",
        &(parent("01") + "cookie: id=hunter2\r\n"),
    );
    assert!(answer.contains("<p>Task 7</p>"), "{answer}");
    let spans = spans_after(process, &collector).await;

    let request = named(&spans, "GET /tasks/{id}");
    assert_eq!(
        (hex(&request.trace_id), hex(&request.parent_span_id)),
        (TRACE.into(), PARENT.into())
    );
    assert_eq!(request.kind(), SpanKind::Server);
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/tasks/{id}"),
        ("url.path", "/tasks/7"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(
            attribute(&request.attributes, key).as_deref(),
            Some(value),
            "{key}"
        );
    }
    assert!(attribute(&request.attributes, "acton.request.id").is_some());
    let handler = named(&spans, "look up");
    assert_eq!(handler.parent_span_id, request.span_id);
    assert_eq!(handler.events[0].name, "found");
    let render = named(&spans, "render");
    assert_eq!(render.parent_span_id, request.span_id);
    assert!(
        attribute(&render.attributes, "acton.template")
            .unwrap()
            .ends_with("Task")
    );

    let received = format!("{:?}", collector.received().await);
    assert!(!received.contains("hunter2"), "{received}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_says_which_service_it_is_from() {
    let collector = Collector::start().await;
    let process = start(
        &collector,
        &[("OTEL_RESOURCE_ATTRIBUTES", "host.name=blue")],
    )
    .await;
    process.get("/outgoing", "");
    spans_after(process, &collector).await;
    let received = collector.received().await;
    let resource = received[0].resource.clone().unwrap().attributes;
    for (key, value) in [
        ("service.name", "board"),
        ("service.version", "9.9.9"),
        ("deployment.environment.name", "dev"),
        ("host.name", "blue"),
    ] {
        assert_eq!(attribute(&resource, key).as_deref(), Some(value), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_goes_on_in_what_a_handler_asks_others() {
    let collector = Collector::start().await;
    let process = start(&collector, &[]).await;
    let answer = process.get("/outgoing", &(parent("01") + "tracestate: vendor=1\r\n"));
    let spans = spans_after(process, &collector).await;
    let request = hex(&named(&spans, "GET /outgoing").span_id);
    assert!(
        answer.contains(&format!("traceparent: 00-{TRACE}-{request}-01")),
        "{answer}"
    );
    assert!(answer.contains("tracestate: vendor=1"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_told_from_a_request_for_the_wrong_thing() {
    let collector = Collector::start().await;
    let process = start(&collector, &[]).await;
    process.get("/broken", "");
    process.get("/nowhere/17", "traceparent: nonsense\r\n");
    let spans = spans_after(process, &collector).await;
    let code = |name| {
        named(&spans, name)
            .status
            .clone()
            .unwrap_or_default()
            .code()
    };
    assert_eq!(code("GET /broken"), TraceStatus::Error);
    // Not by its path: a stranger could make any number of names.
    assert_eq!(code("GET"), TraceStatus::Unset);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sampled_is_not_sent() {
    let collector = Collector::start().await;
    let process = start(&collector, &[("ACTON_OTEL__SAMPLE", "0")]).await;
    process.get("/outgoing", "");
    process.get("/tasks/1", &parent("00"));
    process.get("/tasks/2", &parent("01"));
    let spans = spans_after(process, &collector).await;
    let requests = spans.iter().filter(|span| span.name.starts_with("GET"));
    let paths: Vec<_> = requests
        .filter_map(|span| attribute(&span.attributes, "url.path"))
        .collect();
    assert_eq!(paths, ["/tasks/2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_hurts_neither_requests_nor_the_end() {
    // It accepts connections, because the system does, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let process = Process::start(&[
        ("ACTON_OTEL__ENDPOINT", &endpoint),
        ("ACTON_OTEL__TIMEOUT", "1s"),
    ]);
    for id in 0..300 {
        assert!(process.get(&format!("/tasks/{id}"), "").contains("200 OK"));
    }
    let begun = Instant::now();
    let (status, log) = tokio::task::spawn_blocking(move || process.end())
        .await
        .unwrap();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{log}");
    assert!(log.contains("traces could not be exported"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_makes_no_failure_of_a_short_grace_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let process = Process::start(&[
        ("ACTON_OTEL__ENDPOINT", &endpoint),
        ("ACTON_OTEL__TIMEOUT", "1h"),
        ("ACTON_SHUTDOWN__GRACE", "200ms"),
    ]);
    assert!(process.get("/tasks/1", "").contains("200 OK"));
    let (status, log) = tokio::task::spawn_blocking(move || process.end())
        .await
        .unwrap();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("traces could not be exported"), "{log}");
}

/// The access lines of a process that was asked these things.
async fn access_lines(environment: &[(&str, &str)], asked: &[(&str, &str)]) -> Vec<String> {
    let process = Process::start(environment);
    for (path, headers) in asked {
        process.get(path, headers);
    }
    let (_, log) = tokio::task::spawn_blocking(move || process.end())
        .await
        .unwrap();
    let lines = log.lines().filter(|line| line.contains("answered"));
    lines.map(ToOwned::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_writes_one_line_that_says_what_operators_ask() {
    let htmx = "hx-request: true\r\nx-request-id: asked-by-the-test\r\n";
    let boosted = "hx-request: true\r\nhx-boosted: true\r\n";
    let asked = [
        ("/tasks/7?token=hunter2", htmx),
        ("/tasks/8", boosted),
        ("/health", ""),
    ];
    let lines = access_lines(&[("ACTON_LOG__FORMAT", "json")], &asked).await;
    // Probes are not worth a line.
    assert_eq!(lines.len(), 2, "{lines:?}");
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(line["level"], "INFO");
    let (fields, span) = (&line["fields"], &line["span"]);
    assert_eq!(fields["route"], "/tasks/{id}");
    assert_eq!(fields["status"], 200);
    assert!(fields["millis"].as_f64().is_some());
    assert_eq!(fields["htmx"], "part");
    assert_eq!(span["method"], "GET");
    assert_eq!(span["path"], "/tasks/7");
    assert_eq!(span["id"], "asked-by-the-test");
    assert!(lines[1].contains("boosted"), "{lines:?}");

    let lines = access_lines(&[], &[("/nowhere?token=hunter2", "")]).await;
    assert!(
        lines[0].contains("status=404") && lines[0].contains("method=GET"),
        "{lines:?}"
    );
    assert!(
        !lines[0].contains("hunter2") && !lines[0].contains("htmx"),
        "{lines:?}"
    );
}
