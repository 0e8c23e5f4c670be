//! What the protocol costs: reading every header, and an answer with three more targets.

use std::hint::black_box;

use acton_htmx::{
    Fragments, Htmx, HxBoosted, HxCurrentUrl, HxEvent, HxHistoryRestoreRequest, HxPTag, HxPrompt,
    HxRequest, HxRequestType, HxTarget, HxTargetTag, HxTrigger, HxTriggerName, HxTriggerTag,
    Markup, OutOfBandSwap,
};
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue},
    response::IntoResponse,
};
use criterion::{Criterion, criterion_group, criterion_main};

fn request(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let lines = lines.iter().map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    });
    lines.collect()
}

/// What an extractor of every kind finds.
fn extract(headers: &HeaderMap) {
    black_box(Htmx::from_headers(headers));
    black_box(HxRequest::from_headers(headers));
    black_box(HxBoosted::from_headers(headers));
    black_box(HxHistoryRestoreRequest::from_headers(headers));
    black_box(HxTarget::from_headers(headers));
    black_box(HxTargetTag::from_headers(headers));
    black_box(HxTrigger::from_headers(headers));
    black_box(HxTriggerTag::from_headers(headers));
    black_box(HxTriggerName::from_headers(headers));
    black_box(HxPTag::from_headers(headers));
    black_box(HxPrompt::from_headers(headers));
    black_box(HxCurrentUrl::from_headers(headers));
    black_box(HxRequestType::from_headers(headers));
}

fn extraction(criterion: &mut Criterion) {
    let plain = request(&[("accept", "text/html"), ("cookie", "id=1")]);
    let v2 = request(&[
        ("hx-request", "true"),
        ("hx-trigger", "btn"),
        ("hx-trigger-name", "q"),
        ("hx-target", "out"),
        ("hx-current-url", "http://localhost:3000/tasks?page=1#top"),
    ]);
    let v4 = request(&[
        ("hx-request", "true"),
        ("hx-source", "button#btn"),
        ("hx-target", "div#out"),
        ("hx-request-type", "partial"),
        ("hx-current-url", "http://localhost:3000/tasks?page=1#top"),
    ]);
    for (name, headers) in [("plain", plain), ("htmx 2", v2), ("htmx 4", v4)] {
        criterion.bench_function(&format!("extract every header, {name}"), |bencher| {
            bencher.iter(|| extract(black_box(&headers)));
        });
    }
}

fn fragment(criterion: &mut Criterion) {
    let row = "<tr id=\"row-1\"><td>Milk</td><td>2 l</td></tr>";
    criterion.bench_function("fragment with three parts and an event", |bencher| {
        bencher.iter(|| {
            let fragments = Fragments::new(Markup::trusted(row))
                .and(OutOfBandSwap::replace("row-2", Markup::trusted(row)))
                .and(OutOfBandSwap::update(
                    "task-count",
                    Markup::escaped(black_box(3)),
                ))
                .and(OutOfBandSwap::append("flash", Markup::escaped("Saved <b>")));
            black_box((HxEvent::new("saved"), fragments).into_response())
        });
    });
}

criterion_group!(benches, extraction, fragment);
criterion_main!(benches);
