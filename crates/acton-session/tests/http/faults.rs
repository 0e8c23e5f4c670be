use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use acton_session::Store;
use axum::http::{StatusCode, header};

use crate::{
    app::app,
    browser::{Browser, Page},
    redis_server::RedisServer,
    stores::Shelf,
};

const ANSWER: Duration = Duration::from_secs(2);
const RECOVERY: Duration = Duration::from_secs(5);

/// What needs the session says so, soon; the rest works; nobody loses a cookie.
async fn is_unavailable(browser: &Browser) {
    let cookie = browser.cookie();
    let form = "username=alice";
    for page in [
        timely(browser.get("/session/get?k=a")).await,
        timely(browser.post("/session/set", "k=b&v=2")).await,
        timely(browser.get("/me")).await,
        timely(browser.get("/flash")).await,
        timely(browser.post("/login", &format!("csrf_token=x&{form}"))).await,
    ] {
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(page.header(header::RETRY_AFTER), Some("1"));
        assert_eq!(page.header(header::SET_COOKIE), None);
    }
    assert_eq!(timely(browser.get("/")).await.status, StatusCode::OK);
    assert_eq!(browser.cookie(), cookie);
}

async fn timely(page: impl Future<Output = Page>) -> Page {
    let start = Instant::now();
    let page = page.await;
    assert!(start.elapsed() < ANSWER, "{:?}", start.elapsed());
    page
}

