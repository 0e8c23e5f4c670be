use std::fmt::Write as _;

use acton_session::{CsrfExempt, SessionConfig, Store, session_layer};
use axum::{
    Extension, Router,
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    app::{app, app_in},
    browser::{Browser, Page, form_request},
    stores::Shelf,
};

const UNSAFE: [Method; 4] = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

on_every_store![
    a_valid_token_opens_every_method,
    without_a_token_nothing_happens,
    damaged_tokens_are_refused,
    a_token_belongs_to_one_session,
    an_old_token_of_the_same_session_is_good,
    a_token_stays_good_when_the_id_is_exchanged,
];

fn browser() -> Browser {
    Browser::new(&app(Store::memory()))
}

async fn effects(browser: &Browser) -> String {
    browser.get("/form/count").await.body
}

async fn with_header(browser: &Browser, method: Method, token: &str) -> Page {
    let request = Request::builder().method(method).uri("/form");
    browser
        .send(request.header("x-csrf-token", token), "")
        .await
}

async fn a_valid_token_opens_every_method(store: Store) {
    let browser = Browser::new(&app(store));
    let token = browser.token().await;
    for method in UNSAFE {
        let page = with_header(&browser, method, &token).await;
        assert_eq!(page.status, StatusCode::OK);
    }
    assert_eq!(browser.submit("/form", "a=1").await.status, StatusCode::OK);
    assert_eq!(effects(&browser).await, "5");
}

async fn without_a_token_nothing_happens(store: Store) {
    let browser = Browser::new(&app(store));
    browser.token().await;
    for method in UNSAFE {
        for (name, value) in [
            ("hx-request", "true"),
            ("x-requested-with", "XMLHttpRequest"),
            ("accept", "application/json"),
            ("accept", "*/*"),
        ] {
            let request = form_request(method.clone(), "/form").header(name, value);
            assert_eq!(
                browser.send(request, "a=1").await.status,
                StatusCode::FORBIDDEN
            );
        }
    }
    assert_eq!(effects(&browser).await, "0");
}

async fn damaged_tokens_are_refused(store: Store) {
    let browser = Browser::new(&app(store));
    let token = browser.token().await;
    let long = "A".repeat(100_000);
    for damaged in ["", "x", &token[..40], "!!!!", &long] {
        let page = with_header(&browser, Method::POST, damaged).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        let page = browser
            .post("/form", &format!("csrf_token={damaged}"))
            .await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
    }
    for form in [
        format!("csrf_token[]={token}"),
        format!("csrf_token={token}&csrf_token={token}"),
    ] {
        assert_eq!(
            browser.post("/form", &form).await.status,
            StatusCode::FORBIDDEN
        );
    }
    assert_eq!(effects(&browser).await, "0");
}

