//! What a session adds to a request, in memory and in a Redis of its own: `cargo bench -p acton-session`.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{
    hint::black_box,
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use acton_session::{FlashMessage, FlashMessages, Session, SessionConfig, Store, session_layer};
use axum::{
    Router,
    body::Body,
    http::{Request, header},
    routing::get,
};
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};
use tower_sessions_redis_store::fred::{
    interfaces::ClientLike,
    prelude::{Builder, Config},
};

async fn read(session: Session) -> String {
    session.get("name").await.unwrap().unwrap_or_default()
}

async fn write(session: Session) {
    let count = session.get::<u64>("count").await.unwrap().unwrap_or(0);
    session.insert("count", count + 1).await.unwrap();
}

async fn begin(session: Session) {
    for key in ["name", "theme", "cart"] {
        session.insert(key, "a value").await.unwrap();
    }
}

async fn show(flash: FlashMessages) -> String {
    let messages = flash.into_messages().into_iter();
    messages.map(|message| message.text).collect()
}

async fn push() -> (FlashMessage, &'static str) {
    (FlashMessage::info("Saved"), "")
}

fn routes() -> Router {
    Router::new()
        .route("/untouched", get(|| async { "public" }))
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/begin", get(begin))
        .route("/show", get(show))
        .route("/push", get(push))
}

/// Sends requests with the cookie of one session.
struct Visitor {
    runtime: Runtime,
    app: Router,
    cookie: String,
}

impl Visitor {
    fn new(runtime: Runtime, app: Router) -> Self {
        let request = Request::get("/begin").body(Body::empty()).unwrap();
        let response = runtime.block_on(app.clone().oneshot(request)).unwrap();
        let cookie = response.headers().get(header::SET_COOKIE);
        let cookie = cookie.map_or("", |cookie| cookie.to_str().unwrap());
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Self {
            runtime,
            app,
            cookie,
        }
    }

    fn get(&mut self, path: &str) {
        let request = Request::get(path)
            .header(header::COOKIE, &self.cookie)
            .body(Body::empty())
            .unwrap();
        let response = self.runtime.block_on(self.app.call(request)).unwrap();
        assert!(response.status().is_success());
        black_box(response);
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

fn session(criterion: &mut Criterion) {
    // Without a layer, as the measure of all others.
    let bare = Router::new().route("/untouched", get(|| async { "public" }));
    let mut bare = Visitor::new(runtime(), bare);
    criterion.bench_function("no layer", |bench| bench.iter(|| bare.get("/untouched")));
    every_kind(criterion, "memory", runtime(), Store::memory());
    match RedisServer::start() {
        Some(server) => {
            let runtime = runtime();
            let store = runtime.block_on(server.store());
            every_kind(criterion, "redis", runtime, store);
        }
        None => eprintln!("skipped Redis: install redis-server, e.g. `apt install redis-server`"),
    }
}

fn every_kind(criterion: &mut Criterion, place: &str, runtime: Runtime, store: Store) {
    let layer = session_layer(&SessionConfig::default(), store);
    let mut visitor = Visitor::new(runtime, routes().layer(layer));
    for path in ["/untouched", "/read", "/write"] {
        let name = format!("{place}{path}");
        criterion.bench_function(&name, |bench| bench.iter(|| visitor.get(path)));
    }
    criterion.bench_function(&format!("{place}/flash"), |bench| {
        bench.iter(|| {
            visitor.get("/push");
            visitor.get("/show");
        });
    });
}

struct RedisServer {
    process: Child,
    port: u16,
}

impl RedisServer {
    fn start() -> Option<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let process = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(Self { process, port })
    }

    async fn store(&self) -> Store {
        let config = Config::from_url(&format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let pool = Builder::from_config(config).build_pool(1).unwrap();
        pool.init().await.unwrap();
        Store::redis(pool)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

criterion_group!(benches, session);
criterion_main!(benches);
