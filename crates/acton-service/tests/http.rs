//! What a browser sees of a service, through the whole stack.
#![cfg(feature = "htmx-full")]
#![cfg_attr(
    feature = "htmx-full",
    expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

use acton_service::{BodyLimit, prelude::*};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
};
use tower::ServiceExt;

async fn panicking() -> &'static str {
    panic!("SECRET")
}

/// Panics before its handler is even called.
struct PanickingExtractor;

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for PanickingExtractor {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut http::request::Parts, _: &S) -> Result<Self, Infallible> {
        panic!("SECRET")
    }
}

async fn slow() -> &'static str {
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    "late"
}

async fn failing() -> Result<Html<&'static str>> {
    Err(Error::other("SECRET of the database"))
}

async fn length(body: Bytes) -> String {
    body.len().to_string()
}

/// Reads the body without any of axum's extractors.
async fn raw_length(request: Request) -> Result<String> {
    let bytes = to_bytes(request.into_body(), usize::MAX)
        .await
        .map_err(Error::other)?;
    Ok(bytes.len().to_string())
}

fn routes() -> VersionedRoutes {
    VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| router.route("/fail", get(failing)))
        .with_frontend_routes(|router| {
            router
                .route("/", get(|| async { Html("<h1>Hello</h1>") }))
                .route("/panic", get(panicking))
                .route("/panic/extractor", get(|_: PanickingExtractor| async {}))
                .route("/slow", get(slow))
                .route("/fail", get(failing))
                .route("/length", post(length))
                .route("/raw", post(raw_length))
                .route("/upload", post(length).layer(BodyLimit::bytes(4 << 20)))
                .route(
                    "/client",
                    get(|client: ClientAddr| async move { client.to_string() }),
                )
        })
        .build_routes()
}

fn app(change: impl FnOnce(&mut Config)) -> Router {
    let mut config = Config::default();
    change(&mut config);
    ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes())
        .build()
        .into_router()
}