async fn a_token_belongs_to_one_session(store: Store) {
    let app = app(store);
    let (alice, mallory) = (Browser::new(&app), Browser::new(&app));
    alice.token().await;
    let token = mallory.token().await;
    let page = with_header(&alice, Method::POST, &token).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

async fn an_old_token_of_the_same_session_is_good(store: Store) {
    let browser = Browser::new(&app(store));
    let token = browser.token().await;
    for _ in 0..10 {
        assert_ne!(browser.token().await, token);
    }
    let page = with_header(&browser, Method::POST, &token).await;
    assert_eq!(page.status, StatusCode::OK);
}

async fn a_token_stays_good_when_the_id_is_exchanged(store: Store) {
    let browser = Browser::new(&app(store));
    let token = browser.token().await;
    let old = browser.cookie();
    for path in ["/cycle", "/slowly"] {
        browser.post(path, "").await;
        assert_ne!(browser.cookie(), old);
        let page = with_header(&browser, Method::POST, &token).await;
        assert_eq!(page.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn safe_methods_need_no_token_and_spelling_counts() {
    let browser = browser();
    for (method, expected) in [
        ("GET", StatusCode::OK),
        ("HEAD", StatusCode::OK),
        ("OPTIONS", StatusCode::OK),
        ("post", StatusCode::FORBIDDEN),
        ("get", StatusCode::FORBIDDEN),
        ("QUERY", StatusCode::FORBIDDEN),
    ] {
        let request = Request::builder().method(method).uri("/form");
        assert_eq!(browser.send(request, "").await.status, expected, "{method}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_websocket_for_a_visitor() {
    let browser = browser();
    browser.token().await;
    let stranger = self::browser();
    for (name, value, expected) in [
        ("origin", "https://evil.test", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        ("sec-fetch-site", "same-site", StatusCode::FORBIDDEN),
        ("origin", "https://app.test", StatusCode::OK),
        ("sec-fetch-site", "same-origin", StatusCode::OK),
        ("accept", "*/*", StatusCode::OK),
    ] {
        let request = |upgrade| {
            let request = Request::get("/form").header("host", "app.test");
            request.header("upgrade", upgrade).header(name, value)
        };
        for upgrade in ["websocket", "h2c, WebSocket"] {
            let page = browser.send(request(upgrade), "").await;
            assert_eq!(page.status, expected, "{name}: {value}");
        }
        // Whoever has no cookie has no power, and links lead here from everywhere.
        for page in [
            stranger.twin().send(request("websocket"), "").await,
            browser.send(request("h2c"), "").await,
        ] {
            assert_eq!(page.status, StatusCode::OK, "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn a_login_form_needs_a_token_too() {
    let page = browser().post("/login", "username=alice").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_header_decides_where_both_are_sent() {
    let browser = browser();
    let token = browser.token().await;
    for bad in ["bad", ""] {
        let request = form_request(Method::POST, "/form").header("x-csrf-token", bad);
        let page = browser.send(request, format!("csrf_token={token}")).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
    }
    let request = form_request(Method::POST, "/form").header("x-csrf-token", token);
    let page = browser.send(request, "csrf_token=bad").await;
    assert_eq!(page.status, StatusCode::OK);
}

fn multipart(token: &str, size: usize) -> (&'static str, String) {
    let mut body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{token}\r\n\
         --XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
    );
    body.extend(std::iter::repeat_n('x', size));
    write!(body, "\r\n--XX--\r\n").unwrap();
    ("multipart/form-data; boundary=XX", body)
}

#[tokio::test]
async fn an_upload_arrives_whole() {
    let browser = browser();
    for size in [0, 1_000, 1_000_000] {
        let (content_type, body) = multipart(&browser.token().await, size);
        let length = body.len().to_string();
        let pieces: Vec<_> = body
            .into_bytes()
            .chunks(1_000)
            .map(|piece| Ok::<_, std::io::Error>(bytes::Bytes::copy_from_slice(piece)))
            .collect();
        let request = Request::post("/upload").header(header::CONTENT_TYPE, content_type);
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let page = browser.send(request, body).await;
        assert_eq!((page.status, page.body), (StatusCode::OK, length));
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_error_of_ours() {
    let browser = browser();
    browser.token().await;
    let broken =
        futures_util::stream::iter([Err::<bytes::Bytes, _>(std::io::Error::other("gone"))]);
    let request = form_request(Method::POST, "/form");
    let page = browser.send(request, Body::from_stream(broken)).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_bearer_token_without_a_cookie_needs_no_other() {
    let browser = browser();
    let request = || Request::post("/upload").header("authorization", "Bearer abc");
    assert_eq!(browser.send(request(), "{}").await.status, StatusCode::OK);
    browser.token().await;
    assert_eq!(
        browser.send(request(), "{}").await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn exempt_paths_are_compared_exactly() {
    let browser = browser();
    assert_eq!(
        browser.post("/session/set", "k=a&v=1").await.status,
        StatusCode::OK
    );
    for path in [
        "/session/set/",
        "/session//set",
        "/SESSION/set",
        "/session/set/x",
    ] {
        assert_eq!(
            browser.post(path, "k=a&v=1").await.status,
            StatusCode::FORBIDDEN
        );
    }
}

#[tokio::test]
async fn a_marker_outside_the_layer_exempts_what_is_inside() {
    let layer = session_layer(&SessionConfig::default(), Store::memory());
    let app: Router = app_in(layer).layer(Extension(CsrfExempt));
    assert_eq!(
        Browser::new(&app).post("/upload", "").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_refusal_is_readable_and_is_not_kept() {
    let page = browser().post("/form", "").await;
    assert!(page.body.contains("reload"));
    assert_eq!(page.header(header::CACHE_CONTROL), Some("no-store"));
}

/// Whoever can read the store knows everything of a session but its id, and cannot write a token.
#[tokio::test]
async fn what_a_store_holds_is_no_token() {
    let shelf = Shelf::default();
    let browser = Browser::new(&app(Store::custom(shelf.clone())));
    browser.token().await;
    let stored = shelf.slots().concat();
    let secret = stored.split_once(r#""csrf":["#).unwrap().1;
    let secret = secret.split(']').next().unwrap();
    let secret: Vec<u8> = secret
        .split(',')
        .map(|byte| byte.parse().unwrap())
        .collect();
    let token = [vec![0; 32], secret].concat();
    let token = URL_SAFE_NO_PAD.encode(token);
    let page = with_header(&browser, Method::POST, &token).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    let token = browser.token().await;
    let page = with_header(&browser, Method::POST, &token).await;
    assert_eq!(page.status, StatusCode::OK);
}
