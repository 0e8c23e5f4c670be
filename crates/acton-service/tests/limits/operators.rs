//! Numbers can be read when there is too much to do, and by nobody else than before.

use acton_service::{Rate, prelude::*};

use crate::{get_from, service, status};

/// A route that never answers, and one that takes every path.
fn routes() -> VersionedRoutes {
    VersionedApiBuilder::new()
        .with_frontend_routes(|router| {
            router
                .route("/late", get(std::future::pending::<()>))
                .route("/{*path}", get(|| async { "a page" }))
        })
        .build_routes()
}

/// A service with room for one request, which is taken.
async fn full(service: ServiceBuilder) -> Router {
    let router = service.build().into_router();
    let busy = router.clone();
    tokio::spawn(async move { status(&busy, get_from("192.0.2.1", "/late")).await });
    tokio::task::yield_now().await;
    router
}

fn narrow(config: &mut Config) {
    config.limits.requests = 1;
}

fn numbers_aside(config: &mut Config) {
    narrow(config);
    config.metrics.bind = Some(([127, 0, 0, 1], 0).into());
}

fn for_one_host(config: &mut Config) {
    config.service.allowed_hosts = vec!["example.org".to_owned()];
}

#[tokio::test]
async fn a_service_that_is_full_answers_who_may_read_its_numbers_and_nobody_else() {
    let router = full(service(narrow, routes()).with_metrics()).await;
    for (client, expected) in [("10.0.0.7", 200), ("192.0.2.1", 503)] {
        let asked = status(&router, get_from(client, "/metrics")).await;
        assert_eq!(asked, expected, "{client}");
        assert_eq!(status(&router, get_from(client, "/health")).await, 200);
    }
}

#[tokio::test]
async fn where_no_numbers_are_read_their_path_is_as_any_other() {
    let aside = service(numbers_aside, routes()).with_metrics();
    for service in [service(narrow, routes()), aside] {
        let router = full(service).await;
        assert_eq!(status(&router, get_from("10.0.0.7", "/metrics")).await, 503);
    }
}

/// A page of a stranger can make a browser inside the network ask, when the stranger's name leads there.
#[tokio::test]
async fn no_name_that_a_stranger_may_own_leads_to_the_numbers() {
    let router = service(for_one_host, routes()).with_metrics();
    let router = router.build().into_router();
    for (host, expected) in [
        ("example.org", 200),
        ("10.0.0.1:3000", 200),
        ("[fd00::1]:3000", 200),
        ("shop:3000", 200),
        ("localhost", 200),
        ("evil.example:3000", 421),
        ("10.0.0.1.evil.example", 421),
        ("com.", 421),
    ] {
        let mut request = get_from("10.0.0.7", "/metrics");
        let value = http::HeaderValue::from_static(host);
        request.headers_mut().unwrap().insert("host", value);
        assert_eq!(status(&router, request).await, expected, "{host}");
    }
}

#[tokio::test]
async fn who_may_read_numbers_may_ask_by_address_and_nobody_else() {
    let router = service(for_one_host, routes()).with_metrics();
    let router = router.build().into_router();
    assert_eq!(status(&router, get_from("10.0.0.7", "/metrics")).await, 200);
    assert_eq!(
        status(&router, get_from("192.0.2.1", "/metrics")).await,
        421
    );
}

#[tokio::test(start_paused = true)]
async fn numbers_are_read_as_often_as_an_operator_likes() {
    let limit = |config: &mut Config| {
        config.limits.requests_per_client = Some(Rate::per_hour(1));
        config.limits.requests_per_user = Some(Rate::per_hour(1));
    };
    let service = service(limit, routes()).with_sessions().with_metrics();
    let router = service.build().into_router();
    for _ in 0..5 {
        assert_eq!(status(&router, get_from("10.0.0.7", "/metrics")).await, 200);
    }
    for expected in [404, 429] {
        let asked = status(&router, get_from("192.0.2.1", "/metrics")).await;
        assert_eq!(asked, expected);
    }
}
