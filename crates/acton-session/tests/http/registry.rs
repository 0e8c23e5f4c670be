use std::{collections::BTreeSet, time::Duration};

use acton_session::{SessionConfig, SessionEnded, Store, session_layer};
use axum::{Router, http::Request, routing::get};

use crate::{
    app::{app, app_with},
    browser::Browser,
    leaving::polled,
};

on_every_store![
    the_sessions_of_a_user_are_listed_and_ended_one_by_one,
    the_sessions_of_others_cannot_be_ended,
    logged_out_sessions_are_not_listed,
    whoever_ends_an_exchanged_session_ends_what_took_over,
    the_own_session_is_kept_after_its_id_was_exchanged,
    a_login_too_many_ends_the_oldest,
    a_remembered_browser_is_listed_once_and_ended_with_all_its_sessions,
    a_remembered_browser_without_a_session_is_listed_and_ended,
    whoever_copied_a_remembered_browser_is_listed_and_ended_alone,
    a_copy_on_the_same_device_is_listed_while_both_are_used,
    whoever_ends_a_later_copy_on_the_same_device_stays,
    whoever_ends_a_copy_after_another_login_stays,
];

async fn log_in(browser: &Browser, user: &str, device: &str) {
    send_login(browser, &format!("username={user}"), device).await;
}

async fn send_login(browser: &Browser, form: &str, device: &str) {
    let token = browser.token().await;
    let request = Request::post("/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("user-agent", device);
    let form = format!("csrf_token={token}&{form}");
    browser.send(request, form).await;
}

async fn the_sessions_of_a_user_are_listed_and_ended_one_by_one(store: Store) {
    let app = app(store);
    let (phone, laptop) = (Browser::new(&app), Browser::new(&app));
    log_in(&phone, "alice", "Phone").await;
    log_in(&laptop, "alice", "Laptop").await;
    let listed = laptop.get("/sessions").await.body;
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].ends_with("Laptop true") && lines[1].ends_with("Phone false"),
        "{listed}"
    );
    let handle = lines[1].split(' ').next().unwrap();
    let page = laptop
        .submit("/sessions", &format!("handle={handle}"))
        .await;
    assert_eq!(page.body, "true");
    assert_eq!(phone.get("/user").await.body, "");
    assert_eq!(laptop.get("/user").await.body, "alice");
    assert_eq!(laptop.get("/sessions").await.body.lines().count(), 1);
}

async fn the_sessions_of_others_cannot_be_ended(store: Store) {
    let app = app(store);
    let (alice, bob) = (Browser::new(&app), Browser::new(&app));
    log_in(&alice, "alice", "Phone").await;
    log_in(&bob, "bob", "Laptop").await;
    let listed = alice.get("/sessions").await.body;
    let handle = listed.split(' ').next().unwrap();
    let page = bob.submit("/sessions", &format!("handle={handle}")).await;
    assert_eq!(page.body, "false");
    assert_eq!(alice.get("/user").await.body, "alice");
}

async fn logged_out_sessions_are_not_listed(store: Store) {
    let app = app(store);
    let (phone, laptop) = (Browser::new(&app), Browser::new(&app));
    log_in(&phone, "alice", "Phone").await;
    log_in(&laptop, "alice", "Laptop").await;
    phone.submit("/logout", "").await;
    assert_eq!(laptop.get("/sessions").await.body.lines().count(), 1);
}

async fn whoever_ends_an_exchanged_session_ends_what_took_over(store: Store) {
    let app = app(store);
    let (phone, laptop) = (Browser::new(&app), Browser::new(&app));
    for path in ["/cycle", "/password", "/login"] {
        log_in(&phone, "alice", "Phone").await;
        log_in(&laptop, "alice", "Laptop").await;
        let listed = laptop.get("/sessions").await.body;
        let line = listed.lines().find(|line| line.ends_with("Phone false"));
        let handle = line.unwrap().split(' ').next().unwrap();
        if path == "/password" {
            // Everybody else is out by that, so it is the phone that goes on.
            phone.submit("/cycle", "").await;
        }
        phone.submit(path, "username=alice").await;
        log_in(&laptop, "alice", "Laptop").await;
        let form = format!("handle={handle}");
        assert_eq!(laptop.submit("/sessions", &form).await.body, "true");
        assert_eq!(phone.get("/user").await.body, "", "{path}");
        assert_eq!(laptop.get("/user").await.body, "alice");
        // What an exchange left behind is no session of its own.
        let listed = laptop.get("/sessions").await.body;
        assert_eq!(listed.lines().count(), 1, "{listed}");
    }
}

