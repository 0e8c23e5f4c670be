use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use acton_session::{CurrentUser, SessionConfig, Store, session_layer};
use axum::{
    Router,
    extract::OptionalFromRequestParts,
    http::{StatusCode, header, request::Parts},
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::sync::Semaphore;

use crate::{
    app::{app, app_with},
    browser::Browser,
    stores::Shelf,
};

on_every_store![
    a_remembered_browser_is_logged_in_again,
    an_old_token_that_comes_back_logs_the_user_out_everywhere,
    requests_sent_together_share_one_session,
    logging_out_forgets_the_browser,
    ending_a_session_from_outside_forgets_its_browser,
    a_changed_password_forgets_the_other_browsers,
    a_copy_of_the_cookie_does_not_outlive_a_changed_password,
    whoever_has_copied_the_session_alone_is_not_remembered,
    logging_out_ends_what_the_browser_had_before_it_was_closed,
    a_token_that_is_unknown_is_nobody_and_deletes_nothing,
    the_next_user_is_not_remembered_as_the_last_one,
    a_browser_that_is_remembered_for_long_is_still_forgotten_on_demand,
];

async fn log_in(app: &axum::Router, user: &str) -> Browser {
    let browser = Browser::new(app);
    let form = format!("username={user}&remember=true");
    let page = browser.submit("/login", &form).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    browser
}

async fn user(browser: &Browser) -> String {
    browser.get("/user").await.body
}

async fn a_remembered_browser_is_logged_in_again(store: Store) {
    let browser = log_in(&app(store), "bob").await;
    for _ in 0..3 {
        let token = browser.named("remember");
        browser.forget("id");
        assert_eq!(user(&browser).await, "bob");
        assert_ne!(browser.named("remember"), token);
        assert!(browser.cookie().is_some());
        assert_eq!(browser.get("/admin").await.body, "SECRET");
        assert_eq!(browser.submit("/form", "").await.status, StatusCode::OK);
    }
}

async fn an_old_token_that_comes_back_logs_the_user_out_everywhere(store: Store) {
    let app = app(store);
    let (owner, elsewhere) = (log_in(&app, "alice").await, log_in(&app, "alice").await);
    let thief = owner.twin();
    thief.forget("id");
    for _ in 0..2 {
        owner.forget("id");
        assert_eq!(user(&owner).await, "alice");
    }
    let page = thief.get("/user").await;
    assert_eq!(page.body, "");
    assert_eq!(page.header(header::CACHE_CONTROL), Some("no-store"));
    assert_eq!(thief.named("remember"), None);
    assert_eq!(
        (user(&owner).await, user(&elsewhere).await),
        Default::default()
    );
    elsewhere.forget("id");
    assert_eq!(user(&elsewhere).await, "");
}

/// As when a browser opens all its tabs again: whichever answer comes last, the forms of every tab work.
async fn requests_sent_together_share_one_session(store: Store) {
    let browser = log_in(&app(store), "alice").await;
    browser.forget("id");
    let twins: Vec<_> = (0..6).map(|_| browser.twin()).collect();
    let requests = twins.into_iter().map(|browser| {
        tokio::spawn(async move {
            let token = browser.token().await;
            (token, browser)
        })
    });
    let mut tabs = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        tabs.push(request.await.unwrap());
    }
    let (_, last) = tabs.last().unwrap().clone();
    for (token, tab) in &tabs {
        assert_eq!(user(tab).await, "alice");
        assert_eq!(tab.cookie(), last.cookie());
        let page = last.post("/form", &format!("csrf_token={token}")).await;
        assert_eq!(page.status, StatusCode::OK);
    }
    let renewed = tabs
        .iter()
        .filter(|(_, tab)| tab.named("remember") != browser.named("remember"));
    assert_eq!(renewed.count(), 1);
    assert_eq!(last.get("/sessions").await.body.lines().count(), 1);
}

async fn logging_out_forgets_the_browser(store: Store) {
    let browser = log_in(&app(store), "alice").await;
    let copy = browser.twin();
    copy.forget("id");
    let page = browser.submit("/logout", "").await;
    assert_eq!(page.headers.get_all(header::SET_COOKIE).iter().count(), 2);
    assert_eq!((browser.named("remember"), browser.cookie()), (None, None));
    assert_eq!(user(&copy).await, "");
}

async fn ending_a_session_from_outside_forgets_its_browser(store: Store) {
    let app = app(store);
    let (here, there) = (log_in(&app, "alice").await, log_in(&app, "alice").await);
    let listed = here.get("/sessions").await.body;
    let other = listed.lines().find(|line| line.ends_with("false")).unwrap();
    let handle = other.split(' ').next().unwrap();
    here.submit("/sessions", &format!("handle={handle}")).await;
    assert_eq!(user(&there).await, "");
    here.forget("id");
    assert_eq!(user(&here).await, "alice");
}

