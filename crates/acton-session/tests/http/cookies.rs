use std::time::Duration;

use acton_session::{
    ConfigError, CsrfConfig, SameSite, Session, SessionConfig, SessionLayer, Store, session_layer,
};
use axum::{Router, http::header, routing::get};

use crate::{
    app::{app_in, csrf},
    browser::{Browser, Page},
};

async fn set(config: &SessionConfig, origin: &str) -> Page {
    let layer = SessionLayer::try_new(config, &csrf(), Some(origin), Store::memory()).unwrap();
    let browser = Browser::new(&app_in(layer));
    browser.post("/session/set", "k=a&v=1").await
}

fn refused(config: &SessionConfig, csrf: &CsrfConfig, origin: &str) -> Option<ConfigError> {
    SessionLayer::try_new(config, csrf, Some(origin), Store::memory()).err()
}

#[tokio::test]
async fn under_https_the_cookie_is_bound_to_the_host() {
    let page = set(&SessionConfig::default(), "https://app.test").await;
    let cookie = page.header(header::SET_COOKIE).unwrap();
    let (pair, attributes) = cookie.split_once(';').unwrap();
    assert!(pair.starts_with("__Host-id="));
    assert_eq!(attributes, " HttpOnly; SameSite=Lax; Secure; Path=/");
}

#[tokio::test]
async fn a_slip_in_an_https_origin_takes_no_protection_away() {
    for origin in [
        "https://app.test/",
        "HTTPS://app.test",
        "https://user@app.test",
    ] {
        let layer = session_layer(&SessionConfig::default(), Store::memory());
        let browser = Browser::new(&app_in(layer.csrf(csrf()).public_origin(origin)));
        let page = browser.post("/session/set", "k=a&v=1").await;
        let cookie = page.header(header::SET_COOKIE).unwrap();
        assert!(
            cookie.starts_with("__Host-id=") && cookie.contains("; Secure"),
            "{origin}"
        );
    }
}

#[tokio::test]
async fn under_http_the_cookie_has_no_prefix() {
    let page = set(&SessionConfig::default(), "http://localhost:3000").await;
    let cookie = page.header(header::SET_COOKIE).unwrap();
    assert!(cookie.starts_with("id=") && !cookie.contains("Secure"));
    assert!(!cookie.contains("Domain"));
}

#[tokio::test]
async fn a_persistent_cookie_lasts_as_long_as_the_session_can() {
    let config = SessionConfig {
        persistent: true,
        ..SessionConfig::default()
    };
    let page = set(&config, "http://localhost:3000").await;
    let cookie = page.header(header::SET_COOKIE).unwrap();
    assert!(cookie.ends_with("Max-Age=604800"), "{cookie}");
}

#[test]
fn what_browsers_would_refuse_is_refused_at_the_start() {
    let config = SessionConfig {
        same_site: SameSite::None,
        ..SessionConfig::default()
    };
    let csrf = CsrfConfig::default();
    assert_eq!(
        refused(&config, &csrf, "http://localhost:3000"),
        Some(ConfigError::SameSiteNone)
    );
    assert_eq!(refused(&config, &csrf, "https://app.test"), None);
}

#[test]
fn settings_that_mean_nothing_are_refused_by_name() {
    let config = SessionConfig {
        idle: Duration::ZERO,
        ..SessionConfig::default()
    };
    let csrf = CsrfConfig::default();
    let refusal = refused(&config, &csrf, "https://app.test").unwrap();
    assert!(refusal.to_string().contains("session.idle"));

    let config = SessionConfig::default();
    let refusal = refused(&config, &csrf, "app.test").unwrap();
    assert!(refusal.to_string().contains("service.public_origin"));

    let csrf = CsrfConfig {
        trusted_origins: vec!["https://*.test".to_owned()],
        ..CsrfConfig::default()
    };
    let refusal = refused(&config, &csrf, "https://app.test").unwrap();
    assert!(refusal.to_string().contains("csrf.trusted_origins"));

    let csrf = CsrfConfig {
        exempt: vec!["hooks".to_owned()],
        ..CsrfConfig::default()
    };
    let refusal = refused(&config, &csrf, "https://app.test").unwrap();
    assert!(refusal.to_string().contains("csrf.exempt"));
}

/// Whoever shares a cache shares what it holds, cookies and all.
#[tokio::test]
async fn an_answer_with_a_cookie_is_kept_by_no_shared_cache() {
    for (said, expected) in [
        ("public, max-age=3600", "no-store"),
        ("max-age=60", "no-store"),
        ("no-store, max-age=0", "no-store, max-age=0"),
        ("max-age=60, Private", "max-age=60, Private"),
    ] {
        let handler = move |session: Session| async move {
            session.insert("a", 1).await.unwrap();
            [(header::CACHE_CONTROL, said)]
        };
        let layer = session_layer(&SessionConfig::default(), Store::memory());
        let browser = Browser::new(&Router::new().route("/", get(handler)).layer(layer));
        let page = browser.get("/").await;
        assert!(page.header(header::SET_COOKIE).is_some());
        assert_eq!(page.header(header::CACHE_CONTROL), Some(expected));
        // Without a cookie the handler knows best.
        let page = browser.get("/").await;
        assert_eq!(page.header(header::SET_COOKIE), None);
        assert_eq!(page.header(header::CACHE_CONTROL), Some(said));
    }
}
