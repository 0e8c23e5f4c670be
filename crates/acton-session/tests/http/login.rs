use acton_session::Store;
use axum::http::{StatusCode, header};

use crate::{
    app::{app, app_that_tells},
    browser::Browser,
};

on_every_store![
    login_exchanges_the_id_and_keeps_what_the_visitor_did,
    after_login_old_tokens_are_refused,
    logout_ends_the_session_for_every_copy_of_the_cookie,
    the_next_user_finds_nothing_of_the_last_one,
    a_login_that_fails_changes_nothing,
    a_poll_with_the_old_id_does_not_undo_a_login,
    what_was_under_way_before_a_login_does_not_reach_it,
    parallel_logins_each_give_a_session,
    a_changed_password_ends_the_other_sessions,
    a_disabled_user_is_out_at_once,
    a_request_under_way_does_not_undo_a_logout,
    whoever_becomes_somebody_gets_a_new_id_however_it_was_written,
];

async fn log_in(browser: &Browser, user: &str) {
    let page = browser
        .submit("/login", &format!("username={user}&next=/me"))
        .await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
}

async fn user(browser: &Browser) -> String {
    browser.get("/user").await.body
}

async fn login_exchanges_the_id_and_keeps_what_the_visitor_did(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/session/set", "k=cart&v=milk").await;
    let before = browser.twin();
    log_in(&browser, "alice").await;
    assert_ne!(browser.cookie(), before.cookie());
    assert_eq!(user(&browser).await, "alice");
    assert_eq!(browser.get("/session/get?k=cart").await.body, "milk");
    assert_eq!(user(&before).await, "");
    assert_eq!(before.get("/session/get?k=cart").await.body, "");
}

async fn after_login_old_tokens_are_refused(store: Store) {
    let browser = Browser::new(&app(store));
    let token = browser.token().await;
    log_in(&browser, "alice").await;
    let page = browser.post("/form", &format!("csrf_token={token}")).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.submit("/form", "").await.status, StatusCode::OK);
}

