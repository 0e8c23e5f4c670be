//! A client that disconnects, at every moment at which it can.

use std::time::Duration;

use acton_session::{SessionConfig, Store, session_layer};
use axum::{Router, http::StatusCode};

use crate::{
    app::{app, app_that_tells},
    browser::Browser,
    leaving::{Quiet, polled},
    redis_server::RedisServer,
};

on_every_store![
    an_exchange_that_nobody_hears_of_leaves_the_session_whole,
    a_login_that_nobody_hears_of_did_not_happen,
    a_switch_of_users_that_nobody_hears_of_did_not_happen,
    messages_of_a_page_that_nobody_saw_wait_for_the_next_one,
    what_others_wrote_meanwhile_stays_when_an_exchange_is_undone,
    what_was_revoked_when_somebody_left_stays_ended,
    what_was_logged_out_when_somebody_left_stays_ended,
];

/// After the first request of all, which a store needs to connect.
async fn quiet(app: &Router) -> Quiet {
    Browser::new(app).post("/session/set", "k=a&v=1").await;
    Quiet::now().await
}

async fn body(browser: &Browser, path: &str) -> String {
    browser.get(path).await.body
}

/// Begins anew for each number of polls until the request comes to its end. Returns how often it did not.
async fn at_every_moment(
    app: &Router,
    path: &str,
    form: &str,
    prepare: impl AsyncFn(&Browser),
    check: impl AsyncFn(&Browser),
) -> usize {
    let quiet = quiet(app).await;
    for times in 0..200 {
        let browser = Browser::new(app);
        browser.post("/session/set", "k=a&v=1").await;
        prepare(&browser).await;
        let token = browser.token().await;
        let before = browser.twin();
        let form = format!("csrf_token={token}&{form}");
        if polled(browser.post(path, &form), times).await.is_some() {
            return times;
        }
        quiet.again().await;
        let kept = body(&before, "/session/get?k=a").await;
        assert_eq!(kept, "1", "{times} polls");
        check(&before).await;
        // It is a session like any other: it can be written to, and exchanged again.
        before.post("/session/set", "k=b&v=2").await;
        before.post("/cycle", "").await;
        assert_eq!(body(&before, "/session/get?k=a").await, "1");
        assert_eq!(body(&before, "/session/get?k=b").await, "2");
    }
    panic!("the request does not come to an end");
}

async fn an_exchange_that_nobody_hears_of_leaves_the_session_whole(store: Store) {
    let app = app(store);
    let log_in = async |browser: &Browser| {
        browser.submit("/login", "username=alice").await;
    };
    let is_listed_once = async |browser: &Browser| {
        assert_eq!(body(browser, "/user").await, "alice");
        let listed = body(browser, "/sessions").await;
        assert!(
            listed.lines().any(|line| line.ends_with("true")),
            "{listed}"
        );
    };
    for path in ["/cycle", "/slowly", "/password"] {
        let moments = at_every_moment(&app, path, "", log_in, is_listed_once).await;
        assert!(moments > 0);
    }
    let browser = Browser::new(&app);
    log_in(&browser).await;
    let listed = body(&browser, "/sessions").await;
    let current = listed.lines().filter(|line| line.ends_with("true"));
    assert_eq!(current.count(), 1);
}

async fn a_login_that_nobody_hears_of_did_not_happen(store: Store) {
    let app = app(store);
    let nothing = async |_: &Browser| {};
    let is_nobody = async |browser: &Browser| assert_eq!(body(browser, "/user").await, "");
    at_every_moment(
        &app,
        "/login",
        "username=alice&remember=true",
        nothing,
        is_nobody,
    )
    .await;
    let browser = Browser::new(&app);
    browser.submit("/login", "username=alice").await;
    let listed = body(&browser, "/sessions").await;
    // The one that came to its end, and this one.
    assert_eq!(listed.lines().count(), 2, "{listed}");
}

async fn a_switch_of_users_that_nobody_hears_of_did_not_happen(store: Store) {
    let app = app(store);
    let log_in = async |browser: &Browser| {
        browser.submit("/login", "username=alice").await;
        browser.post("/session/set", "k=a&v=1").await;
    };
    let is_alice = async |browser: &Browser| assert_eq!(body(browser, "/user").await, "alice");
    for (path, form) in [("/login", "username=bob"), ("/become", "username=bob")] {
        at_every_moment(&app, path, form, log_in, is_alice).await;
    }
}

async fn messages_of_a_page_that_nobody_saw_wait_for_the_next_one(store: Store) {
    let app = app(store);
    let quiet = quiet(&app).await;
    let browser = Browser::new(&app);
    browser.post("/flash", "msg=a").await;
    let page = browser.get("/page?take=true&delay_ms=600000");
    let page = tokio::time::timeout(Duration::from_millis(100), page);
    page.await.unwrap_err();
    quiet.again().await;
    assert_eq!(body(&browser, "/flash").await, "info:a\n");
}

