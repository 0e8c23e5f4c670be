//! What one message to a thousand streams costs, beside axum's `Sse` over a broadcast channel.

use std::{convert::Infallible, hint::black_box};

use acton_sse::prelude::*;
use axum::{
    body::{Body, HttpBody},
    response::IntoResponse,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::{FutureExt, stream};
use http_body_util::BodyExt;
use tokio::sync::broadcast;

const STREAMS: usize = 1000;

fn fanout(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime");
    let _inside = runtime.enter();
    let data = "x".repeat(200);
    let mut group = criterion.benchmark_group("fanout");
    group.throughput(Throughput::Elements(STREAMS as u64));

    let broadcaster = SseBroadcaster::new();
    let stream = || {
        broadcaster
            .stream("t", LastEventId(None))
            .into_response()
            .into_body()
    };
    let mut bodies: Vec<_> = std::iter::repeat_with(stream).take(STREAMS).collect();
    drain(&mut bodies);
    group.bench_function("acton", |bencher| {
        bencher.iter(|| {
            broadcaster.publish("t", data.as_str());
            assert_eq!(drain(&mut bodies), STREAMS);
        });
    });

    let (sender, _) = broadcast::channel::<String>(256);
    let stream = || naive(sender.subscribe());
    let mut bodies: Vec<_> = std::iter::repeat_with(stream).take(STREAMS).collect();
    drain(&mut bodies);
    group.bench_function("broadcast channel", |bencher| {
        bencher.iter(|| {
            sender.send(data.clone()).expect("receivers");
            assert_eq!(drain(&mut bodies), STREAMS);
        });
    });
    group.finish();
}

/// The handler that everybody writes first.
fn naive(receiver: broadcast::Receiver<String>) -> Body {
    let events = stream::unfold(receiver, |mut receiver| async move {
        let data = receiver.recv().await.ok()?;
        Some((
            Ok::<_, Infallible>(SseEvent::default().data(data)),
            receiver,
        ))
    });
    Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response()
        .into_body()
}

/// Takes all there is, and says how many chunks that was.
fn drain(bodies: &mut [Body]) -> usize {
    let mut chunks = 0;
    for body in bodies {
        while let Some(frame) = body.frame().now_or_never() {
            assert!(!body.is_end_stream());
            black_box(frame);
            chunks += 1;
        }
    }
    chunks
}

criterion_group!(benches, fanout);
criterion_main!(benches);
