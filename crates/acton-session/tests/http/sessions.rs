use std::time::{Duration, Instant};

use acton_session::{SessionConfig, Store};
use axum::http::{StatusCode, header};

use crate::{
    app::{app, app_that_tells, app_with},
    browser::Browser,
    stores::Shelf,
};

on_every_store![
    a_page_that_touches_nothing_costs_nothing,
    what_was_written_is_read_and_reading_keeps_the_id,
    an_unknown_id_is_not_adopted,
    what_is_no_id_is_an_anonymous_visitor,
    reading_keeps_a_session_alive_and_silence_ends_it,
    no_session_outlives_its_absolute_time,
    nothing_is_written_after_a_server_error,
    parallel_writers_lose_no_key,
    a_request_under_way_does_not_revive_a_session_that_was_flushed,
    a_request_under_way_keeps_its_writes_when_the_id_is_exchanged,
    an_exchanged_id_is_dead_and_erases_nothing,
    two_instances_see_one_session,
    a_handler_may_ask_for_a_shorter_life,
];

async fn a_page_that_touches_nothing_costs_nothing(store: Store) {
    let page = Browser::new(&app(store)).get("/").await;
    assert_eq!(page.body, "public");
    for name in [header::SET_COOKIE, header::VARY, header::CACHE_CONTROL] {
        assert_eq!(page.header(&name), None, "{name}");
    }
}

async fn what_was_written_is_read_and_reading_keeps_the_id(store: Store) {
    let browser = Browser::new(&app(store));
    let page = browser.post("/session/set", "k=a&v=1").await;
    assert_eq!(page.headers.get_all(header::SET_COOKIE).iter().count(), 1);
    let id = browser.cookie();
    let page = browser.get("/session/get?k=a").await;
    assert_eq!(
        (page.body.as_str(), page.header(header::SET_COOKIE)),
        ("1", None)
    );
    browser.post("/session/set", "k=b&v=2").await;
    assert_eq!(browser.cookie(), id);
}

async fn an_unknown_id_is_not_adopted(store: Store) {
    let browser = Browser::new(&app(store));
    let foreign = "AAAAAAAAAAAAAAAAAAAAAA";
    browser.set_cookie(foreign);
    let page = browser.post("/session/set", "k=a&v=1").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_ne!(browser.cookie().unwrap(), foreign);
    assert_eq!(browser.get("/session/get?k=a").await.body, "1");
}

async fn what_is_no_id_is_an_anonymous_visitor(store: Store) {
    let browser = Browser::new(&app(store));
    for value in ["", "x", "../../etc", "%00", &"A".repeat(10_240)] {
        browser.set_cookie(value);
        let page = browser.get("/session/get?k=a").await;
        assert_eq!(
            (page.status, page.body.as_str()),
            (StatusCode::OK, ""),
            "{value}"
        );
        assert_eq!(page.header(header::SET_COOKIE), None);
    }
}

fn lifetimes(idle_ms: u64, absolute_ms: u64) -> SessionConfig {
    SessionConfig {
        idle: Duration::from_millis(idle_ms),
        absolute: Duration::from_millis(absolute_ms),
        ..SessionConfig::default()
    }
}

async fn wait(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

async fn reading_keeps_a_session_alive_and_silence_ends_it(store: Store) {
    let idle = Duration::from_millis(600);
    let browser = Browser::new(&app_with(&lifetimes(600, 60_000), store));
    let mut seen = Instant::now();
    browser.post("/session/set", "k=a&v=1").await;
    for _ in 0..8 {
        wait(200).await;
        let asked = Instant::now();
        let body = browser.get("/session/get?k=a").await.body;
        // On a machine that was held up the session may have ended.
        if seen.elapsed() >= idle {
            return;
        }
        assert_eq!(body, "1");
        seen = asked;
    }
    wait(700).await;
    assert_eq!(browser.get("/session/get?k=a").await.body, "");
}

async fn no_session_outlives_its_absolute_time(store: Store) {
    let absolute = Duration::from_millis(1_000);
    let browser = Browser::new(&app_with(&lifetimes(60_000, 1_000), store));
    // It begins between these two, however long that takes. A session counts whole milliseconds.
    let before = Instant::now();
    browser.post("/session/set", "k=a&v=1").await;
    let after = Instant::now();
    while after.elapsed() <= absolute {
        let body = browser.get("/session/get?k=a").await.body;
        if before.elapsed() + Duration::from_millis(1) < absolute {
            assert_eq!(body, "1");
        }
        wait(50).await;
    }
    assert_eq!(browser.get("/session/get?k=a").await.body, "");
}

async fn nothing_is_written_after_a_server_error(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/session/set", "k=a&v=1").await;
    let page = browser.post("/session/set", "k=a&v=2&status=500").await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.get("/session/get?k=a").await.body, "1");
}

async fn parallel_writers_lose_no_key(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/session/set", "k=start&v=0").await;
    for round in 0..5 {
        let writers = (0..32).map(|writer| {
            let browser = browser.clone();
            let form = format!("k=w{writer}&v={round}&delay_ms=5");
            tokio::spawn(async move { browser.post("/session/set", &form).await })
        });
        for writer in writers.collect::<Vec<_>>() {
            assert_eq!(writer.await.unwrap().status, StatusCode::OK);
        }
        for writer in 0..32 {
            let page = browser.get(&format!("/session/get?k=w{writer}")).await;
            assert_eq!(page.body, round.to_string());
        }
    }
}