async fn the_own_session_is_kept_after_its_id_was_exchanged(store: Store) {
    let browser = Browser::new(&app(store));
    for path in ["/cycle", "/login"] {
        log_in(&browser, "alice", "Phone").await;
        browser.submit(path, "username=alice").await;
        let late = browser.twin();
        // Ends every other session, and the one before is none.
        browser.submit("/password", "").await;
        assert_eq!(browser.get("/user").await.body, "alice", "{path}");
        // Nor does a late request with the old id replace the new one.
        let page = late.post("/session/set", "k=a&v=1").await;
        assert_eq!(page.header("set-cookie"), None);
    }
}

async fn a_login_too_many_ends_the_oldest(store: Store) {
    let config = SessionConfig {
        max_sessions_per_user: 3,
        ..SessionConfig::default()
    };
    let app = app_with(&config, store);
    let mut browsers = Vec::new();
    for _ in 0..5 {
        let browser = Browser::new(&app);
        browser
            .submit("/login", "username=alice&remember=true")
            .await;
        // The ends of sessions are told apart by whole milliseconds.
        tokio::time::sleep(Duration::from_millis(2)).await;
        // An id that was exchanged is no session more.
        browser.post("/cycle", "").await;
        browsers.push(browser);
    }
    let others = Browser::new(&app);
    log_in(&others, "bob", "Phone").await;
    for (number, browser) in browsers.iter().enumerate() {
        let expected = if number < 2 { "" } else { "alice" };
        assert_eq!(browser.get("/user").await.body, expected, "{number}");
        browser.forget("remember");
    }
    assert_eq!(others.get("/user").await.body, "bob");
    let listed = browsers[4].get("/sessions").await.body;
    assert_eq!(listed.lines().count(), 3, "{listed}");
}

/// As when a browser is closed, which ends no session, and opened again.
async fn a_remembered_browser_is_listed_once_and_ended_with_all_its_sessions(store: Store) {
    let app = app(store);
    let (phone, laptop) = (Browser::new(&app), Browser::new(&app));
    for (browser, device) in [(&phone, "Phone"), (&laptop, "Laptop")] {
        send_login(browser, "username=alice&remember=true", device).await;
    }
    let closed = phone.twin();
    for (browser, device) in [(&phone, "Phone"), (&laptop, "Laptop")] {
        browser.forget("id");
        assert_eq!(browser.get_as(device, "/user").await.body, "alice");
    }
    let listed = laptop.get("/sessions").await.body;
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines[0].ends_with("true") && lines[1].ends_with("false"));
    let handle = lines[1].split(' ').next().unwrap();
    let form = format!("handle={handle}");
    assert_eq!(laptop.submit("/sessions", &form).await.body, "true");
    assert_eq!(laptop.submit("/sessions", &form).await.body, "false");
    closed.forget("remember");
    assert_eq!(closed.get("/user").await.body, "");
    for (browser, expected) in [(&phone, ""), (&laptop, "alice")] {
        assert_eq!(browser.get("/user").await.body, expected);
        browser.forget("id");
        assert_eq!(browser.get("/user").await.body, expected);
    }
}

/// The lines of the list, the handle of each apart.
async fn listed(browser: &Browser) -> Vec<(String, String)> {
    let listed = browser.get("/sessions").await.body;
    let lines = listed.lines().map(|line| line.split_once(' ').unwrap());
    lines
        .map(|(handle, rest)| (handle.to_owned(), rest.to_owned()))
        .collect()
}

/// Somebody with a remembered browser, and a thief who came with a copy of its cookie.
async fn owner_and_thief(store: Store, device: &str) -> (Browser, Browser) {
    let owner = Browser::new(&app(store));
    send_login(&owner, "username=alice&remember=true", "Phone").await;
    // Sessions are told apart by whole milliseconds.
    std::thread::sleep(Duration::from_millis(2));
    let thief = owner.twin();
    thief.forget("id");
    assert_eq!(thief.get_as(device, "/user").await.body, "alice");
    (owner, thief)
}

/// Whether the browser is logged in, and is so again when it has been closed.
async fn is_in(browser: &Browser) -> (bool, bool) {
    let session = browser.get("/user").await.body == "alice";
    browser.forget("id");
    (session, browser.get("/user").await.body == "alice")
}

async fn whoever_copied_a_remembered_browser_is_listed_and_ended_alone(store: Store) {
    let (owner, thief) = owner_and_thief(store, "Elsewhere").await;
    let lines = listed(&owner).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0].1, "Phone true");
    assert_eq!(lines[1].1, "Elsewhere false");
    let form = format!("handle={}", lines[1].0);
    let page = owner.submit("/sessions", &form).await;
    assert_eq!(page.body, "true");
    assert_eq!(listed(&owner).await.len(), 1);
    assert_eq!(is_in(&thief).await, (false, false));
    assert_eq!(is_in(&owner).await, (true, true));
}

