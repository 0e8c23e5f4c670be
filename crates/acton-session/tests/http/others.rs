//! Stores that others made for tower-sessions.

use acton_session::{SessionConfig, Store, session_layer};
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