async fn ask(router: Router, request: http::request::Builder) -> Response {
    router
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

async fn browse(path: &str) -> Response {
    ask(
        app(|_| {}),
        Request::get(path).header("accept", "text/html"),
    )
    .await
}

async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_answer_carries_careful_headers_and_an_id() {
    for path in [
        "/",
        "/nowhere",
        "/panic",
        "/fail",
        "/length",
        "/health",
        "/api/v1/fail",
    ] {
        let response = browse(path).await;
        assert_eq!(
            header(&response, "x-content-type-options"),
            "nosniff",
            "{path}"
        );
        assert_eq!(
            header(&response, "referrer-policy"),
            "strict-origin-when-cross-origin",
            "{path}"
        );
        assert!(!header(&response, "x-request-id").is_empty(), "{path}");
        assert_eq!(header(&response, "strict-transport-security"), "", "{path}");
    }
}

#[tokio::test]
async fn pages_and_error_pages_carry_a_content_security_policy() {
    for path in ["/", "/nowhere", "/panic", "/fail"] {
        let response = browse(path).await;
        let policy = header(&response, "content-security-policy");
        assert!(
            policy.contains("object-src 'none'; base-uri 'none'"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
    }
}

#[tokio::test]
async fn only_an_https_origin_demands_https() {
    let app = app(|config| config.service.public_origin = "https://example.org".to_owned());
    let response = ask(app, Request::get("/nowhere")).await;
    assert_eq!(
        header(&response, "strict-transport-security"),
        "max-age=63072000; includeSubDomains"
    );
}

#[tokio::test]
async fn a_panic_is_a_generic_500_with_the_id_of_the_request() {
    for path in ["/panic", "/panic/extractor"] {
        let response = browse(path).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let id = header(&response, "x-request-id").to_owned();
        let page = text(response).await;
        assert!(page.contains(&id), "{page}");
        assert!(!page.contains("SECRET"), "{page}");
    }
}

#[tokio::test]
async fn an_error_is_a_page_for_a_browser_and_problem_json_for_the_api() {
    let page = browse("/fail").await;
    assert_eq!(header(&page, "content-type"), "text/html; charset=utf-8");
    assert!(!text(page).await.contains("SECRET"));
    let problem = ask(app(|_| {}), Request::get("/api/v1/fail")).await;
    assert_eq!(problem.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(header(&problem, "content-type"), "application/problem+json");
    assert!(!text(problem).await.contains("SECRET"));
}

#[tokio::test]
async fn htmx_shows_an_error_where_the_page_shows_errors() {
    let request = Request::get("/fail").header("hx-request", "true");
    let response = ask(app(|_| {}), request).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(header(&response, "hx-retarget"), "#errors");
    assert!(!text(response).await.contains("<!doctype"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_over_the_limit_is_answered_503() {
    let app = app(|config| config.limits.request_timeout = std::time::Duration::from_secs(1));
    let response = ask(app, Request::get("/slow")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&response, "retry-after"), "1");
}

async fn send(path: &str, body: Body) -> StatusCode {
    let request = Request::post(path).header("content-type", "application/octet-stream");
    app(|_| {})
        .oneshot(request.body(body).unwrap())
        .await
        .unwrap()
        .status()
}

fn chunked(bytes: usize) -> Body {
    let chunks = (0..bytes.div_ceil(1024)).map(|_| Ok::<_, Infallible>(vec![b'x'; 1024]));
    Body::from_stream(stream::iter(chunks))
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_whoever_reads_it() {
    let too_large = 2 * 1024 * 1024 + 1;
    for path in ["/length", "/raw"] {
        assert_eq!(
            send(path, Body::from(vec![b'x'; too_large])).await,
            StatusCode::PAYLOAD_TOO_LARGE,
            "{path}"
        );
        assert_eq!(
            send(path, chunked(too_large)).await,
            StatusCode::PAYLOAD_TOO_LARGE,
            "{path}"
        );
        assert_eq!(
            send(path, chunked(2 * 1024 * 1024)).await,
            StatusCode::OK,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_route_may_take_larger_bodies() {
    assert_eq!(send("/upload", chunked(3 << 20)).await, StatusCode::OK);
    assert_eq!(
        send("/upload", chunked((4 << 20) + 1024)).await,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn the_configured_body_limit_holds_upwards_too() {
    let app = app(|config| config.limits.body = 5 << 20);
    let request = Request::post("/length")
        .body(Body::from(vec![b'x'; 3 << 20]))
        .unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn only_listed_hosts_are_answered_and_probes_always() {
    let app = app(|config| config.service.allowed_hosts = vec!["example.org".to_owned()]);
    let status = |host, path| {
        let request = Request::get(path).header("host", host);
        let answer = ask(app.clone(), request);
        async move { answer.await.status() }
    };
    assert_eq!(status("example.org", "/").await, StatusCode::OK);
    assert_eq!(
        status("evil.example", "/").await,
        StatusCode::MISDIRECTED_REQUEST
    );
    assert_eq!(status("10.0.0.7:3000", "/health").await, StatusCode::OK);
    // Without numbers it is a path as any other.
    assert_eq!(
        status("10.0.0.7:3000", "/metrics").await,
        StatusCode::MISDIRECTED_REQUEST
    );
    // As HAProxy asks, unless it is told what to say.
    let old = |path| Request::get(path).version(http::Version::HTTP_10);
    let answer = ask(app.clone(), old("/ready")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = ask(app.clone(), old("/")).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_page_that_a_session_may_have_shaped_is_not_stored() {
    let request = Request::get("/").header("cookie", "theme=dark; id=abc");
    assert_eq!(
        header(&ask(app(|_| {}), request).await, "cache-control"),
        "no-store"
    );
    let request = Request::get("/").header("cookie", "theme=dark");
    assert_eq!(
        header(&ask(app(|_| {}), request).await, "cache-control"),
        ""
    );
}

#[tokio::test]
async fn a_hostile_request_id_is_replaced() {
    let request = Request::get("/").header("x-request-id", "evil\"><x");
    assert!(!header(&ask(app(|_| {}), request).await, "x-request-id").contains('<'));
}

#[tokio::test]
async fn other_origins_may_not_read_until_they_are_listed() {
    let preflight = || {
        Request::options("/length")
            .header("origin", "https://app.example.org")
            .header("access-control-request-method", "POST")
    };
    let closed = ask(app(|_| {}), preflight()).await;
    assert_eq!(header(&closed, "access-control-allow-origin"), "");
    let open =
        app(|config| config.cors.allowed_origins = vec!["https://app.example.org".to_owned()]);
    let open = ask(open, preflight()).await;
    assert_eq!(
        header(&open, "access-control-allow-origin"),
        "https://app.example.org"
    );
}

#[tokio::test]
async fn a_dependency_that_fails_makes_the_service_unready_without_saying_why() {
    let service = ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_readiness_check("search", || async {
            Err::<(), _>("connect to search:secret@10.0.0.9 failed")
        })
        .with_readiness_check("mail", || async { Ok::<(), &str>(()) });
    let response = ask(service.build().into_router(), Request::get("/ready")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = text(response).await;
    assert!(
        body.contains(r#""search":"unavailable""#) && body.contains(r#""mail":"ready""#),
        "{body}"
    );
    assert!(!body.contains("secret"), "{body}");
}

#[tokio::test]
async fn health_tells_the_version_of_the_application() {
    let service = ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_version("9.9.9");
    let body = text(ask(service.build().into_router(), Request::get("/health")).await).await;
    assert!(body.contains(r#""version":"9.9.9""#), "{body}");
}

#[tokio::test]
async fn a_route_of_the_service_cannot_be_taken() {
    for path in ["/health", "/ready", "/_acton/{*file}"] {
        let routes = VersionedApiBuilder::new()
            .with_frontend_routes(|router| router.route(path, get(|| async {})));
        let built = ServiceBuilder::new()
            .with_config(Config::<()>::default())
            .with_routes(routes.build_routes())
            .try_build();
        let told = built
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(told.contains(path), "{told}");
    }
}

#[tokio::test]
async fn a_wildcard_of_the_application_leaves_the_service_its_routes() {
    let routes = VersionedApiBuilder::new()
        .with_frontend_routes(|router| router.route("/{*path}", get(|| async { "wild" })));
    let router = ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_routes(routes.build_routes())
        .build()
        .into_router();
    assert!(
        text(ask(router.clone(), Request::get("/health")).await)
            .await
            .contains("alive")
    );
    assert_eq!(text(ask(router, Request::get("/else")).await).await, "wild");
}

#[tokio::test]
async fn a_service_with_sessions_refuses_a_form_without_a_token() {
    let service = ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_routes(routes())
        .with_sessions();
    let response = ask(service.build().into_router(), Request::post("/length")).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn settings_that_contradict_each_other_stop_the_start() {
    let mut config: Config = Config::default();
    config.session.same_site = acton_service::session::SameSite::None;
    let built = ServiceBuilder::new()
        .with_config(config)
        .with_sessions()
        .try_build();
    assert!(built.err().unwrap().to_string().contains("same_site"));
}

#[cfg(feature = "assets")]
#[tokio::test]
async fn the_scripts_come_from_our_own_origin_and_may_be_kept() {
    let path = acton_service::htmx::assets::script_path(HtmxVersion::V2, true);
    let response = browse(path).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(header(&response, "cache-control").contains("immutable"));
    assert_eq!(
        browse("/_acton/nothing.js").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[cfg(feature = "compression")]
#[tokio::test]
async fn pages_are_compressed_where_asked_for_and_event_streams_never() {
    use axum::response::sse::{Event, Sse};

    let events = || async {
        Sse::new(stream::iter([Ok::<_, Infallible>(
            Event::default().data("x".repeat(500)),
        )]))
    };
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/", get(|| async { Html("<p>text</p>".repeat(100)) }))
            .route("/events", get(events))
    });
    let router = ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_routes(routes.build_routes())
        .with_compression()
        .build()
        .into_router();
    let asked = |path: &'static str| Request::get(path).header("accept-encoding", "gzip, br");
    let page = ask(router.clone(), asked("/")).await;
    assert!(!header(&page, "content-encoding").is_empty());
    assert!(
        header(&page, "vary")
            .to_lowercase()
            .contains("accept-encoding")
    );
    let events = ask(router, asked("/events")).await;
    assert_eq!(header(&events, "content-encoding"), "");
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn prometheus_reads_what_was_answered() {
    let service = ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_routes(routes())
        .with_gauge("tasks", "Tasks on the board.", || 3.0);
    let router = service.build().into_router();
    ask(router.clone(), Request::get("/fail")).await;
    ask(router.clone(), Request::get("/nowhere?token=SECRET")).await;
    // Who comes from nowhere that is known may be anybody.
    let unknown = ask(router.clone(), Request::get("/metrics")).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let here = axum::extract::ConnectInfo(std::net::SocketAddr::from(([127, 0, 0, 1], 40_000)));
    let asked = Request::get("/metrics").header("host", "localhost");
    let response = ask(router, asked.extension(here)).await;
    assert!(header(&response, "content-type").starts_with("text/plain; version=0.0.4"));
    let page = text(response).await;
    let failed =
        r#"_count{http_request_method="GET",http_route="/fail",http_response_status_code="500"} 1"#;
    assert!(page.contains(failed), "{page}");
    let unknown =
        r#"_count{http_request_method="GET",http_route="",http_response_status_code="404"} 1"#;
    assert!(page.contains(unknown), "{page}");
    assert!(page.contains("http_server_active_requests 1\n"), "{page}");
    assert!(page.contains("\nacton_requests_shed_total 0\n"), "{page}");
    assert!(
        page.contains("\ntasks 3\n") && !page.contains("SECRET"),
        "{page}"
    );
}

#[tokio::test]
async fn style_sheets_may_be_stored_also_by_those_with_a_session() {
    let css = || async { ([("content-type", "text/css")], "p {}") };
    let routes = VersionedApiBuilder::new()
        .with_frontend_routes(|router| router.route("/app.css", get(css)));
    let service = ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_routes(routes.build_routes());
    let request = Request::get("/app.css").header("cookie", "id=abc");
    assert_eq!(
        header(
            &ask(service.build().into_router(), request).await,
            "cache-control"
        ),
        ""
    );
}