async fn a_copy_on_the_same_device_is_listed_while_both_are_used(store: Store) {
    let (owner, thief) = owner_and_thief(store, "Phone").await;
    std::thread::sleep(Duration::from_millis(2));
    // What was written is used.
    thief.post("/session/set", "k=a&v=1").await;
    let lines = listed(&owner).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_ne!(lines[0].0, lines[1].0);
    let form = format!("handle={}", lines[0].0);
    assert_eq!(thief.submit("/sessions", &form).await.body, "true");
    assert_eq!(is_in(&owner).await, (false, false));
    assert_eq!(is_in(&thief).await, (true, true));
}

/// Its own session looks like one that the browser had before it was closed: it was not used since the copy came.
async fn whoever_ends_a_later_copy_on_the_same_device_stays(store: Store) {
    let (owner, thief) = owner_and_thief(store, "Phone").await;
    let lines = listed(&owner).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[1].1, "Phone false");
    let form = format!("handle={}", lines[1].0);
    assert_eq!(owner.submit("/sessions", &form).await.body, "true");
    assert_eq!(is_in(&thief).await, (false, false));
    assert_eq!(is_in(&owner).await, (true, true));
}

/// What came with the cookie from before is listed under the name that the own browser had.
async fn whoever_ends_a_copy_after_another_login_stays(store: Store) {
    let (owner, thief) = owner_and_thief(store, "Elsewhere").await;
    send_login(&owner, "username=alice&remember=true", "Phone").await;
    let lines = listed(&owner).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    let form = format!("handle={}", lines[1].0);
    assert_eq!(owner.submit("/sessions", &form).await.body, "true");
    assert_eq!(is_in(&thief).await, (false, false));
    assert_eq!(is_in(&owner).await, (true, true));
}

async fn a_remembered_browser_without_a_session_is_listed_and_ended(store: Store) {
    let app = app(store.clone());
    let (phone, laptop) = (Browser::new(&app), Browser::new(&app));
    for (browser, device) in [(&phone, "Phone"), (&laptop, "Laptop")] {
        send_login(browser, "username=alice&remember=true", device).await;
    }
    log_in(&Browser::new(&app), "alice", "Tablet").await;
    // Whoever looks with this idle time sees no session any more.
    let config = SessionConfig {
        idle: Duration::from_nanos(1),
        ..SessionConfig::default()
    };
    let registry = session_layer(&config, store).registry();
    let listed = registry.list("alice").await.unwrap();
    let devices: BTreeSet<_> = listed.iter().map(|one| one.device.as_deref()).collect();
    assert_eq!(devices, [Some("Laptop"), Some("Phone")].into());
    assert!(listed.iter().all(|one| !one.is_current));
    let lost = listed
        .iter()
        .find(|one| one.device.as_deref() == Some("Phone"));
    let handle = &lost.unwrap().handle;
    assert!(!registry.revoke("bob", handle).await.unwrap());
    assert!(registry.revoke("alice", handle).await.unwrap());
    assert_eq!(registry.list("alice").await.unwrap().len(), 1);
    for (browser, expected) in [(&phone, ""), (&laptop, "alice")] {
        browser.forget("id");
        assert_eq!(browser.get("/user").await.body, expected);
    }
}

/// Lists in Redis are gone when nothing is in them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stays_in_a_list_after_a_logout() {
    let Some((server, store)) = crate::stores::redis() else {
        return;
    };
    let browser = Browser::new(&app(store));
    browser
        .submit("/login", "username=alice&remember=true")
        .await;
    assert_eq!(server.keys("acton:user:*"), 2);
    browser.submit("/logout", "").await;
    assert_eq!(server.keys("acton:user:*"), 0);
}

/// The clock of the runtime jumps from one look at the store to the next; that of the session does not.
#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_time_of_the_session_is_over() {
    let store = Store::memory();
    let config = acton_session::SessionConfig {
        idle: Duration::from_millis(100),
        ..Default::default()
    };
    let wait = |ended: SessionEnded| ended;
    let streams = Router::new().route("/wait", get(wait));
    let app = app_with(&config, store.clone());
    let streams = streams.layer(acton_session::session_layer(&config, store));
    let browser = Browser::new(&app);
    let start = std::time::Instant::now();
    browser.post("/session/set", "k=a&v=1").await;
    browser.on(&streams).get("/wait").await;
    // The session counts whole milliseconds.
    assert!(start.elapsed() >= Duration::from_millis(99));
}