async fn logout_ends_the_session_for_every_copy_of_the_cookie(store: Store) {
    let browser = Browser::new(&app(store));
    log_in(&browser, "alice").await;
    let copy = browser.twin();
    assert_eq!(
        browser.get("/logout").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(user(&copy).await, "alice");
    let page = browser.submit("/logout", "").await;
    let cookie = page.header(header::SET_COOKIE).unwrap();
    assert_eq!(cookie, "id=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
    assert_eq!(page.header(header::CACHE_CONTROL), Some("no-store"));
    assert_eq!(
        (user(&browser).await, user(&copy).await),
        Default::default()
    );
}

async fn the_next_user_finds_nothing_of_the_last_one(store: Store) {
    let browser = Browser::new(&app(store));
    log_in(&browser, "alice").await;
    browser.post("/session/set", "k=secret&v=of-alice").await;
    browser.post("/flash", "msg=for-alice").await;
    let alice = browser.twin();
    log_in(&browser, "bob").await;
    assert_eq!(user(&browser).await, "bob");
    assert_eq!(browser.get("/session/get?k=secret").await.body, "");
    assert_eq!(browser.get("/flash").await.body, "");
    assert_eq!(browser.get("/admin").await.body, "SECRET");
    assert_eq!(user(&alice).await, "");
}

async fn a_login_that_fails_changes_nothing(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/session/set", "k=cart&v=milk").await;
    let id = browser.cookie();
    let page = browser.submit("/login", "username=alice&fail=true").await;
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.cookie(), id);
    assert_eq!(user(&browser).await, "");
    assert_eq!(browser.get("/session/get?k=cart").await.body, "milk");
}

async fn a_poll_with_the_old_id_does_not_undo_a_login(store: Store) {
    let app = app(store);
    for _ in 0..20 {
        let browser = Browser::new(&app);
        browser.token().await;
        let old = browser.twin();
        log_in(&browser, "alice").await;
        for path in [
            "/user",
            "/form",
            "/flash",
            "/session/get?k=a",
            "/page?take=true",
        ] {
            assert_eq!(
                old.get(path).await.header(header::SET_COOKIE),
                None,
                "{path}"
            );
        }
        old.post("/flash", "msg=late").await;
        assert_eq!(user(&browser).await, "alice");
        assert_eq!(browser.get("/flash").await.body, "");
    }
}

async fn what_was_under_way_before_a_login_does_not_reach_it(store: Store) {
    let (app, loaded) = app_that_tells(store);
    let browser = Browser::new(&app);
    browser.post("/session/set", "k=a&v=1").await;
    loaded.forget_permits(usize::MAX);
    let slow = browser.twin();
    let slow = tokio::spawn(async move {
        slow.post("/session/set", "k=planted&v=2&delay_ms=300")
            .await
    });
    loaded.acquire().await.unwrap().forget();
    log_in(&browser, "alice").await;
    let slow = slow.await.unwrap();
    assert_eq!(
        (slow.status, slow.header(header::SET_COOKIE)),
        (StatusCode::OK, None)
    );
    assert_eq!(browser.get("/session/get?k=planted").await.body, "");
}

async fn parallel_logins_each_give_a_session(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/session/set", "k=cart&v=milk").await;
    let token = browser.token().await;
    // A hash takes a while, in which the others arrive.
    let logins = (0..8).map(|_| {
        let (browser, token) = (browser.twin(), token.clone());
        tokio::spawn(async move {
            let form = format!("csrf_token={token}&username=alice&thinks_ms=300");
            let page = browser.post("/login", &form).await;
            (page.status, browser)
        })
    });
    let mut succeeded = 0;
    for login in logins.collect::<Vec<_>>() {
        let (status, browser) = login.await.unwrap();
        // Whoever arrived after the first one finds that the form has expired.
        if status == StatusCode::SEE_OTHER {
            succeeded += 1;
            assert_eq!(user(&browser).await, "alice");
            assert_eq!(browser.get("/session/get?k=cart").await.body, "milk");
        } else {
            assert_eq!(status, StatusCode::FORBIDDEN);
        }
    }
    assert!(succeeded > 1, "{succeeded}");
}

async fn a_changed_password_ends_the_other_sessions(store: Store) {
    let app = app(store);
    let (here, there) = (Browser::new(&app), Browser::new(&app));
    log_in(&here, "alice").await;
    log_in(&there, "alice").await;
    let before = here.twin();
    assert_eq!(here.submit("/password", "").await.status, StatusCode::OK);
    assert_ne!(here.cookie(), before.cookie());
    assert_eq!(user(&here).await, "alice");
    assert_eq!(
        (user(&there).await, user(&before).await),
        Default::default()
    );
}

async fn a_disabled_user_is_out_at_once(store: Store) {
    let app = app(store);
    let (alice, bob) = (Browser::new(&app), Browser::new(&app));
    log_in(&alice, "alice").await;
    log_in(&bob, "bob").await;
    let page = bob.submit("/disable", "username=alice").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(user(&alice).await, "");
    assert_eq!(user(&bob).await, "bob");
}

async fn whoever_becomes_somebody_gets_a_new_id_however_it_was_written(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/session/set", "k=cart&v=milk").await;
    let mut ids = vec![browser.cookie()];
    for form in [
        "username=alice",
        "username=&fail=true",
        "username=bob",
        "username=",
    ] {
        browser.post("/become", form).await;
        let id = browser.cookie();
        assert!(!ids.contains(&id), "{form}");
        ids.push(id);
        let kept = if ids.len() <= 3 { "milk" } else { "" };
        assert_eq!(
            browser.get("/session/get?k=cart").await.body,
            kept,
            "{form}"
        );
    }
    assert_eq!(user(&browser).await, "");
}

async fn a_request_under_way_does_not_undo_a_logout(store: Store) {
    let (app, loaded) = app_that_tells(store);
    let browser = Browser::new(&app);
    log_in(&browser, "alice").await;
    let (copy, slow) = (browser.twin(), browser.twin());
    let slow = tokio::spawn(async move { slow.post("/session/set", "k=a&v=1&delay_ms=300").await });
    loaded.acquire().await.unwrap().forget();
    browser.submit("/logout", "").await;
    assert_eq!(slow.await.unwrap().status, StatusCode::OK);
    assert_eq!(user(&copy).await, "");
}
