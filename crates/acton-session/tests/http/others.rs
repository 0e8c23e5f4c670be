//! Stores that others made for tower-sessions.

use acton_session::{SessionConfig, SessionRegistry, Store, session_layer};
use axum::http::StatusCode;
use tower_sessions_redis_store::RedisStore;

use crate::{app::app, browser::Browser, redis_server::RedisServer, stores::Shelf};

const LOGIN: &str = "username=alice&remember=true";

/// Where a remembered browser is forgotten, or many sessions are ended, some are gone already.
async fn ends_what_is_gone(store: Store, lose: impl Fn()) {
    let registry = session_layer(&SessionConfig::default(), store.clone()).registry();
    let app = app(store);
    let (phone, laptop) = (Browser::new(&app), Browser::new(&app));
    for browser in [&phone, &laptop] {
        let page = browser.submit("/login", LOGIN).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER);
    }
    lose();
    for browser in [&phone, &laptop] {
        let page = browser.submit("/login", LOGIN).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER);
        browser.submit("/cycle", "").await;
        assert_eq!(browser.get("/user").await.body, "alice");
    }
    registry.revoke_all("alice").await.unwrap();
    for browser in [&phone, &laptop] {
        assert_eq!(browser.get("/user").await.body, "");
        browser.forget("id");
        assert_eq!(browser.get("/user").await.body, "");
    }
}

#[tokio::test]
async fn what_is_gone_is_ended_where_only_what_is_there_can_be_saved() {
    let shelf = Shelf::default();
    ends_what_is_gone(Store::custom(shelf.clone()), || shelf.lose()).await;
}

#[tokio::test]
async fn what_cannot_be_read_is_ended() {
    let shelf = Shelf::default();
    ends_what_is_gone(Store::custom(shelf.clone()), || shelf.spoil("?")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_is_ended_in_the_store_for_redis_of_tower_sessions() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let store = Store::custom(RedisStore::new(server.pool()));
    ends_what_is_gone(store, || server.lose()).await;
}

/// A user with two remembered browsers, and a process that knows of them what the store keeps.
struct Scene {
    phone: Browser,
    laptop: Browser,
    registry: SessionRegistry,
}

impl Scene {
    async fn deployed_again() -> Self {
        let shelf = Shelf::default();
        let before = app(Store::custom(shelf.clone()));
        let (phone, laptop) = (Browser::new(&before), Browser::new(&before));
        for browser in [&phone, &laptop] {
            browser.submit("/login", LOGIN).await;
        }
        let store = Store::custom(shelf);
        let registry = session_layer(&SessionConfig::default(), store.clone()).registry();
        let after = app(store);
        let (phone, laptop) = (phone.on(&after), laptop.on(&after));
        assert_eq!(phone.get("/user").await.body, "alice");
        Self {
            phone,
            laptop,
            registry,
        }
    }
}

async fn is_out(browser: &Browser) {
    assert_eq!(browser.get("/user").await.body, "");
    browser.forget("id");
    assert_eq!(browser.get("/user").await.body, "");
}

#[tokio::test]
async fn a_changed_password_ends_what_began_before_the_service_was_deployed_again() {
    let Scene { phone, laptop, .. } = Scene::deployed_again().await;
    laptop.submit("/password", "").await;
    is_out(&phone).await;
    laptop.forget("id");
    assert_eq!(laptop.get("/user").await.body, "alice");
}

#[tokio::test]
async fn whoever_is_disabled_is_out_although_the_service_was_deployed_again() {
    let scene = Scene::deployed_again().await;
    scene.registry.revoke_all("alice").await.unwrap();
    is_out(&scene.phone).await;
    is_out(&scene.laptop).await;
}

#[tokio::test]
async fn a_theft_ends_what_began_before_the_service_was_deployed_again() {
    let Scene { phone, laptop, .. } = Scene::deployed_again().await;
    let thief = phone.twin();
    thief.forget("id");
    for _ in 0..2 {
        phone.forget("id");
        assert_eq!(phone.get("/user").await.body, "alice");
    }
    is_out(&thief).await;
    is_out(&laptop).await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended_although_the_service_was_deployed_again() {
    let Scene { phone, laptop, .. } = Scene::deployed_again().await;
    let listed = laptop.get("/sessions").await.body;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let other = listed.lines().find(|line| line.ends_with("false")).unwrap();
    let form = format!("handle={}", other.split(' ').next().unwrap());
    assert_eq!(laptop.submit("/sessions", &form).await.body, "true");
    is_out(&phone).await;
}