async fn a_changed_password_forgets_the_other_browsers(store: Store) {
    let app = app(store);
    let (here, there) = (log_in(&app, "alice").await, log_in(&app, "alice").await);
    here.submit("/password", "").await;
    for (browser, expected) in [(&here, "alice"), (&there, "")] {
        browser.forget("id");
        assert_eq!(user(browser).await, expected);
    }
}

/// Neither where the thief has not come yet, nor where one has.
async fn a_copy_of_the_cookie_does_not_outlive_a_changed_password(store: Store) {
    for (has_come, path) in [(false, "/password"), (true, "/password"), (true, "/others")] {
        let owner = log_in(&app(store.clone()), "alice").await;
        let thief = owner.twin();
        thief.forget("id");
        if has_come {
            assert_eq!(user(&thief).await, "alice");
        }
        let copied = owner.named("remember");
        let page = owner.submit(path, "").await;
        assert_eq!(page.status, StatusCode::OK);
        assert_ne!(owner.named("remember"), copied);
        assert_eq!(user(&thief).await, "", "{has_come} {path}");
        thief.forget("id");
        assert_eq!(user(&thief).await, "", "{has_come} {path}");
        assert_eq!(user(&owner).await, "alice");
        owner.forget("id");
        assert_eq!(user(&owner).await, "alice", "{has_come} {path}");
        let listed = owner.get("/sessions").await.body;
        assert_eq!(listed.lines().count(), 1, "{listed}");
        owner.submit("/logout", "").await;
    }
}

/// A session ends some day; what a browser is remembered by would not.
async fn whoever_has_copied_the_session_alone_is_not_remembered(store: Store) {
    for path in ["/password", "/others"] {
        let owner = log_in(&app(store.clone()), "alice").await;
        let thief = owner.twin();
        thief.forget("remember");
        thief.submit(path, "").await;
        assert_eq!(user(&thief).await, "alice");
        assert_eq!(thief.named("remember"), None, "{path}");
        thief.forget("id");
        assert_eq!(user(&thief).await, "", "{path}");
    }
}

/// As when a browser is closed, which ends no session, and opened again.
async fn logging_out_ends_what_the_browser_had_before_it_was_closed(store: Store) {
    let app = app(store);
    let (browser, other) = (log_in(&app, "alice").await, log_in(&app, "alice").await);
    let closed = browser.twin();
    browser.forget("id");
    assert_eq!(user(&browser).await, "alice");
    assert_eq!(user(&closed).await, "alice");
    browser.submit("/logout", "").await;
    assert_eq!(user(&closed).await, "");
    assert_eq!(user(&other).await, "alice");
}

async fn a_token_that_is_unknown_is_nobody_and_deletes_nothing(store: Store) {
    let browser = Browser::new(&app(store));
    let token = "A".repeat(64);
    browser.set_named("remember", &token);
    assert_eq!(user(&browser).await, "");
    assert_eq!(browser.named("remember"), Some(token));
}

async fn the_next_user_is_not_remembered_as_the_last_one(store: Store) {
    let browser = log_in(&app(store), "alice").await;
    browser.submit("/login", "username=bob").await;
    assert_eq!(browser.named("remember"), None);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(user(&browser).await, "bob");
}

/// Every visit makes the time longer, and the list of the user has to follow.
async fn a_browser_that_is_remembered_for_long_is_still_forgotten_on_demand(store: Store) {
    let config = SessionConfig {
        remember: Duration::from_millis(1_000),
        ..SessionConfig::default()
    };
    let registry = session_layer(&config, store.clone()).registry();
    let browser = log_in(&app_with(&config, store), "alice").await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(600)).await;
        browser.forget("id");
        user(&browser).await;
    }
    registry.revoke_all("alice").await.unwrap();
    assert_eq!(user(&browser).await, "");
    browser.forget("id");
    assert_eq!(user(&browser).await, "");
}

