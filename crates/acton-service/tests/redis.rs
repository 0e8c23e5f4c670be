//! Sessions in a Redis that is not there, comes, hangs and goes.
#![cfg(feature = "session-redis")]
#![cfg_attr(
    feature = "session-redis",
    expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use acton_service::{prelude::*, session::Storage};
use axum::{
    body::{Body, to_bytes},
    extract::Request,
};
use tower::ServiceExt;

#[path = "../../../tests/servers/port.rs"]
mod port;
#[path = "../../../tests/servers/redis.rs"]
mod server;

use port::free_port;

/// A Redis of this test's own, ended with it.
struct Redis(Child);

impl Redis {
    fn start(port: u16) -> Self {
        Self::start_with(port, &[])
    }

    fn start_with(port: u16, more: &[&str]) -> Self {
        let server = Command::new("redis-server")
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
            ])
            .args(more)
            .stdout(Stdio::null())
            .spawn();
        let mut process = server.unwrap();
        assert!(server::answers(&mut process, port), "the port is taken");
        Self(process)
    }

    /// One that has written down what it acknowledged.
    fn keeping(port: u16, folder: &Folder) -> Self {
        let folder = folder.0.to_str().unwrap();
        let durable = [
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--dir",
            folder,
        ];
        Self::start_with(port, &durable)
    }

    fn signal(&self, name: &str) {
        Command::new("kill")
            .args([name, &self.0.id().to_string()])
            .status()
            .unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether Redis is installed; in CI it has to be.
fn is_installed() -> bool {
    let installed = Command::new("redis-server")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    assert!(
        installed || std::env::var_os("CI").is_none(),
        "redis-server is not installed"
    );
    if !installed {
        eprintln!("skipped: install redis-server, e.g. `apt install redis-server`");
    }
    installed
}

async fn count(session: Session) -> Result<String> {
    let count = session
        .get::<u32>("count")
        .await
        .map_err(Error::other)?
        .unwrap_or(0)
        + 1;
    session.insert("count", count).await.map_err(Error::other)?;
    Ok(count.to_string())
}

async fn seen(session: Session) -> Result<String> {
    let count = session.get::<u32>("count").await.map_err(Error::other)?;
    Ok(count.unwrap_or_default().to_string())
}

fn service(port: u16) -> Router {
    let mut config: Config = Config::default();
    config.session.storage = Storage::Redis;
    config.redis.url = format!("redis://127.0.0.1:{port}");
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/", get(|| async { "public" }))
            .route("/count", get(count))
            .route("/seen", get(seen))
    });
    ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes.build_routes())
        .with_sessions()
        .build()
        .into_router()
}