async fn a_request_under_way_does_not_revive_a_session_that_was_flushed(store: Store) {
    let (app, loaded) = app_that_tells(store);
    let browser = Browser::new(&app);
    browser.post("/session/set", "k=a&v=1").await;
    loaded.forget_permits(usize::MAX);
    let (old, slow) = (browser.twin(), browser.twin());
    let slow = tokio::spawn(async move { slow.post("/session/set", "k=b&v=2&delay_ms=300").await });
    loaded.acquire().await.unwrap().forget();
    let page = browser.post("/flush", "").await;
    assert!(
        page.header(header::SET_COOKIE)
            .unwrap()
            .contains("Max-Age=0")
    );
    let slow = slow.await.unwrap();
    assert_eq!(
        (slow.status, slow.header(header::SET_COOKIE)),
        (StatusCode::OK, None)
    );
    for key in ["a", "b"] {
        assert_eq!(old.get(&format!("/session/get?k={key}")).await.body, "");
    }
}

async fn a_request_under_way_keeps_its_writes_when_the_id_is_exchanged(store: Store) {
    let (app, loaded) = app_that_tells(store);
    let browser = Browser::new(&app);
    browser.post("/session/set", "k=a&v=1").await;
    loaded.forget_permits(usize::MAX);
    let slow = browser.twin();
    let slow = tokio::spawn(async move { slow.post("/session/set", "k=b&v=2&delay_ms=300").await });
    loaded.acquire().await.unwrap().forget();
    browser.post("/cycle", "").await;
    assert_eq!(slow.await.unwrap().header(header::SET_COOKIE), None);
    for (key, value) in [("a", "1"), ("b", "2")] {
        assert_eq!(
            browser.get(&format!("/session/get?k={key}")).await.body,
            value
        );
    }
}

async fn an_exchanged_id_is_dead_and_erases_nothing(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/session/set", "k=a&v=1").await;
    let old = browser.twin();
    browser.post("/cycle", "").await;
    assert_ne!(browser.cookie(), old.cookie());
    for page in [
        old.get("/session/get?k=a").await,
        old.post("/session/set", "k=b&v=1").await,
        old.get("/form").await,
    ] {
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.header(header::SET_COOKIE), None);
        assert_ne!(page.body, "1");
    }
    assert_eq!(browser.get("/session/get?k=a").await.body, "1");
    assert_eq!(browser.get("/session/get?k=b").await.body, "");
}

async fn a_handler_may_ask_for_a_shorter_life(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/session/set", "k=a&v=1").await;
    let asked = Instant::now();
    browser.post("/expire", "").await;
    wait(150).await;
    let body = browser.get("/session/get?k=a").await.body;
    if asked.elapsed() < Duration::from_millis(300) {
        assert_eq!(body, "1");
    }
    wait(400).await;
    assert_eq!(browser.get("/session/get?k=a").await.body, "");
}

#[tokio::test]
async fn a_session_gets_its_usual_lifetime_back_when_a_handler_asks_for_it() {
    let usual = r#""ends_ms":null,"flash":[],"idle_ms":null"#;
    for (other, again) in [
        ("hour", "usual"),
        ("hour", "browser"),
        ("date", "usual"),
        ("date", "none"),
    ] {
        let shelf = Shelf::default();
        let browser = Browser::new(&app(Store::custom(shelf.clone())));
        browser.post("/session/set", "k=a&v=1").await;
        assert!(shelf.text().contains(usual), "{}", shelf.text());
        browser.post("/expire", &format!("lifetime={other}")).await;
        for untold in ["/expire", "/session/set"] {
            browser.post(untold, "lifetime=same&k=a&v=2").await;
            assert!(!shelf.text().contains(usual), "{other}");
        }
        browser.post("/expire", &format!("lifetime={again}")).await;
        assert!(shelf.text().contains(usual), "{again}: {}", shelf.text());
    }
}

#[tokio::test]
async fn nobody_needs_a_session_for_the_usual_lifetime() {
    let browser = Browser::new(&app(Store::memory()));
    browser.post("/expire", "lifetime=none").await;
    assert_eq!(browser.cookie(), None);
    browser.post("/expire", "lifetime=hour").await;
    assert!(browser.cookie().is_some());
}

async fn two_instances_see_one_session(store: Store) {
    let (here, there) = (app(store.clone()), app(store));
    let browser = Browser::new(&here);
    browser.post("/session/set", "k=a&v=1").await;
    assert_eq!(browser.on(&there).get("/session/get?k=a").await.body, "1");
    let old = browser.twin();
    browser.on(&there).post("/flush", "").await;
    assert_eq!(old.get("/session/get?k=a").await.body, "");
}

/// As somebody writes who wants sessions never to end.
#[tokio::test]
async fn no_lifetime_is_too_long() {
    let redis = crate::stores::redis();
    let redis_store = redis.as_ref().map(|(_server, store)| store.clone());
    let stores = [Store::memory(), Store::custom(Shelf::default())];
    for store in stores.into_iter().chain(redis_store) {
        let config = SessionConfig {
            idle: Duration::MAX,
            absolute: Duration::MAX,
            remember: Duration::MAX,
            persistent: true,
            ..SessionConfig::default()
        };
        let browser = Browser::new(&app_with(&config, store));
        browser
            .submit("/login", "username=alice&remember=true")
            .await;
        let id = browser.cookie();
        for lifetime in ["usual", "ever", "usual"] {
            let form = format!("lifetime={lifetime}");
            assert_eq!(browser.post("/expire", &form).await.status, StatusCode::OK);
            assert_eq!(browser.get("/session/get?k=a").await.status, StatusCode::OK);
            assert_eq!(browser.get("/user").await.body, "alice");
            assert_eq!(browser.cookie(), id, "{lifetime}");
        }
        browser.forget("id");
        assert_eq!(browser.get("/user").await.body, "alice");
    }
}
