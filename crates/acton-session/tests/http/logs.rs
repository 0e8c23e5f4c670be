//! What the log never says, whatever is asked to be written and whichever store fails.

use std::{
    any::type_name,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use acton_session::{Error, Session, SessionConfig, Store, TypedSession, session_layer};
use axum::{Router, http::StatusCode, routing::get};
use serde::{Deserialize, Serialize, Serializer, ser};
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter, util::SubscriberInitExt};

use crate::{
    app::app,
    browser::Browser,
    redis_server::RedisServer,
    stores::{self, Shelf},
};

const VALUE: &str = "value-of-a-session";
const MESSAGE: &str = "text-of-a-message";
const PASSWORD: &str = "correct-horse-battery";
const STORED: &str = "what-a-store-holds";

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A store, and how it is spoiled and fails.
enum Place {
    Memory,
    Redis(Box<RedisServer>),
    Custom(Shelf),
}

impl Place {
    /// What it holds is of another kind.
    fn spoil(&self) {
        match self {
            Self::Memory => {}
            Self::Redis(server) => server.spoil(STORED),
            Self::Custom(shelf) => shelf.spoil(STORED),
        }
    }

    fn fail(&mut self) {
        match self {
            Self::Memory => {}
            Self::Redis(server) => server.kill(),
            Self::Custom(shelf) => shelf.fail_after(0),
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Number(u32);

/// Cannot be written, and its error says why.
#[derive(Default, Deserialize)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom(VALUE))
    }
}

/// Handlers that take what is in the session for something else.
fn careless(store: Store) -> Router {
    Router::new()
        .route(
            "/plant",
            get(async |session: Session| {
                let planted = session.insert(type_name::<Number>(), VALUE).await;
                Ok::<_, Error>(planted?)
            }),
        )
        .route(
            "/number",
            get(async |number: TypedSession<Number>| number.data().0.to_string()),
        )
        .route(
            "/get",
            get(async |session: Session| {
                let number = session.get::<u32>(type_name::<Number>()).await?;
                Ok::<_, Error>(number.unwrap_or_default().to_string())
            }),
        )
        .route(
            "/insert",
            get(async |session: Session| Ok::<_, Error>(session.insert("k", Unwritable).await?)),
        )
        .route(
            "/save",
            get(async |mut data: TypedSession<Unwritable>| data.save().await),
        )
        .route(
            "/drop",
            get(async |mut data: TypedSession<Unwritable>| data.update(|_| {})),
        )
        .layer(session_layer(&SessionConfig::default(), store))
}

/// Everything that can go wrong, with what must not be said of it.
async fn visit(mut place: Place, store: Store) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _guard = subscriber.set_default();
    let careless = careless(store.clone());
    let browser = Browser::new(&app(store));
    let mut secrets = vec![browser.token().await, browser.cookie().unwrap()];
    let form = format!("username=alice&remember=true&password={PASSWORD}");
    browser.submit("/login", &form).await;
    secrets.extend([
        browser.token().await,
        browser.cookie().unwrap(),
        browser.named("remember").unwrap(),
    ]);
    browser.post("/form", "csrf_token=wrong").await;
    browser
        .post("/session/set", &format!("k=a&v={VALUE}"))
        .await;
    browser.post("/flash", &format!("msg={MESSAGE}")).await;
    assert!(browser.get("/flash").await.body.contains(MESSAGE));

    let careless = browser.on(&careless);
    careless.get("/plant").await;
    assert_eq!(careless.get("/number").await.body, "0");
    for path in ["/get", "/insert", "/save"] {
        let page = careless.get(path).await;
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(!page.body.contains(VALUE), "{path}");
    }
    assert_eq!(careless.get("/drop").await.status, StatusCode::OK);

    let copy = browser.twin();
    let thief = browser.twin();
    for _ in 0..2 {
        copy.forget("id");
        assert_eq!(copy.get("/user").await.body, "alice");
        secrets.extend([copy.cookie().unwrap(), copy.named("remember").unwrap()]);
    }
    thief.forget("id");
    assert_eq!(thief.get("/user").await.body, "");
    let gone = browser.twin();
    browser.submit("/logout", "").await;
    gone.get("/session/get?k=a").await;

    browser.post("/session/set", "k=a&v=1").await;
    secrets.push(browser.cookie().unwrap());
    place.spoil();
    browser.get("/session/get?k=a").await;
    place.fail();
    browser.get("/session/get?k=a").await;

    let log = log.text();
    let told: &[&str] = match place {
        Place::Memory => &[],
        _ => &["stored session cannot be read", "store unavailable"],
    };
    for told in told.iter().chain(&[
        "request refused",
        "was copied",
        "does not fit its type",
        "cannot be written as JSON",
        "session value cannot be used",
    ]) {
        assert!(log.contains(told), "{told:?} is not in {log}");
    }
    assert_eq!(log.matches("does not fit its type").count(), 1, "{log}");
    secrets.extend([VALUE, MESSAGE, PASSWORD, STORED].map(str::to_owned));
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret}");
    }
}

// On one thread, which is the one whose log is read.

#[tokio::test]
async fn nothing_secret_is_logged_of_sessions_in_memory() {
    visit(Place::Memory, Store::memory()).await;
}

#[tokio::test]
async fn nothing_secret_is_logged_of_sessions_in_redis() {
    if let Some((server, store)) = stores::redis() {
        visit(Place::Redis(Box::new(server)), store).await;
    }
}

#[tokio::test]
async fn nothing_secret_is_logged_of_sessions_in_another_store() {
    let shelf = Shelf::default();
    let store = Store::custom(shelf.clone());
    visit(Place::Custom(shelf), store).await;
}
