//! Cross-site request forgery.

use crate::browser::{Browser, Request};
use crate::place::Place;

on_both_stores![
    a_valid_token_is_accepted_in_header_and_field,
    a_multipart_form_arrives_whole,
    no_token_no_effect,
    a_malformed_token_is_refused,
    safe_methods_need_none_and_only_they,
    a_token_belongs_to_one_session_and_one_login,
    every_render_masks_the_token_anew,
    a_foreign_origin_is_refused_with_a_valid_token,
    a_trusted_origin_is_trusted_exactly,
    the_header_wins_over_the_field,
    a_cookie_needs_a_token_and_a_bearer_does_not,
    a_refusal_is_readable_for_page_fragment_and_api,
];

const UNSAFE: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

async fn side_effects(browser: &Browser) -> u64 {
    browser
        .get("/form/count")
        .send()
        .await
        .text()
        .trim()
        .parse()
        .expect("a number")
}

async fn status(request: Request<'_>) -> u16 {
    request.send().await.status
}

async fn a_valid_token_is_accepted_in_header_and_field(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    let token = browser.csrf_token().await;
    for method in UNSAFE {
        assert_eq!(
            status(
                browser
                    .request(method, "/form")
                    .header("X-CSRF-Token", &token)
            )
            .await,
            200,
            "{method}"
        );
    }
    assert_eq!(
        status(
            browser
                .post("/form")
                .form(&[("x", "1"), ("csrf_token", &token)])
        )
        .await,
        200
    );
    assert_eq!(side_effects(&browser).await, 5);
}

async fn a_multipart_form_arrives_whole(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    let token = browser.csrf_token().await;
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello\r\n\
         --b\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n{token}\r\n--b--\r\n"
    );
    let answer = browser
        .post("/upload")
        .body("multipart/form-data; boundary=b", body.clone())
        .send()
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let forged = body.replace(&token, "forged");
    assert_eq!(
        status(
            browser
                .post("/upload")
                .body("multipart/form-data; boundary=b", forged)
        )
        .await,
        403
    );
}

async fn no_token_no_effect(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    browser.csrf_token().await;
    for method in UNSAFE {
        for (name, value) in [
            ("accept", "text/html"),
            ("accept", "application/json"),
            ("HX-Request", "true"),
            ("X-Requested-With", "XMLHttpRequest"),
        ] {
            assert_eq!(
                status(browser.request(method, "/form").header(name, value)).await,
                403,
                "{method} {name}"
            );
        }
    }
    assert_eq!(side_effects(&browser).await, 0);
}

async fn a_malformed_token_is_refused(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    let token = browser.csrf_token().await;
    let long = "a".repeat(100_000);
    for bad in [
        "",
        "x",
        &token[..token.len() / 2],
        "!!! not base64 !!!",
        &long,
    ] {
        assert_eq!(
            status(browser.post("/form").form(&[("csrf_token", bad)])).await,
            403,
            "field {}",
            bad.len()
        );
        if bad.len() < 1000 {
            assert_eq!(
                status(browser.post("/form").header("X-CSRF-Token", bad)).await,
                403,
                "header {bad}"
            );
        }
    }
    assert_eq!(
        status(
            browser
                .post("/form")
                .form(&[("csrf_token[]", &token), ("csrf_token[]", &token)])
        )
        .await,
        403
    );
    assert_eq!(side_effects(&browser).await, 0);
}

async fn safe_methods_need_none_and_only_they(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    for method in ["GET", "HEAD", "OPTIONS"] {
        let status = status(browser.request(method, "/form")).await;
        assert!(status != 403 && status < 500, "{method} {status}");
    }
    assert!(status(browser.request("post", "/form")).await >= 400);
    assert_eq!(side_effects(&browser).await, 0);
}

async fn a_token_belongs_to_one_session_and_one_login(place: Place) {
    let fixture = place.start();
    let (browser, other) = (fixture.browser(), fixture.browser());
    let first = browser.csrf_token().await;
    let foreign = other.csrf_token().await;
    assert_eq!(
        status(browser.post("/form").header("X-CSRF-Token", foreign)).await,
        403
    );
    for _ in 0..10 {
        browser.csrf_token().await;
    }
    assert_eq!(
        status(browser.post("/form").header("X-CSRF-Token", &first)).await,
        200
    );
    browser.log_in("alice").await;
    assert_eq!(
        status(browser.post("/form").header("X-CSRF-Token", &first)).await,
        403
    );
}

async fn every_render_masks_the_token_anew(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    let (one, two) = (browser.csrf_token().await, browser.csrf_token().await);
    assert_ne!(one, two);
    for token in [one, two] {
        assert_eq!(
            status(browser.post("/form").header("X-CSRF-Token", token)).await,
            200
        );
    }
}

async fn a_foreign_origin_is_refused_with_a_valid_token(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    let token = browser.csrf_token().await;
    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Origin", "https://evil.test"),
        ("Origin", "null"),
    ] {
        let request = browser
            .post("/form")
            .header("X-CSRF-Token", &token)
            .header(name, value);
        assert_eq!(status(request).await, 403, "{name}: {value}");
    }
}

async fn a_trusted_origin_is_trusted_exactly(place: Place) {
    let fixture = place.with(&[("ACTON_CSRF__TRUSTED_ORIGINS", "https://trusted.example")]);
    let browser = fixture.browser();
    let token = browser.csrf_token().await;
    for (origin, expected) in [
        ("https://trusted.example", 200),
        ("http://trusted.example", 403),
        ("https://trusted.example:8443", 403),
        ("https://trusted.example.evil.test", 403),
        ("https://user@trusted.example", 403),
    ] {
        let request = browser
            .post("/form")
            .header("X-CSRF-Token", &token)
            .header("Origin", origin);
        assert_eq!(status(request).await, expected, "{origin}");
    }
}

async fn the_header_wins_over_the_field(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    let token = browser.csrf_token().await;
    let request = browser
        .post("/form")
        .header("X-CSRF-Token", "bad")
        .form(&[("csrf_token", &token)]);
    assert_eq!(status(request).await, 403);
}

async fn a_cookie_needs_a_token_and_a_bearer_does_not(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    browser.log_in("alice").await;
    assert_eq!(
        status(browser.post("/form").json(&serde_json::json!({"a": 1}))).await,
        403
    );
    let bearer = fixture.browser();
    assert_eq!(
        status(
            bearer
                .get("/api/v1/me")
                .header("authorization", "Bearer nonsense")
        )
        .await,
        401
    );
    assert_ne!(
        status(
            bearer
                .post("/api/v1/me")
                .header("authorization", "Bearer nonsense")
        )
        .await,
        403
    );
}

async fn a_refusal_is_readable_for_page_fragment_and_api(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    browser.csrf_token().await;
    let form = || browser.post("/form").form(&[("x", "1")]);
    let page = form().header("accept", "text/html").send().await;
    let fragment = form().htmx().header("accept", "text/html").send().await;
    let api = form().header("accept", "application/json").send().await;
    for (answer, content_type) in [
        (&page, "text/html"),
        (&fragment, "text/html"),
        (&api, "application/problem+json"),
    ] {
        assert_eq!(answer.status, 403);
        let sent = answer.header("content-type").unwrap();
        assert!(sent.starts_with(content_type), "{sent}");
        assert!(answer.text().contains("reload"), "{}", answer.text());
    }
    let is_page = |answer: &crate::browser::Answer| answer.text().contains("<html");
    assert!(is_page(&page) && !is_page(&fragment));
    assert_eq!(api.json()["status"], 403);
}
