//! 503 at once for what is too much.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use acton_service::prelude::*;
use axum::response::sse::{Event, Sse};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use crate::{ask, get_from, header, service, status, text};

fn from_anywhere(path: &str) -> http::request::Builder {
    get_from("192.0.2.1", path)
}

/// Waits until the test opens the gate.
async fn gate(Extension(gate): Extension<Arc<Semaphore>>) -> &'static str {
    gate.acquire().await.unwrap().forget();
    "through"
}

async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::pending())
}

async fn panics() {
    panic!("SECRET")
}

/// A service that answers so many requests at once, and the gate of its slow route.
fn narrow(requests: usize) -> (Router, Arc<Semaphore>) {
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/", get(|| async { "hello" }))
            .route("/gate", get(gate))
            .route("/panics", get(panics))
            .route("/events", get(events))
    });
    let gate = Arc::new(Semaphore::new(0));
    let limit = |config: &mut Config| config.limits.requests = requests;
    let router = service(limit, routes.build_routes()).with_state(Arc::clone(&gate));
    (router.build().into_router(), gate)
}

/// Asks, and waits until the handler is reached.
fn begin(router: &Router) -> tokio::task::JoinHandle<u16> {
    let router = router.clone();
    tokio::spawn(async move { status(&router, from_anywhere("/gate")).await })
}

#[tokio::test]
async fn one_request_too_many_is_refused_at_once_and_probes_are_answered() {
    let (router, gate) = narrow(3);
    let slow: Vec<_> = (0..3).map(|_| begin(&router)).collect();
    tokio::task::yield_now().await;

    let begun = Instant::now();
    let request = from_anywhere("/").header("accept", "text/html");
    let refused = ask(&router, request).await;
    assert!(begun.elapsed() < Duration::from_millis(50));
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&refused, "retry-after"), "1");
    assert_eq!(header(&refused, "x-content-type-options"), "nosniff");
    assert!(text(refused).await.contains("<!doctype html>"));
    for probe in ["/health", "/ready"] {
        assert_eq!(status(&router, from_anywhere(probe)).await, 200);
    }

    gate.add_permits(3);
    for slow in slow {
        assert_eq!(slow.await.unwrap(), 200);
    }
    assert_eq!(status(&router, from_anywhere("/")).await, 200);
}

#[tokio::test]
async fn a_client_that_leaves_and_a_handler_that_panics_make_room() {
    let (router, _gate) = narrow(1);
    for _ in 0..3 {
        let slow = begin(&router);
        tokio::task::yield_now().await;
        assert_eq!(status(&router, from_anywhere("/")).await, 503);
        slow.abort();
        assert!(slow.await.unwrap_err().is_cancelled());
        assert_eq!(status(&router, from_anywhere("/")).await, 200);
        assert_eq!(status(&router, from_anywhere("/panics")).await, 500);
    }
}

#[tokio::test]
async fn an_open_event_stream_takes_no_place() {
    let (router, _gate) = narrow(1);
    let mut streams = Vec::new();
    for _ in 0..10 {
        let stream = ask(&router, from_anywhere("/events")).await;
        assert_eq!(stream.status(), StatusCode::OK);
        streams.push(stream);
    }
    assert_eq!(status(&router, from_anywhere("/")).await, 200);
}

#[tokio::test]
async fn without_a_setting_there_is_room_for_two_thousand() {
    let (router, gate) = narrow(Config::<()>::default().limits.requests);
    let slow: Vec<_> = (0..2_000).map(|_| begin(&router)).collect();
    let full = async {
        while status(&router, from_anywhere("/")).await != 503 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), full).await.unwrap();
    gate.add_permits(2_000);
    for slow in slow {
        assert_eq!(slow.await.unwrap(), 200);
    }
}

/// Four workers, each of which needs 20 ms for a request: 200 requests a second.
static WORKERS: Semaphore = Semaphore::const_new(4);
static AT_ONCE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

async fn work() -> &'static str {
    MOST.fetch_max(AT_ONCE.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    let worker = WORKERS.acquire().await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    drop(worker);
    AT_ONCE.fetch_sub(1, Ordering::SeqCst);
    "done"
}

/// Three times as much as can be done, for three seconds of a clock that only the test moves.
#[tokio::test(start_paused = true)]
async fn under_overload_as_much_is_done_as_without_and_refusals_come_at_once() {
    let routes =
        VersionedApiBuilder::new().with_frontend_routes(|router| router.route("/work", get(work)));
    let limit = |config: &mut Config| config.limits.requests = 20;
    let router = service(limit, routes.build_routes()).build().into_router();

    let ask_once = || {
        let router = router.clone();
        tokio::spawn(async move {
            let begun = Instant::now();
            let status = status(&router, from_anywhere("/work")).await;
            (status, begun.elapsed())
        })
    };
    let mut asked = Vec::new();
    for _ in 0..600 {
        // 600 requests a second.
        asked.extend([ask_once(), ask_once(), ask_once()]);
        let probe = timeout(
            Duration::from_millis(50),
            status(&router, from_anywhere("/health")),
        );
        assert_eq!(probe.await.unwrap(), 200);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut done = 0;
    for answer in asked {
        match answer.await.unwrap() {
            (200, took) => {
                done += 1;
                // Twenty before it at most, four at a time.
                assert!(took <= Duration::from_millis(150), "{took:?}");
            }
            (503, took) => assert!(took <= Duration::from_millis(5), "{took:?}"),
            (other, _) => panic!("{other}"),
        }
    }
    // Three seconds at 200 a second.
    assert!(done >= 600 * 8 / 10, "{done}");
    assert!(MOST.load(Ordering::SeqCst) <= 20);
}