async fn what_others_wrote_meanwhile_stays_when_an_exchange_is_undone(store: Store) {
    let (app, loaded) = app_that_tells(store);
    let quiet = quiet(&app).await;
    let browser = Browser::new(&app);
    browser.post("/session/set", "k=a&v=1").await;
    for times in 1..8 {
        loaded.forget_permits(usize::MAX);
        let form = format!("k=w{times}&v=x&delay_ms=5");
        let (writer, leaver) = (browser.twin(), browser.twin());
        let writer = tokio::spawn(async move { writer.post("/session/set", &form).await });
        // Whoever comes later finds the old id dead, and that writes nothing.
        drop(loaded.acquire().await.unwrap());
        polled(leaver.post("/slowly", ""), times).await;
        assert_eq!(writer.await.unwrap().status, StatusCode::OK);
        // The new one, where the exchange was done.
        browser.set_cookie(&leaver.cookie().unwrap());
        quiet.again().await;
        assert_eq!(body(&browser, "/session/get?k=a").await, "1");
        let written = body(&browser, &format!("/session/get?k=w{times}")).await;
        assert_eq!(written, "x", "{times} polls");
    }
}

/// Whoever exchanges the id of a session of alice and leaves.
const EXCHANGES: [(&str, &str); 5] = [
    ("/cycle", ""),
    ("/slowly", "pauses=3"),
    ("/login", "username=alice&pauses=3"),
    ("/login", "username=bob&pauses=3"),
    ("/become", "username=bob"),
];

/// At every moment at which somebody can leave, before what is left to do is done.
async fn ended_meanwhile(app: &Router, end: impl AsyncFn(&Browser, &str)) {
    let quiet = quiet(app).await;
    for (path, form) in EXCHANGES {
        for times in 0..200 {
            let browser = Browser::new(app);
            browser
                .submit("/login", "username=alice&remember=true")
                .await;
            let token = browser.token().await;
            let (before, form) = (browser.twin(), format!("csrf_token={token}&{form}"));
            if polled(browser.post(path, &form), times).await.is_some() {
                break;
            }
            end(&before, &token).await;
            quiet.again().await;
            let user = body(&before, "/user").await;
            assert_eq!(user, "", "{path} {form} {times} polls");
            // Nor is the visitor kept from beginning anew.
            before.submit("/login", "username=alice").await;
            assert_eq!(body(&before, "/user").await, "alice", "{path} {times}");
        }
    }
}

async fn what_was_revoked_when_somebody_left_stays_ended(store: Store) {
    let app = app(store.clone());
    let registry = session_layer(&SessionConfig::default(), store).registry();
    ended_meanwhile(&app, async |_, _| {
        registry.revoke_all("alice").await.unwrap();
    })
    .await;
    registry.revoke_all("alice").await.unwrap();
    assert!(registry.list("alice").await.unwrap().is_empty());
}

async fn what_was_logged_out_when_somebody_left_stays_ended(store: Store) {
    let app = app(store);
    ended_meanwhile(&app, async |before, token| {
        let form = format!("csrf_token={token}");
        // Whoever comes while the id is exchanged finds that the form has expired, until that is undone.
        loop {
            let browser = before.twin();
            match browser.post("/logout", &form).await.status {
                StatusCode::SEE_OTHER => return,
                status => assert_eq!(status, StatusCode::FORBIDDEN),
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Neither sessions nor remembered browsers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_left_a_login_is_in_no_list() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let app = app(Store::redis(server.pool_of(1)));
    let quiet = quiet(&app).await;
    for times in 0..200 {
        let browser = Browser::new(&app);
        let token = browser.token().await;
        let form = format!("csrf_token={token}&username=alice&remember=true&pauses=1");
        if polled(browser.post("/login", &form), times).await.is_some() {
            assert!(server.keys("acton:user:*") > 0);
            return;
        }
        quiet.again().await;
        let listed = server.keys("acton:user:*");
        assert_eq!(listed, 0, "{times} polls");
    }
    panic!("the login does not come to an end");
}

/// A fragment held the message before the id was exchanged, and gave it back after that.
#[tokio::test(start_paused = true)]
async fn a_message_that_was_given_back_meanwhile_is_not_held_when_an_exchange_is_undone() {
    for times in 0..200 {
        let (app, loaded) = app_that_tells(Store::memory());
        let quiet = quiet(&app).await;
        loaded.forget_permits(usize::MAX);
        let browser = Browser::new(&app);
        browser.post("/flash", "msg=a").await;
        let fragment = browser.twin();
        let form = "k=b&v=2&delay_ms=100";
        let fragment = tokio::spawn(async move { fragment.post("/session/note", form).await });
        // The clock goes on when the fragment waits, which holds the message by then.
        loaded.acquire().await.unwrap().forget();
        tokio::time::sleep(Duration::from_millis(1)).await;
        let leaving = browser.twin();
        let mut exchange = Box::pin(leaving.post("/slowly", ""));
        if polled(exchange.as_mut(), times).await.is_some() {
            assert!(times > 1, "the request comes to its end at once");
            return;
        }
        let page = fragment.await.unwrap();
        assert_eq!(page.status, StatusCode::OK);
        drop(exchange);
        quiet.again().await;
        let shown = body(&browser, "/flash").await;
        assert_eq!(shown, "info:a\n", "{times} polls");
    }
    panic!("the request does not come to an end");
}
