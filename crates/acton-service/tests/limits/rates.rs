//! 429 for those who ask too often.

use std::time::Duration;

use acton_service::{Rate, RateLimit, prelude::*};
use futures_util::future::join_all;

use crate::{ask, get_from, header, service, status, text};

fn hello() -> VersionedRoutes {
    VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| {
            router.route("/hello", get(|| async { "hello" }))
        })
        .with_frontend_routes(|router| router.route("/", get(|| async { "hello" })))
        .build_routes()
}

/// A service that answers each client three times an hour.
fn three_an_hour() -> Router {
    let limit = |config: &mut Config| {
        config.limits.requests_per_client = Some(Rate::per_hour(3));
        config.service.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    };
    service(limit, hello()).build().into_router()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let router = three_an_hour();
    for _ in 0..3 {
        assert_eq!(status(&router, get_from("192.0.2.1", "/")).await, 200);
    }
    let refused = ask(&router, get_from("192.0.2.1", "/")).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&refused, "retry-after"), "1200");
    assert_eq!(header(&refused, "x-content-type-options"), "nosniff");
    assert_eq!(status(&router, get_from("192.0.2.2", "/")).await, 200);
    tokio::time::advance(Duration::from_secs(1200)).await;
    assert_eq!(status(&router, get_from("192.0.2.1", "/")).await, 200);
    assert_eq!(status(&router, get_from("192.0.2.1", "/")).await, 429);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_dressed_as_every_other_error() {
    let router = three_an_hour();
    for _ in 0..3 {
        ask(&router, get_from("192.0.2.1", "/")).await;
    }
    let request = get_from("192.0.2.1", "/").header("accept", "text/html");
    let page = ask(&router, request).await;
    let id = header(&page, "x-request-id").to_owned();
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    let page = text(page).await;
    assert!(page.contains(&id) && page.contains("20 minutes"), "{page}");

    let request = get_from("192.0.2.1", "/").header("hx-request", "true");
    let fragment = ask(&router, request).await;
    assert_eq!(header(&fragment, "hx-retarget"), "#errors");
    assert!(!text(fragment).await.contains("<!doctype"));

    let problem = ask(&router, get_from("192.0.2.1", "/api/v1/hello")).await;
    assert_eq!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&problem, "content-type"), "application/problem+json");
    assert_eq!(header(&problem, "retry-after"), "1200");
}

#[tokio::test(start_paused = true)]
async fn probes_are_answered_however_often_they_come() {
    let router = three_an_hour();
    for _ in 0..20 {
        assert_eq!(status(&router, get_from("192.0.2.1", "/health")).await, 200);
        assert_eq!(status(&router, get_from("192.0.2.1", "/ready")).await, 200);
    }
    assert_eq!(status(&router, get_from("192.0.2.1", "/")).await, 200);
}

