//! What one handler does one after the other.

use acton_session::{
    AuthSession, Error, SessionConfig, SessionRegistry, Store, TypedSession, session_layer,
};
use axum::{Router, extract::Path, routing::get};

use crate::{app::app, browser::Browser};

on_every_store![
    whoever_logs_in_and_ends_the_other_sessions_stays,
    whoever_asks_to_be_remembered_and_ends_the_other_sessions_is_remembered,
    a_login_that_is_written_is_the_current_session,
];

/// Logs in, writes it at once, and goes on with the sessions of the user.
async fn log_in(
    mut auth: TypedSession<AuthSession>,
    sessions: SessionRegistry,
    Path(steps): Path<String>,
) -> Result<String, Error> {
    auth.login("alice").await?;
    if steps.contains("remember") {
        auth.remember().await?;
    }
    auth.session().save().await?;
    if steps.contains("others") {
        sessions.revoke_others("alice").await?;
    }
    let listed = sessions.list("alice").await?;
    let current = listed.iter().filter(|session| session.is_current);
    Ok(format!("{} of {}", current.count(), listed.len()))
}

/// A visitor without a session, and one with.
async fn visitors(store: &Store) -> [Browser; 2] {
    let logins = Router::new().route("/login/{steps}", get(log_in));
    let logins = logins.layer(session_layer(&SessionConfig::default(), store.clone()));
    let app = app(store.clone()).merge(logins);
    let [stranger, visitor] = [Browser::new(&app), Browser::new(&app)];
    visitor.post("/session/set", "k=a&v=1").await;
    [stranger, visitor]
}

async fn user(browser: &Browser) -> String {
    browser.get("/user").await.body
}

async fn whoever_logs_in_and_ends_the_other_sessions_stays(store: Store) {
    for browser in visitors(&store).await {
        let other = Browser::new(&app(store.clone()));
        other.submit("/login", "username=alice").await;
        browser.get("/login/others").await;
        assert_eq!(user(&browser).await, "alice");
        assert_eq!(user(&other).await, "");
    }
}

async fn whoever_asks_to_be_remembered_and_ends_the_other_sessions_is_remembered(store: Store) {
    for browser in visitors(&store).await {
        browser.get("/login/remember,others").await;
        browser.forget("id");
        assert_eq!(user(&browser).await, "alice");
    }
}

async fn a_login_that_is_written_is_the_current_session(store: Store) {
    let [stranger, visitor] = visitors(&store).await;
    assert_eq!(stranger.get("/login/now").await.body, "1 of 1");
    assert_eq!(visitor.get("/login/now").await.body, "1 of 2");
    assert_eq!(visitor.get("/login/others").await.body, "1 of 1");
}