/// Whoever reads the store finds neither ids nor what a browser is remembered by.
#[tokio::test(start_paused = true)]
async fn what_a_store_holds_opens_nothing() {
    let shelf = Shelf::default();
    let browser = log_in(&app(Store::custom(shelf.clone())), "alice").await;
    let mut secrets = Vec::new();
    for _ in 0..3 {
        secrets.extend([
            browser.cookie().unwrap(),
            browser.named("remember").unwrap(),
        ]);
        browser.forget("id");
        assert_eq!(user(&browser).await, "alice");
    }
    let stored = shelf.text();
    assert!(stored.contains("alice"), "{stored}");
    for secret in secrets {
        assert!(!stored.contains(&secret), "{secret} in {stored}");
        // Nor as its bytes, nor the secret half of the token.
        let bytes = URL_SAFE_NO_PAD.decode(&secret).unwrap();
        for part in [&bytes[..], &bytes[bytes.len() / 3..]] {
            let listed = serde_json::to_string(part).unwrap();
            assert!(
                !stored.contains(listed.trim_matches(['[', ']'])),
                "{stored}"
            );
        }
    }
}

/// The owner came back and went on; a copy of what brought the owner back is worth nothing any more.
#[tokio::test(start_paused = true)]
async fn a_token_that_was_used_is_a_theft_once_its_successor_has_arrived() {
    let shelf = Shelf::default();
    let app = app(Store::custom(shelf.clone()));
    let (owner, elsewhere) = (log_in(&app, "alice").await, log_in(&app, "alice").await);
    let thief = owner.twin();
    thief.forget("id");
    owner.forget("id");
    for _ in 0..2 {
        assert_eq!(user(&owner).await, "alice");
    }
    shelf.age_remembered(Duration::from_secs(11));
    assert_eq!(user(&thief).await, "");
    assert_eq!(thief.named("remember"), None);
    assert_eq!(
        (user(&owner).await, user(&elsewhere).await),
        Default::default()
    );
}

/// It has the session from an answer beside the lost one, and the token from before.
#[tokio::test(start_paused = true)]
async fn a_browser_that_lost_the_next_token_is_no_thief() {
    let shelf = Shelf::default();
    let app = app(Store::custom(shelf.clone()));
    let browser = log_in(&app, "alice").await;
    browser.forget("id");
    let lost = browser.twin();
    assert_eq!(user(&lost).await, "alice");
    for _ in 0..2 {
        assert_eq!(user(&browser).await, "alice");
    }
    assert_eq!(browser.cookie(), lost.cookie());
    shelf.age_remembered(Duration::from_secs(11));
    browser.forget("id");
    assert_eq!(user(&browser).await, "alice");
    assert_ne!(browser.named("remember"), lost.named("remember"));
}

/// It waited before anybody asked who sent it, and what came with it had long gone on.
#[tokio::test(start_paused = true)]
async fn a_request_that_was_sent_with_the_last_token_and_waited_is_no_theft() {
    let shelf = Shelf::default();
    let store = Store::custom(shelf.clone());
    let gate = Arc::new(Semaphore::new(0));
    let (arrived, go_on) = (Arc::new(Semaphore::new(0)), Arc::clone(&gate));
    let tell = Arc::clone(&arrived);
    let late = async move |mut parts: Parts| {
        tell.add_permits(1);
        go_on.acquire().await.unwrap().forget();
        let user =
            <CurrentUser as OptionalFromRequestParts<()>>::from_request_parts(&mut parts, &());
        let user = user.await.unwrap();
        user.map(|user| user.id).unwrap_or_default()
    };
    let layer = session_layer(&SessionConfig::default(), store.clone());
    let waiting = Router::new().route("/late", get(late)).layer(layer);
    let browser = log_in(&app(store), "alice").await;
    browser.forget("id");
    let tab = browser.twin().on(&waiting);
    let tab = tokio::spawn(async move { tab.get("/late").await.body });
    arrived.acquire().await.unwrap().forget();
    // The next token is there, and known to have arrived.
    for _ in 0..2 {
        assert_eq!(user(&browser).await, "alice");
    }
    // The moment in which the last token is good beside it is over just after the request arrived.
    let arrived = SystemTime::now();
    while SystemTime::now() < arrived + Duration::from_millis(2) {
        tokio::task::yield_now().await;
    }
    shelf.renew_remembered(SystemTime::now() - Duration::from_secs(10));
    gate.add_permits(1);
    assert_eq!(tab.await.unwrap(), "alice");
    assert_eq!(user(&browser).await, "alice");
}

