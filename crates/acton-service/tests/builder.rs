//! What each method of the builder, and of the service that it makes, does.
#![cfg(feature = "htmx-full")]
#![cfg_attr(
    feature = "htmx-full",
    expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use acton_service::prelude::*;
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    middleware::map_response,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};
use tower::ServiceExt;

/// On a free port, with a quiet log.
fn config() -> Config {
    let mut config = Config::default();
    config.service.bind = SocketAddr::from(([127, 0, 0, 1], 0));
    config.log.filter = "off".to_owned();
    config
}

/// A builder with one page, `/`.
fn builder<H, T>(page: H) -> ServiceBuilder
where
    H: axum::handler::Handler<T, ()>,
    T: 'static,
{
    let routes = VersionedApiBuilder::new()
        .with_frontend_routes(|router| router.route("/", get(page)))
        .build_routes();
    ServiceBuilder::new()
        .with_config(config())
        .with_routes(routes)
}

fn hello() -> ServiceBuilder {
    builder(|| async { "hello" })
}

async fn send(router: &Router, request: http::request::Builder) -> Response {
    let request = request.body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

async fn read(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The status and the body of this path.
async fn ask(builder: ServiceBuilder, path: &str) -> (u16, String) {
    let router = builder.build().into_router();
    let response = send(&router, Request::get(path)).await;
    (response.status().as_u16(), read(response).await)
}

/// Asked for from this machine.
#[cfg(feature = "metrics")]
fn numbers() -> http::request::Builder {
    let here = axum::extract::ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000)));
    Request::get("/metrics")
        .header("host", "localhost")
        .extension(here)
}

async fn over_tcp(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    timeout(Duration::from_secs(10), reading)
        .await
        .unwrap()
        .unwrap();
    answer
}

#[tokio::test]
async fn a_new_builder_has_no_routes_but_those_of_the_service() {
    for builder in [ServiceBuilder::new(), ServiceBuilder::default()] {
        let router = builder.with_config(config()).build().into_router();
        assert_eq!(send(&router, Request::get("/")).await.status(), 404);
        assert_eq!(send(&router, Request::get("/health")).await.status(), 200);
        assert_eq!(send(&router, Request::get("/ready")).await.status(), 200);
    }
}

#[tokio::test]
async fn with_config_uses_these_settings() {
    let mut shop = config().with_app("EUR");
    shop.service.name = "shop".to_owned();
    let (_, health) = ask(ServiceBuilder::new().with_config(shop), "/health").await;
    assert!(health.contains("\"service\":\"shop\""), "{health}");
}

#[tokio::test]
async fn with_routes_serves_them_and_a_second_call_replaces_them() {
    let again = VersionedApiBuilder::new()
        .with_frontend_routes(|router| router.route("/other", get(|| async { "other" })))
        .build_routes();
    assert_eq!(ask(hello(), "/").await, (200, "hello".to_owned()));
    let other = hello().with_routes(again.clone());
    assert_eq!(ask(other, "/other").await, (200, "other".to_owned()));
    assert_eq!(ask(hello().with_routes(again), "/").await.0, 404);
}

#[tokio::test]
async fn with_state_hands_a_value_to_every_handler() {
    let page = |Extension(word): Extension<&'static str>| async move { word };
    assert_eq!(ask(builder(page).with_state("state"), "/").await.1, "state");
    assert_eq!(ask(builder(page), "/").await.0, 500);
}

#[tokio::test]
async fn with_layer_goes_around_all_routes_and_later_ones_around_earlier_ones() {
    let append = |word: &'static str| {
        map_response(move |mut response: Response| async move {
            response
                .headers_mut()
                .append("x-order", word.parse().unwrap());
            response
        })
    };
    let service = hello()
        .with_layer(append("inner"))
        .with_layer(append("outer"));
    let router = service.build().into_router();
    for path in ["/", "/nowhere"] {
        let response = send(&router, Request::get(path)).await;
        let order: Vec<_> = response.headers().get_all("x-order").iter().collect();
        assert_eq!(order, ["inner", "outer"], "{path}");
    }
    // What the service answers itself is not the application's to change.
    let health = send(&router, Request::get("/health")).await;
    assert!(!health.headers().contains_key("x-order"));
}