async fn recovers(browser: &Browser, store: &Store) {
    let start = Instant::now();
    while browser.get("/session/get?k=a").await.status != StatusCode::OK {
        assert!(start.elapsed() < RECOVERY, "still unavailable");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.ping().await.unwrap();
    assert_eq!(browser.get("/session/get?k=a").await.body, "1");
}

async fn fixture(server: &RedisServer) -> (Store, Browser) {
    let store = Store::redis(server.pool());
    let browser = Browser::new(&app(store.clone()));
    browser.post("/session/set", "k=a&v=1").await;
    (store, browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_and_comes_back() {
    let Some(mut server) = RedisServer::durable() else {
        return;
    };
    let (store, browser) = fixture(&server).await;
    for _ in 0..2 {
        server.kill();
        is_unavailable(&browser).await;
        assert!(store.ping().await.is_err());
        server.restart();
        recovers(&browser, &store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_and_goes_on() {
    let Some(server) = RedisServer::durable() else {
        return;
    };
    let (store, browser) = fixture(&server).await;
    for _ in 0..2 {
        server.signal("-STOP");
        is_unavailable(&browser).await;
        server.signal("-CONT");
        recovers(&browser, &store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_not_there_at_the_start() {
    let Some(mut server) = RedisServer::prepare() else {
        return;
    };
    let store = Store::redis(server.pool());
    let browser = Browser::new(&app(store.clone()));
    browser.set_cookie("AAAAAAAAAAAAAAAAAAAAAA");
    is_unavailable(&browser).await;
    server.restart();
    let start = Instant::now();
    while store.ping().await.is_err() {
        assert!(start.elapsed() < RECOVERY, "still unavailable");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    browser.post("/session/set", "k=a&v=1").await;
    assert_eq!(browser.get("/session/get?k=a").await.body, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_under_load_survives_a_kill() {
    let Some(mut server) = RedisServer::durable() else {
        return;
    };
    let (_, browser) = fixture(&server).await;
    let writers = (0..8).map(|writer| {
        let browser = browser.twin();
        tokio::spawn(async move {
            let mut acknowledged = None;
            for number in 0..400 {
                let form = format!("k=w{writer}&v={number}");
                let page = timely(browser.post("/session/set", &form)).await;
                match page.status {
                    StatusCode::OK => acknowledged = Some(number),
                    status => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
                }
                if page.status != StatusCode::OK {
                    break;
                }
            }
            acknowledged
        })
    });
    let writers: Vec<_> = writers.collect();
    tokio::time::sleep(Duration::from_millis(150)).await;
    server.kill();
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.push(writer.await.unwrap());
    }
    server.restart();
    while browser.get("/session/get?k=a").await.body != "1" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (writer, last) in acknowledged.into_iter().enumerate() {
        let stored = browser.get(&format!("/session/get?k=w{writer}")).await.body;
        // A write that was not acknowledged may still have arrived.
        let stored = stored.parse::<i32>().ok();
        assert!(
            stored == last
                || stored == last.map(|last| last + 1)
                || (last.is_none() && stored == Some(0)),
            "{stored:?} {last:?}"
        );
    }
}

/// Nothing is decided by how long it takes: whatever was acknowledged is there afterwards, and nobody waits for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_under_load_is_there_after_a_hang() {
    let Some(server) = RedisServer::durable() else {
        return;
    };
    let (store, browser) = fixture(&server).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let writers = (0..8).map(|writer| {
        let (browser, is_over) = (browser.twin(), Arc::clone(&is_over));
        tokio::spawn(async move {
            let (mut acknowledged, mut refused, mut number) = (None, 0, 0);
            while !is_over.load(Ordering::Relaxed) {
                let form = format!("k=w{writer}&v={number}");
                let page = timely(browser.post("/session/set", &form)).await;
                match page.status {
                    StatusCode::OK => acknowledged = Some(number),
                    StatusCode::SERVICE_UNAVAILABLE => refused += 1,
                    status => panic!("{status}"),
                }
                assert_eq!(timely(browser.get("/")).await.status, StatusCode::OK);
                number += 1;
            }
            (acknowledged, refused, number)
        })
    });
    let writers: Vec<_> = writers.collect();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        server.signal("-STOP");
        // Longer than a request waits.
        tokio::time::sleep(Duration::from_millis(1_700)).await;
        server.signal("-CONT");
        recovers(&browser, &store).await;
    }
    is_over.store(true, Ordering::Relaxed);
    for (writer, outcome) in writers.into_iter().enumerate() {
        let (acknowledged, refused, attempts) = outcome.await.unwrap();
        assert!(refused > 0, "nobody noticed that Redis hung");
        let stored = browser.get(&format!("/session/get?k=w{writer}")).await.body;
        // A write that was not acknowledged may still have arrived.
        let stored = stored.parse::<i32>().ok();
        assert!(
            stored >= acknowledged && stored < Some(attempts),
            "{stored:?} {acknowledged:?} {attempts}"
        );
    }
}

/// Each command of a login comes in time, and all of them together do not.
#[tokio::test(start_paused = true)]
async fn slow_commands_share_the_deadline_of_their_request() {
    let shelf = Shelf::default();
    let browser = Browser::new(&app(Store::custom(shelf.clone())));
    browser.post("/session/set", "k=a&v=1").await;
    let token = browser.token().await;
    let slow = app(Store::custom(shelf.slow(Duration::from_millis(700))));
    let slow = browser.on(&slow);
    let login = format!("csrf_token={token}&username=alice&remember=true");
    let cookie = browser.cookie();
    for (path, form) in [
        ("/session/set", "k=b&v=2"),
        ("/slowly", ""),
        ("/login", &login),
        ("/flash", "msg=a"),
    ] {
        let begun = tokio::time::Instant::now();
        let page = slow.post(path, form).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(begun.elapsed() < ANSWER, "{path} {:?}", begun.elapsed());
    }
    assert_eq!(browser.cookie(), cookie);
    assert_eq!(browser.get("/session/get?k=a").await.body, "1");
}

/// Many commands, each in time, take longer than those of any other request.
#[tokio::test(start_paused = true)]
async fn the_end_of_many_sessions_has_time_of_its_own() {
    let shelf = Shelf::default().slow(Duration::from_millis(20));
    let app = app(Store::custom(shelf.clone()));
    let log_in = async || {
        let browser = Browser::new(&app);
        browser.submit("/login", "username=alice").await;
        browser
    };
    for _ in 0..40 {
        log_in().await;
    }
    let browser = log_in().await;
    let begun = tokio::time::Instant::now();
    assert_eq!(browser.submit("/others", "").await.status, StatusCode::OK);
    assert!(begun.elapsed() > ANSWER);
    assert_eq!(browser.get("/sessions").await.body.lines().count(), 1);
    // A store that does not answer is not waited for any longer than elsewhere.
    let other = log_in().await;
    let form = format!("csrf_token={}", browser.token().await);
    let mut refused = 0;
    for after in 0.. {
        shelf.hang(after, false);
        let begun = tokio::time::Instant::now();
        let page = browser.post("/others", &form).await;
        assert!(begun.elapsed() < ANSWER, "{after} {:?}", begun.elapsed());
        if !shelf.go_on() {
            break;
        }
        if page.status == StatusCode::OK {
            // It has ended, and only stays in the list.
            assert_eq!(other.get("/user").await.body, "", "{after}");
        } else {
            assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{after}");
            refused += 1;
        }
    }
    assert!(refused > 1, "{refused}");
    assert_eq!(other.get("/user").await.body, "");
    assert_eq!(browser.get("/user").await.body, "alice");
}