#[tokio::test(start_paused = true)]
async fn behind_a_trusted_proxy_each_client_counts_for_itself_and_nobody_can_choose_who_it_is() {
    let router = three_an_hour();
    let through = |peer: &str, client: &str| get_from(peer, "/").header("x-forwarded-for", client);
    for _ in 0..3 {
        assert_eq!(status(&router, through("10.0.0.1", "192.0.2.1")).await, 200);
    }
    assert_eq!(status(&router, through("10.0.0.1", "192.0.2.1")).await, 429);
    assert_eq!(status(&router, through("10.0.0.1", "192.0.2.2")).await, 200);
    // What a client writes in front of its own address changes nothing.
    let forged = through("10.0.0.1", "192.0.2.77, 192.0.2.1");
    assert_eq!(status(&router, forged).await, 429);
    for number in 0..3 {
        let forged = through("192.0.2.3", &format!("198.51.100.{number}"));
        assert_eq!(status(&router, forged).await, 200);
    }
    let forged = through("192.0.2.3", "198.51.100.200");
    assert_eq!(status(&router, forged).await, 429);
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_client_cannot_hide_in_its_own_network() {
    let router = three_an_hour();
    for host in 1..=3 {
        let address = format!("2001:db8:0:1::{host}");
        assert_eq!(status(&router, get_from(&address, "/")).await, 200);
    }
    assert_eq!(
        status(&router, get_from("2001:db8:0:1:f::9", "/")).await,
        429
    );
    assert_eq!(status(&router, get_from("2001:db8:0:2::1", "/")).await, 200);
}

#[tokio::test(start_paused = true)]
async fn requests_at_the_same_time_are_counted_one_by_one() {
    let router = three_an_hour();
    let requests = (0..50).map(|_| status(&router, get_from("192.0.2.1", "/")));
    let answered = join_all(requests).await;
    let passed = answered.iter().filter(|status| **status == 200).count();
    assert_eq!(passed, 3, "{answered:?}");
    assert!(answered.iter().all(|status| matches!(status, 200 | 429)));
}

#[tokio::test(start_paused = true)]
async fn a_route_may_have_a_limit_of_its_own() {
    let limited = || async { "limited" };
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        let limit = RateLimit::per_client(Rate::per_minute(2));
        router
            .route("/search", get(limited).layer(limit))
            .route("/free", get(limited))
    });
    let router = service(|_| {}, routes.build_routes()).build().into_router();
    for expected in [200, 200, 429, 429] {
        assert_eq!(
            status(&router, get_from("192.0.2.1", "/search")).await,
            expected
        );
        assert_eq!(status(&router, get_from("192.0.2.1", "/free")).await, 200);
    }
    assert_eq!(status(&router, get_from("192.0.2.2", "/search")).await, 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_dear_may_be_limited_for_all_together_route_by_route() {
    let report = |Path(year): Path<u32>| async move { year.to_string() };
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/reports/{year}", get(report))
            .route("/exports/{year}", get(report))
            .layer(RateLimit::per_route(Rate::per_minute(2)))
    });
    let router = service(|_| {}, routes.build_routes()).build().into_router();
    for (client, expected) in [(1, 200), (2, 200), (3, 429)] {
        let client = format!("192.0.2.{client}");
        let request = get_from(&client, &format!("/reports/{expected}"));
        assert_eq!(status(&router, request).await, expected);
    }
    assert_eq!(
        status(&router, get_from("192.0.2.1", "/exports/1")).await,
        200
    );
}

async fn login(auth: TypedSession<AuthSession>, Path(name): Path<String>) -> Result<&'static str> {
    let mut auth = auth;
    auth.login(name).await?;
    Ok("welcome")
}

fn users(change: impl FnOnce(&mut Config)) -> Router {
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/login/{name}", get(login))
            .route("/", get(|| async { "hello" }))
    });
    let limit = |config: &mut Config| {
        config.limits.requests_per_user = Some(Rate::per_hour(3));
        change(config);
    };
    service(limit, routes.build_routes())
        .with_sessions()
        .build()
        .into_router()
}

/// Logs in from an address of its own, and brings the cookie.
async fn logged_in(router: &Router, address: &str, name: &str) -> String {
    let answer = ask(router, get_from(address, &format!("/login/{name}"))).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let cookie = header(&answer, "set-cookie").split(';').next();
    cookie.unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_user_counts_once_wherever_they_are_logged_in() {
    let router = users(|_| {});
    let desk = logged_in(&router, "192.0.2.1", "alice").await;
    let phone = logged_in(&router, "192.0.2.2", "alice").await;
    let bob = logged_in(&router, "192.0.2.3", "bob").await;
    let from = |address, cookie: &str| get_from(address, "/").header("cookie", cookie.to_owned());
    assert_eq!(status(&router, from("192.0.2.4", &desk)).await, 200);
    assert_eq!(status(&router, from("192.0.2.5", &phone)).await, 200);
    assert_eq!(status(&router, from("192.0.2.6", &desk)).await, 200);
    let refused = ask(&router, from("192.0.2.7", &phone)).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&refused, "retry-after"), "1200");
    assert_eq!(status(&router, from("192.0.2.7", &bob)).await, 200);
    let probe = get_from("192.0.2.7", "/health").header("cookie", phone);
    assert_eq!(status(&router, probe).await, 200);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_logged_in_counts_by_client() {
    let router = users(|_| {});
    for expected in [200, 200, 200, 429] {
        assert_eq!(status(&router, get_from("192.0.2.1", "/")).await, expected);
    }
    assert_eq!(status(&router, get_from("192.0.2.2", "/")).await, 200);
}

#[test]
fn users_cannot_be_counted_where_nobody_logs_in() {
    let limit = |config: &mut Config| config.limits.requests_per_user = Some(Rate::per_hour(3));
    let told = service(limit, hello())
        .try_build()
        .err()
        .unwrap()
        .to_string();
    assert!(told.contains("limits.requests_per_user"), "{told}");
}