#[tokio::test]
async fn with_readiness_check_is_asked_by_name() {
    let well = || async { Ok::<_, Infallible>(()) };
    let (status, ready) = ask(hello().with_readiness_check("mail", well), "/ready").await;
    assert_eq!(status, 200);
    assert!(ready.contains("\"mail\":\"ready\""), "{ready}");
    let ill = || async { Err("SECRET") };
    let (status, ready) = ask(hello().with_readiness_check("mail", ill), "/ready").await;
    assert_eq!(status, 503);
    assert!(
        ready.contains("\"mail\":\"unavailable\"") && !ready.contains("SECRET"),
        "{ready}"
    );
}

#[tokio::test]
async fn strangers_who_ask_again_and_again_ask_no_dependency() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let check = move || {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(()) }
    };
    let router = hello()
        .with_readiness_check("mail", check)
        .build()
        .into_router();
    let begun = std::time::Instant::now();
    for _ in 0..50 {
        assert_eq!(send(&router, Request::get("/ready")).await.status(), 200);
    }
    // An answer is repeated for a second.
    let most = 1 + usize::try_from(begun.elapsed().as_secs()).unwrap();
    assert!((1..=most).contains(&asked.load(Ordering::Relaxed)));
}

#[tokio::test]
async fn of_two_readiness_checks_with_one_name_the_worse_is_told() {
    let is = |well: bool| move || async move { if well { Ok(()) } else { Err("down") } };
    for order in [[true, false], [false, true]] {
        let [one, two] = order.map(is);
        let service = hello()
            .with_readiness_check("store", one)
            .with_readiness_check("store", two);
        let (status, body) = ask(service, "/ready").await;
        assert_eq!(status, 503);
        assert!(body.contains(r#""store":"unavailable""#), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_readiness_check_that_hangs_is_not_waited_for() {
    let hangs = || std::future::pending::<Result<(), Infallible>>();
    let asked = ask(hello().with_readiness_check("mail", hangs), "/ready");
    let (status, _) = timeout(Duration::from_secs(3), asked).await.unwrap();
    assert_eq!(status, 503);
}

#[tokio::test]
async fn with_sessions_gives_handlers_a_session() {
    let page = |session: Session| async move {
        session.insert("seen", true).await.map_err(Error::other)?;
        Ok::<_, Error>("stored")
    };
    let router = builder(page).with_sessions().build().into_router();
    let response = send(&router, Request::get("/")).await;
    assert!(response.headers().contains_key("set-cookie"));
    assert_eq!(read(response).await, "stored");
    assert_eq!(ask(builder(page), "/").await.0, 500);
}

#[tokio::test]
async fn with_sse_hands_out_a_broadcaster() {
    let page = |Extension(broadcaster): Extension<Arc<SseBroadcaster>>| async move {
        broadcaster.connections_of("alice").to_string()
    };
    assert_eq!(
        ask(builder(page).with_sse(), "/").await,
        (200, "0".to_owned())
    );
}

/// A board whose page names the address of its stream, and an event that falls between the two.
fn board() -> ServiceBuilder {
    let page = |ctx: TemplateContext, Extension(broadcaster): Extension<Arc<SseBroadcaster>>| async move {
        broadcaster.publish("board", "while the page was read");
        broadcaster.close("board");
        format!("/events?last-event-id={}", ctx.cursor())
    };
    let events = |Extension(broadcaster): Extension<Arc<SseBroadcaster>>, last: LastEventId| async move {
        broadcaster.stream("board", last)
    };
    let routes = VersionedApiBuilder::new()
        .with_frontend_routes(|router| router.route("/", get(page)).route("/events", get(events)))
        .build_routes();
    ServiceBuilder::new()
        .with_config(config())
        .with_routes(routes)
}

/// What the stream of a page brings, from the board's service as it is served.
async fn stream_of_a_page(builder: ServiceBuilder) -> String {
    let bound = builder.build().bind().unwrap();
    let address = bound.local_addr();
    tokio::spawn(bound.serve());
    let page = over_tcp(address, "/").await;
    let (_, stream) = page.split_once("\r\n\r\n").unwrap();
    over_tcp(address, stream).await
}

#[tokio::test]
async fn what_is_published_between_a_page_and_its_stream_arrives() {
    let broadcaster = Arc::new(SseBroadcaster::new());
    broadcaster.publish("board", "on the page already");
    for builder in [
        board().with_sse(),
        board().with_broadcaster(Arc::clone(&broadcaster)),
    ] {
        let stream = stream_of_a_page(builder).await;
        assert!(
            stream.contains("data: while the page was read\n"),
            "{stream}"
        );
        assert!(
            !stream.contains("already") && !stream.contains("gap"),
            "{stream}"
        );
    }
}

#[tokio::test]
async fn a_service_without_live_updates_has_pages_without_a_cursor() {
    let page = |ctx: TemplateContext| async move { format!("[{}]", ctx.cursor()) };
    assert_eq!(ask(builder(page), "/").await, (200, "[]".to_owned()));
}

#[tokio::test]
async fn with_broadcaster_hands_it_out_and_closes_it_with_the_service() {
    let broadcaster = Arc::new(SseBroadcaster::new());
    let given = Arc::clone(&broadcaster);
    let page = move |Extension(broadcaster): Extension<Arc<SseBroadcaster>>| {
        std::future::ready(Arc::ptr_eq(&broadcaster, &given).to_string())
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let service = builder(page)
        .with_broadcaster(Arc::clone(&broadcaster))
        .with_shutdown(async { drop(stopped.await) });
    let bound = service.build().bind().unwrap();
    let address = bound.local_addr();
    let running = tokio::spawn(bound.serve());
    assert!(over_tcp(address, "/").await.ends_with("true"));
    assert!(!broadcaster.is_closed());
    stop.send(()).unwrap();
    let ended = timeout(Duration::from_secs(10), running).await;
    ended.unwrap().unwrap().unwrap();
    assert!(broadcaster.is_closed());
}

#[cfg(feature = "auth")]
#[tokio::test]
async fn with_throttle_counts_logins_as_configured() {
    use acton_service::auth::Throttle;

    let page = |Extension(throttle): Extension<Throttle>| async move {
        let attempt = throttle.attempt("alice", [192, 0, 2, 1]).await?;
        drop(attempt);
        Ok::<_, Error>("tried")
    };
    let mut config = config();
    config.throttle.account_failures = 2;
    let service = builder(page).with_config(config).with_throttle();
    let router = service.build().into_router();
    for expected in [200, 200, 429] {
        let response = send(&router, Request::get("/")).await;
        assert_eq!(response.status().as_u16(), expected);
    }
}

#[cfg(feature = "auth")]
#[tokio::test]
async fn with_passwords_hands_out_the_queue() {
    use acton_service::auth::{PasswordConfig, Passwords};

    let passwords = Passwords::new(&PasswordConfig::default()).unwrap();
    let page =
        |Extension(passwords): Extension<Passwords>| async move { passwords.waiting().to_string() };
    let service = builder(page).with_passwords(passwords);
    #[cfg(feature = "metrics")]
    let service = service.with_metrics();
    let router = service.build().into_router();
    assert_eq!(read(send(&router, Request::get("/")).await).await, "0");
    #[cfg(feature = "metrics")]
    {
        let page = read(send(&router, numbers()).await).await;
        assert!(page.contains("\nacton_password_queue 0\n"), "{page}");
    }
}

#[cfg(feature = "cache")]
#[tokio::test]
async fn with_redis_hands_out_the_pool_and_asks_it_whether_it_is_there() {
    use acton_service::fred::{clients::Pool, interfaces::ClientLike};

    let page =
        |Extension(pool): Extension<Pool>| async move { pool.next().is_connected().to_string() };
    let mut config = config();
    // Nobody listens on the port of "discard".
    config.redis.url = "redis://127.0.0.1:9".to_owned();
    let router = builder(page)
        .with_config(config)
        .with_redis()
        .build()
        .into_router();
    assert_eq!(read(send(&router, Request::get("/")).await).await, "false");
    let ready = send(&router, Request::get("/ready")).await;
    assert_eq!(ready.status(), 503);
    let ready = read(ready).await;
    assert!(
        ready.contains("\"redis\":\"unavailable\"") && !ready.contains("127.0.0.1"),
        "{ready}"
    );
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn with_database_hands_it_out_and_asks_it_whether_it_is_there() {
    let mut settings = acton_service::DatabaseConfig::default();
    settings.url = "sqlite::memory:".to_owned();
    let database = Database::connect(&settings).await.unwrap();
    let page = |database: Database| async move { format!("{:?}", database.kind()) };
    let router = builder(page)
        .with_database(database.clone())
        .build()
        .into_router();
    assert_eq!(read(send(&router, Request::get("/")).await).await, "Sqlite");
    let ready = read(send(&router, Request::get("/ready")).await).await;
    assert!(ready.contains("\"database\":\"ready\""), "{ready}");
    assert_eq!(ask(builder(page), "/").await.0, 500);
}

#[cfg(feature = "turso")]
#[tokio::test]
async fn with_turso_hands_it_out_and_asks_it_whether_it_is_there() {
    let mut settings = acton_service::TursoConfig::default();
    settings.path = ":memory:".into();
    let database = Turso::open(&settings).await.unwrap();
    let page = |database: Turso| async move { database.ping().await.map(|()| "pong") };
    let router = builder(page).with_turso(database).build().into_router();
    assert_eq!(read(send(&router, Request::get("/")).await).await, "pong");
    let ready = read(send(&router, Request::get("/ready")).await).await;
    assert!(ready.contains("\"turso\":\"ready\""), "{ready}");
}

#[derive(Template)]
#[template(source = "<h1>Oh, {{ error.status.as_u16() }}</h1>", ext = "html")]
struct Oh {
    error: ErrorView,
}

#[tokio::test]
async fn with_error_pages_shows_the_applications_own() {
    let pages = ErrorPages::new().page(|error| Oh { error });
    let router = hello().with_error_pages(pages).build().into_router();
    let request = Request::get("/nowhere").header("accept", "text/html");
    assert_eq!(read(send(&router, request).await).await, "<h1>Oh, 404</h1>");
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn with_metrics_and_with_gauge_answer_prometheus() {
    assert_eq!(ask(hello(), "/metrics").await.0, 404);
    let read_numbers = async |builder: ServiceBuilder| {
        let response = send(&builder.build().into_router(), numbers()).await;
        assert_eq!(response.status(), StatusCode::OK);
        read(response).await
    };
    let page = read_numbers(hello().with_metrics()).await;
    assert!(page.contains("\nhttp_server_active_requests 1\n"), "{page}");
    let page = read_numbers(hello().with_gauge("tasks", "Tasks.", || 7.0)).await;
    assert!(page.contains("# TYPE tasks gauge\ntasks 7\n"), "{page}");
}

#[cfg(feature = "compression")]
#[tokio::test]
async fn with_compression_compresses_for_who_asks() {
    let page = || async { "hello ".repeat(100) };
    let encoding = async |builder: ServiceBuilder| {
        let router = builder.build().into_router();
        let request = Request::get("/").header("accept-encoding", "gzip");
        let response = send(&router, request).await;
        response.headers().get("content-encoding").cloned()
    };
    assert_eq!(encoding(builder(page)).await, None);
    assert_eq!(
        encoding(builder(page).with_compression()).await.unwrap(),
        "gzip"
    );
}

#[tokio::test]
async fn with_version_tells_health_the_version_of_the_application() {
    let (_, health) = ask(hello().with_version("9.9.9"), "/health").await;
    assert!(health.contains("\"version\":\"9.9.9\""), "{health}");
    assert!(!ask(hello(), "/health").await.1.contains("version"));
}

#[tokio::test]
async fn bind_tells_the_real_port_and_with_shutdown_ends_the_service() {
    let (stop, stopped) = oneshot::channel::<()>();
    let service = hello().with_shutdown(async { drop(stopped.await) });
    let bound = service.build().bind().unwrap();
    let address = bound.local_addr();
    assert!(address.ip().is_loopback() && address.port() != 0);
    let running = tokio::spawn(bound.serve());
    assert!(over_tcp(address, "/").await.ends_with("hello"));
    stop.send(()).unwrap();
    let ended = timeout(Duration::from_secs(10), running).await;
    ended.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn with_listener_listens_there_and_nowhere_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut config = config();
    // No address of this machine: to listen there would fail.
    config.service.bind = SocketAddr::from(([192, 0, 2, 1], 80));
    let service = hello().with_config(config).with_listener(listener).build();
    let bound = service.bind().unwrap();
    assert_eq!(bound.local_addr(), address);
    let running = tokio::spawn(bound.serve());
    assert!(over_tcp(address, "/").await.ends_with("hello"));
    running.abort();
}

#[tokio::test]
async fn serve_listens_and_returns_when_it_is_told_to_stop() {
    let served = hello()
        .with_shutdown(std::future::ready(()))
        .build()
        .serve();
    timeout(Duration::from_secs(10), served)
        .await
        .unwrap()
        .unwrap();
}

#[cfg(feature = "metrics")]
#[tokio::test]
async fn metrics_addr_is_that_of_their_own_listener() {
    let bound = hello().with_metrics().build().bind().unwrap();
    assert_eq!(bound.metrics_addr(), None);
    let mut config = config();
    config.metrics.bind = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let bound = hello()
        .with_config(config)
        .with_metrics()
        .build()
        .bind()
        .unwrap();
    let address = bound.metrics_addr().unwrap();
    assert_ne!(address, bound.local_addr());
    let running = tokio::spawn(bound.serve());
    let answer = over_tcp(address, "/metrics").await;
    assert!(answer.contains("http_server_active_requests"), "{answer}");
    running.abort();
}

/// A service that cannot be built, because its route belongs to the service itself.
fn impossible() -> ServiceBuilder {
    let routes = VersionedApiBuilder::new()
        .with_frontend_routes(|router| router.route("/health", get(|| async {})))
        .build_routes();
    ServiceBuilder::new()
        .with_config(config())
        .with_routes(routes)
}

#[tokio::test]
async fn try_build_tells_at_once_what_is_wrong_and_build_when_it_is_served() {
    let told = impossible().try_build().err().unwrap().to_string();
    assert!(told.contains("/health"), "{told}");
    assert!(hello().try_build().is_ok());
    let told = impossible().build().serve().await.unwrap_err().to_string();
    assert!(told.contains("/health"), "{told}");
    let told = impossible().build().bind().err().unwrap().to_string();
    assert!(told.contains("/health"), "{told}");
}

#[tokio::test]
async fn into_router_of_what_could_not_be_built_answers_500() {
    assert_eq!(ask(impossible(), "/").await.0, 500);
}

#[tokio::test]
async fn into_router_is_the_service_inside_another_application() {
    let inner = hello().build().into_router();
    let outer = Router::new()
        .route("/", get(|| async { "outer" }))
        .nest("/inner", inner);
    assert_eq!(read(send(&outer, Request::get("/")).await).await, "outer");
    let response = send(&outer, Request::get("/inner")).await;
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(read(response).await, "hello");
    assert_eq!(
        send(&outer, Request::get("/inner/health")).await.status(),
        200
    );
}

/// What is wrong with a configuration from a file of these lines, and what that file is called.
fn complaint(lines: &str, build: impl Fn(Config) -> Result<()>) -> (String, String) {
    let name = format!("acton-builder-{:x}.toml", getrandom::u64().unwrap());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, lines).unwrap();
    let config = Config::<()>::load_from(&file);
    std::fs::remove_file(&file).unwrap();
    let told = format!("{:?}", build(config.unwrap()).unwrap_err());
    (told, format!("({})", file.display()))
}

#[test]
fn what_shows_only_when_it_is_built_is_named_with_where_it_was_written() {
    let with_sessions = |config| {
        let service = hello().with_config(config).with_sessions();
        service.try_build().map(drop)
    };
    for (lines, key) in [
        ("[session]\nsame_site = \"none\"", "session.same_site"),
        ("[session]\nidle = \"0s\"", "session.idle"),
        (
            "[csrf]\ntrusted_origins = [\"nowhere\"]",
            "csrf.trusted_origins",
        ),
    ] {
        let (told, file) = complaint(lines, with_sessions);
        assert!(
            told.contains(&format!("the setting `{key}` {file} ")),
            "{told}"
        );
    }
    let lines = "[limits]\nrequests_per_user = \"5/1m\"";
    let (told, file) = complaint(lines, |config| {
        hello().with_config(config).try_build().map(drop)
    });
    assert!(
        told.contains(&format!("`limits.requests_per_user` {file} ")),
        "{told}"
    );
}

#[tokio::test]
async fn inside_another_application_the_way_back_is_the_whole_path() {
    let me = |user: CurrentUser| async move { user.id };
    let routes = VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| {
            router.route("/gone", get(|| async { StatusCode::GONE }))
        })
        .with_frontend_routes(|router| router.route("/me", get(me)))
        .build_routes();
    let service = ServiceBuilder::new()
        .with_config(config())
        .with_routes(routes);
    let inner = service.with_sessions().build().into_router();
    let outer = Router::new().nest("/inner", inner);
    let response = send(&outer, Request::get("/inner/me?x=1")).await;
    let login = "/login?next=%2Finner%2Fme%3Fx%3D1";
    assert_eq!(response.headers()["location"], login);
    let response = send(&outer, Request::get("/inner/api/v1/gone")).await;
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
}

#[cfg(feature = "jwt")]
#[test]
fn a_key_that_cannot_be_read_is_named_with_where_it_was_written() {
    let verifier = |config: Config| Ok(config.jwt_verifier().map(drop)?);
    let lines = "[jwt]\nalgorithm = \"HS256\"\nissuer = \"a\"\naudience = \"b\"\n\
                 secret = \"0123456789012345678901234567890123456789\"\nleeway = \"1h\"";
    let (told, file) = complaint(lines, verifier);
    assert!(told.contains(&format!("`jwt.leeway` {file}: ")), "{told}");
    let lines = "[jwt]\nalgorithm = \"ES256\"\npublic_key_file = \"/nowhere/key.pem\"\n\
                 issuer = \"a\"\naudience = \"b\"";
    let (told, file) = complaint(lines, verifier);
    assert!(
        told.contains(&format!("`jwt.public_key_file` {file} ")),
        "{told}"
    );
}

#[cfg(feature = "tls")]
#[test]
fn a_certificate_that_cannot_be_read_is_named_with_where_it_was_written() {
    let lines = "[service]\npublic_origin = \"https://a.test\"\n[tls]\n\
                 certificate_file = \"/nowhere/a.pem\"\nkey_file = \"/nowhere/key.pem\"";
    let (told, file) = complaint(lines, |config| {
        hello().with_config(config).try_build()?.bind().map(drop)
    });
    assert!(
        told.contains(&format!("`tls.certificate_file` {file} ")),
        "{told}"
    );
}