async fn ask(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path)
        .header("accept", "text/html")
        .body(Body::empty())
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// Asks `/ready` until it says this, and how long that took.
async fn until_ready(router: &Router, expected: StatusCode) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if ask(router, "/ready").await.0 == expected {
            return begun.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("/ready never became {expected}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_outlives_its_redis() {
    if !is_installed() {
        return;
    }
    let port = free_port();
    let router = service(port);

    // Not there at the start.
    assert_eq!(ask(&router, "/health").await.0, StatusCode::OK);
    assert_eq!(ask(&router, "/").await.0, StatusCode::OK);
    let (status, body) = ask(&router, "/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        body.contains("sessions") && !body.contains("127.0.0.1"),
        "{body}"
    );
    let begun = Instant::now();
    assert_eq!(
        ask(&router, "/count").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );

    // There.
    let redis = Redis::start(port);
    let took = until_ready(&router, StatusCode::OK).await;
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(
        ask(&router, "/count").await,
        (StatusCode::OK, "1".to_owned())
    );

    // Hanging.
    redis.signal("-STOP");
    let took = until_ready(&router, StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(ask(&router, "/").await.0, StatusCode::OK);
    redis.signal("-CONT");
    let took = until_ready(&router, StatusCode::OK).await;
    assert!(took < Duration::from_secs(5), "{took:?}");

    // Gone and back.
    drop(redis);
    until_ready(&router, StatusCode::SERVICE_UNAVAILABLE).await;
    let redis = Redis::start(port);
    let took = until_ready(&router, StatusCode::OK).await;
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(ask(&router, "/count").await.0, StatusCode::OK);
    drop(redis);
}

#[cfg(feature = "sse-redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_names_the_live_updates_of_other_instances() {
    if !is_installed() {
        return;
    }
    let port = free_port();
    let mut config: Config = Config::default();
    config.sse.backplane = acton_service::sse::BackplaneKind::Redis;
    config.redis.url = format!("redis://127.0.0.1:{port}");
    let service = ServiceBuilder::new().with_config(config).with_sse().build();
    let router = service.into_router();
    let (status, body) = ask(&router, "/ready").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains(r#""live updates":"unavailable""#), "{body}");
    let redis = Redis::start(port);
    until_ready(&router, StatusCode::OK).await;
    let (_, body) = ask(&router, "/ready").await;
    assert!(body.contains(r#""live updates":"ready""#), "{body}");
    drop(redis);
}

/// Kills and hangs under load: what an answer acknowledged is there afterwards, and pages without a session never fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_when_redis_is_killed_or_hangs() {
    if !is_installed() {
        return;
    }
    let port = free_port();
    let folder = Folder::new();
    let mut redis = Redis::keeping(port, &folder);
    let router = service(port);
    until_ready(&router, StatusCode::OK).await;
    let load = Load::start(&router);

    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        redis.signal("-STOP");
        until_ready(&router, StatusCode::SERVICE_UNAVAILABLE).await;
        redis.signal("-CONT");
        let took = until_ready(&router, StatusCode::OK).await;
        assert!(took < Duration::from_secs(5), "{took:?}");

        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(redis);
        until_ready(&router, StatusCode::SERVICE_UNAVAILABLE).await;
        redis = Redis::keeping(port, &folder);
        let took = until_ready(&router, StatusCode::OK).await;
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    let visitors = load.stop().await;

    assert!(visitors.iter().any(|visitor| visitor.unavailable > 0));
    for visitor in visitors {
        assert!(visitor.acknowledged > 0, "{visitor:?}");
        let (status, body, _) = visit(&router, "/seen", &visitor.cookie).await;
        assert_eq!(status, StatusCode::OK);
        let seen: u32 = body.parse().unwrap();
        // A write whose answer was lost may have happened.
        let asked = visitor.acknowledged + visitor.unavailable;
        assert!(
            (visitor.acknowledged..=asked).contains(&seen),
            "{seen}: {visitor:?}"
        );
    }
    drop(redis);
}

/// A folder of this test's own, removed with it.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("acton-redis-{}", free_port());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Visitors that count their visits, one request after the other, and ask for a page without a session in between.
struct Load {
    stop: Arc<std::sync::atomic::AtomicBool>,
    visitors: Vec<tokio::task::JoinHandle<Visitor>>,
}

#[derive(Debug, Default)]
struct Visitor {
    cookie: String,
    acknowledged: u32,
    unavailable: u32,
}

impl Load {
    fn start(router: &Router) -> Self {
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let visitors = (0..16)
            .map(|_| tokio::spawn(Visitor::go(router.clone(), Arc::clone(&stop))))
            .collect();
        Self { stop, visitors }
    }

    async fn stop(self) -> Vec<Visitor> {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let mut visitors = Vec::new();
        for visitor in self.visitors {
            visitors.push(visitor.await.unwrap());
        }
        visitors
    }
}

impl Visitor {
    async fn go(router: Router, stop: Arc<std::sync::atomic::AtomicBool>) -> Self {
        let mut visitor = Self::default();
        while !stop.load(std::sync::atomic::Ordering::Relaxed) {
            let (status, ..) = visit(&router, "/", &visitor.cookie).await;
            assert_eq!(status, StatusCode::OK, "a page without a session");
            let begun = Instant::now();
            let (status, _, cookie) = visit(&router, "/count", &visitor.cookie).await;
            assert!(
                begun.elapsed() < Duration::from_secs(4),
                "{:?}",
                begun.elapsed()
            );
            match status {
                StatusCode::OK => visitor.acknowledged += 1,
                StatusCode::SERVICE_UNAVAILABLE => visitor.unavailable += 1,
                other => panic!("{other}"),
            }
            if let Some(cookie) = cookie {
                visitor.cookie = cookie;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        visitor
    }
}

async fn visit(router: &Router, path: &str, cookie: &str) -> (StatusCode, String, Option<String>) {
    let request = Request::get(path).header("cookie", cookie);
    let request = request.body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let cookie = response.headers().get("set-cookie").map(|line| {
        let line = line.to_str().unwrap();
        line.split(';').next().unwrap_or_default().to_owned()
    });
    let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned(), cookie)
}

#[cfg(feature = "sse-redis")]
mod live {
    use acton_service::sse::BackplaneKind;

    use super::*;

    async fn publish(Extension(broadcaster): Extension<Arc<SseBroadcaster>>) -> StatusCode {
        broadcaster.publish("news", BroadcastMessage::new("hello"));
        StatusCode::NO_CONTENT
    }

    async fn next(Extension(broadcaster): Extension<Arc<SseBroadcaster>>) -> String {
        let mut subscription = broadcaster.subscribe_to("news");
        let message = tokio::time::timeout(Duration::from_secs(5), subscription.recv()).await;
        message.map_or_else(|_| "nothing".to_owned(), |_| "something".to_owned())
    }

    fn instance(port: u16) -> Router {
        let mut config: Config = Config::default();
        config.sse.backplane = BackplaneKind::Redis;
        config.redis.url = format!("redis://127.0.0.1:{port}");
        let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
            router
                .route("/publish", get(publish))
                .route("/next", get(next))
        });
        ServiceBuilder::new()
            .with_config(config)
            .with_routes(routes.build_routes())
            .with_sse()
            .build()
            .into_router()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_one_instance_publishes_reaches_the_other() {
        if !is_installed() {
            return;
        }
        let port = free_port();
        let redis = Redis::start(port);
        let (one, other) = (instance(port), instance(port));
        until_ready(&one, StatusCode::OK).await;
        until_ready(&other, StatusCode::OK).await;
        let listening = tokio::spawn(async move { ask(&other, "/next").await.1 });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(ask(&one, "/publish").await.0, StatusCode::NO_CONTENT);
        assert_eq!(listening.await.unwrap(), "something");
        drop(redis);
    }
}