/// Also where the session has another id by then.
#[tokio::test(start_paused = true)]
async fn that_a_token_arrived_is_written_down_once() {
    let shelf = Shelf::default();
    let app = app(Store::custom(shelf.clone()));
    let browser = log_in(&app, "alice").await;
    browser.forget("id");
    assert_eq!(user(&browser).await, "alice");
    let awaited = |shelf: &Shelf| shelf.text().matches(r#""awaits":""#).count();
    assert_eq!(awaited(&shelf), 1);
    assert!(!shelf.text().contains(r#""is_confirmed":true"#));
    browser.post("/cycle", "").await;
    assert_eq!(awaited(&shelf), 0);
    let written = shelf.text();
    assert_eq!(written.matches(r#""is_confirmed":true"#).count(), 1);
    assert_eq!(user(&browser).await, "alice");
    assert_eq!(shelf.text().len(), written.len());
}

/// The session is used all the same, and the next request writes it down.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_when_a_token_has_arrived_costs_nobody_the_session() {
    for commands in 1..4 {
        let shelf = Shelf::default();
        let browser = log_in(&app(Store::custom(shelf.clone())), "alice").await;
        browser.forget("id");
        user(&browser).await;
        shelf.fail_after(commands);
        assert_eq!(user(&browser).await, "alice", "{commands}");
        shelf.answer_again();
        assert!(shelf.text().contains(r#""awaits":""#), "{commands}");
        assert_eq!(user(&browser).await, "alice", "{commands}");
        assert!(!shelf.text().contains(r#""awaits":""#), "{commands}");
        assert!(
            shelf.text().contains(r#""is_confirmed":true"#),
            "{commands}"
        );
    }
}

/// Wherever the store stops answering, the thief is known when it answers again.
#[tokio::test(start_paused = true)]
async fn a_theft_that_is_noticed_while_the_store_fails_is_noticed_again() {
    for commands in 0.. {
        let shelf = Shelf::default();
        let app = app(Store::custom(shelf.clone()));
        let (owner, elsewhere) = (log_in(&app, "alice").await, log_in(&app, "alice").await);
        let thief = owner.twin();
        thief.forget("id");
        for _ in 0..2 {
            owner.forget("id");
            assert_eq!(user(&owner).await, "alice");
        }
        let stolen = thief.named("remember");
        shelf.fail_after(commands);
        let page = thief.get("/user").await;
        shelf.answer_again();
        let is_noticed_again = page.status == StatusCode::SERVICE_UNAVAILABLE;
        if is_noticed_again {
            assert_eq!(page.header(header::SET_COOKIE), None, "{commands}");
            assert_eq!(thief.named("remember"), stolen, "{commands}");
            assert_eq!(user(&thief).await, "", "{commands}");
        }
        assert_eq!(thief.named("remember"), None, "{commands}");
        for browser in [&owner, &elsewhere] {
            assert_eq!(user(browser).await, "", "{commands}");
            browser.forget("id");
            assert_eq!(user(browser).await, "", "{commands}");
        }
        if !is_noticed_again {
            assert!(commands > 4, "the store did not fail half-way");
            return;
        }
    }
}

/// Between the moment in which a theft is noticed and the end of it, the newest token lets nobody in either.
#[tokio::test(start_paused = true)]
async fn a_series_that_was_stolen_lets_nobody_in_while_its_user_is_being_logged_out() {
    let shelf = Shelf::default();
    let app = app(Store::custom(shelf.clone()));
    let owner = log_in(&app, "alice").await;
    let thief = owner.twin();
    thief.forget("id");
    for _ in 0..2 {
        owner.forget("id");
        user(&owner).await;
    }
    // It reads the series, marks it, and that is all.
    shelf.fail_after(3);
    let page = thief.get("/user").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    shelf.answer_again();
    owner.forget("id");
    assert_eq!(user(&owner).await, "");
}

#[tokio::test]
async fn whoever_logs_in_from_nowhere_is_not_remembered_as_somebody_else() {
    let browser = log_in(&app(Store::memory()), "alice").await;
    // Written without a word, so nobody forgot the browser.
    browser.post("/become", "username=").await;
    browser.submit("/login", "username=bob").await;
    assert_eq!(browser.named("remember"), None);
    browser.forget("id");
    assert_eq!(user(&browser).await, "");
}

#[tokio::test]
async fn a_login_that_fails_leaves_the_browser_remembered_as_it_was() {
    let browser = log_in(&app(Store::memory()), "alice").await;
    let remembered = browser.named("remember");
    browser
        .submit("/login", "username=bob&remember=true&fail=true")
        .await;
    assert_eq!(browser.named("remember"), remembered);
    browser.forget("id");
    assert_eq!(user(&browser).await, "alice");
}

#[tokio::test]
async fn a_login_that_fails_is_not_remembered() {
    let browser = Browser::new(&app(Store::memory()));
    let form = "username=alice&remember=true&fail=true";
    browser.submit("/login", form).await;
    assert_eq!(browser.named("remember"), None);
}

#[tokio::test]
async fn a_page_that_touches_nothing_renews_nothing() {
    let browser = log_in(&app(Store::memory()), "alice").await;
    browser.forget("id");
    let page = browser.get("/").await;
    assert_eq!(page.header(header::SET_COOKIE), None);
}