#[tokio::test]
async fn a_stream_ends_as_soon_as_the_time_of_the_session_is_over() {
    let store = Store::memory();
    let config = SessionConfig {
        absolute: Duration::from_millis(500),
        ..Default::default()
    };
    let wait = |ended: SessionEnded| async move {
        let ended = tokio::time::timeout(Duration::from_secs(5), ended);
        ended.await.is_ok().to_string()
    };
    let layer = acton_session::session_layer(&config, store.clone());
    let streams = Router::new().route("/wait", get(wait)).layer(layer);
    let browser = Browser::new(&app_with(&config, store));
    browser.post("/session/set", "k=a&v=1").await;
    assert_eq!(browser.on(&streams).get("/wait").await.body, "true");
}

#[tokio::test]
async fn a_stream_ends_with_the_session() {
    let store = Store::memory();
    let layer = acton_session::session_layer(&Default::default(), store.clone());
    let wait = |ended: SessionEnded| async move {
        let ended = tokio::time::timeout(Duration::from_secs(5), ended);
        ended.await.is_ok().to_string()
    };
    let streams = Router::new().route("/wait", get(wait)).layer(layer);
    let browser = Browser::new(&app(store));
    log_in(&browser, "alice", "Phone").await;
    let stream = browser.on(&streams);
    let stream = tokio::spawn(async move { stream.get("/wait").await.body });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!stream.is_finished());
    browser.submit("/logout", "").await;
    assert_eq!(stream.await.unwrap(), "true");
}

/// Somebody who is logged in and has a stream open.
async fn listener(user: &str) -> (Browser, SessionEnded) {
    let store = Store::memory();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = std::sync::Arc::new(std::sync::Mutex::new(Some(sender)));
    let listen = |ended: SessionEnded| async move {
        let sender = sender.lock().unwrap().take().unwrap();
        sender.send(ended).ok();
    };
    let layer = acton_session::session_layer(&Default::default(), store.clone());
    let streams = Router::new().route("/listen", get(listen)).layer(layer);
    let browser = Browser::new(&app(store));
    log_in(&browser, user, "Phone").await;
    browser.on(&streams).get("/listen").await;
    (browser, receiver.await.unwrap())
}

/// Whether the stream goes on; the clock of the runtime jumps, so that it looks several times.
async fn goes_on(ended: &mut SessionEnded) -> bool {
    tokio::time::timeout(Duration::from_secs(60), ended)
        .await
        .is_err()
}

/// Where another tab posted when a stream ended, of all it posts.
async fn end_of_a_stream<'a>(user: &str, posts: &[(&'a str, &str)]) -> Option<&'a str> {
    let (browser, mut ended) = listener(user).await;
    for &(path, form) in posts {
        browser.submit(path, form).await;
        if !goes_on(&mut ended).await {
            return Some(path);
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_when_its_session_gets_another_id() {
    let new_ids = [
        ("/cycle", ""),
        ("/login", "username=alice"),
        ("/password", ""),
        ("/cycle", ""),
    ];
    assert_eq!(end_of_a_stream("alice", &new_ids).await, None);
    let over = [("/cycle", ""), ("/password", ""), ("/logout", "")];
    assert_eq!(end_of_a_stream("alice", &over).await, Some("/logout"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_the_user_and_with_the_roles() {
    for (path, form) in [
        ("/login", "username=bob"),
        ("/become", "username=bob"),
        ("/become", "username="),
        ("/become", "username=&fail=true"),
    ] {
        let posts = [("/cycle", ""), (path, form)];
        assert_eq!(end_of_a_stream("alice", &posts).await, Some(path), "{form}");
    }
}

/// At every moment at which the other tab can be closed.
#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_when_an_exchange_is_undone() {
    for times in 0..200 {
        let (browser, mut ended) = listener("alice").await;
        let before = browser.twin();
        assert!(polled(&mut ended, 1).await.is_none());
        if polled(browser.post("/slowly", ""), times).await.is_some() {
            assert!(times > 1, "the request comes to its end at once");
            return;
        }
        // It looks for the session before the exchange is undone, and after that.
        assert!(polled(&mut ended, 1).await.is_none());
        assert!(goes_on(&mut ended).await, "{times}");
        assert_eq!(before.get("/user").await.body, "alice");
        before.submit("/logout", "").await;
        assert!(!goes_on(&mut ended).await, "{times}");
    }
    panic!("the request does not come to an end");
}
