//! Headers, limits, errors and shutdown.

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use serde_json::json;

use crate::browser::encode;
use crate::fixture::Fixture;

#[tokio::test]
async fn control_characters_never_become_a_header() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    for header in ["redirect", "location", "trigger"] {
        for bad in ["/a\r\nX-Evil: 1", "/a\nX-Evil: 1", "/a\u{0}b"] {
            let answer = browser
                .get(&format!("/hx?{header}={}", encode(bad)))
                .htmx()
                .send()
                .await;
            assert_eq!(answer.header("x-evil"), None, "{header} {bad:?}");
        }
    }
    let op = json!({"op": "push_url", "url": "/a\r\nX-Evil: 1"});
    let answer = browser
        .post("/t/respond")
        .htmx()
        .json(&json!({"ops": [op]}))
        .send()
        .await;
    assert_eq!(answer.header("x-evil"), None);
    assert_eq!(browser.get("/").send().await.status, 200);
}

#[tokio::test]
async fn shutdown_finishes_requests_and_ends_streams() {
    let mut fixture = Fixture::with(&[("ACTON_SHUTDOWN__GRACE", "10s")]);
    let browser = fixture.browser();
    let stream = browser.get("/t/sse?topic=a").open().await;
    let drain = tokio::spawn(async move { stream.into_body().collect().await.is_ok() });
    let slow = browser.get("/slow?ms=3000");
    let start = Instant::now();
    let (slow, ()) = futures_util::future::join(slow.send(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        fixture.terminate();
        // Also who connects now is told; until the signal has arrived the answer is 200.
        let ready = async || fixture.browser().get("/ready").send().await.status;
        while ready().await == 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(ready().await, 503);
    })
    .await;
    assert_eq!(slow.status, 200);
    assert!(drain.await.unwrap(), "the stream ends cleanly");
    let status = fixture
        .wait(Duration::from_secs(10))
        .expect("the process ends");
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_panic_tells_nothing_and_breaks_nothing() {
    let fixture = Fixture::start();
    let browser = fixture.browser();
    for place in ["handler", "extractor", "drop"] {
        let answer = browser.get(&format!("/panic?where={place}")).send().await;
        assert_eq!(answer.status, 500, "{place}");
        let body = answer.text();
        assert!(!body.contains("SECRET") && !body.contains(".rs:"), "{body}");
        assert!(
            body.contains(answer.header("x-request-id").unwrap()),
            "{body}"
        );
        assert_eq!(browser.get("/").send().await.status, 200);
    }
    assert_eq!(browser.get("/panic?where=task").send().await.status, 500);
}

#[tokio::test]
async fn limits_answer_properly() {
    let fixture = Fixture::with(&[
        ("ACTON_LIMITS__BODY", "64KiB"),
        ("ACTON_LIMITS__REQUEST_TIMEOUT", "1s"),
    ]);
    let browser = fixture.browser();
    let big = browser
        .post("/echo")
        .body("text/plain", vec![b'x'; 100_000])
        .send()
        .await;
    assert_eq!(big.status, 413);
    let start = Instant::now();
    let slow = browser.get("/slow?ms=5000").send().await;
    assert!([408, 503, 504].contains(&slow.status), "{}", slow.status);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let http = Fixture::with(&[("ACTON_LIMITS__BODY", "1KiB")]);
    let https = Fixture::with(&[("ACTON_SERVICE__PUBLIC_ORIGIN", "https://board.example")]);
    for (fixture, hsts) in [(&http, false), (&https, true)] {
        let browser = fixture.browser();
        let mut answers = vec![browser.post("/form").send().await];
        for path in [
            "/",
            "/nothing/here",
            "/panic",
            "/health",
            "/t/page",
            "/logout",
        ] {
            answers.push(browser.get(path).send().await);
        }
        answers.push(
            browser
                .post("/echo")
                .body("text/plain", vec![b'x'; 4000])
                .send()
                .await,
        );
        for answer in answers {
            assert_eq!(
                answer.header("x-content-type-options"),
                Some("nosniff"),
                "{}",
                answer.status
            );
            assert!(
                answer.header("referrer-policy").is_some(),
                "{}",
                answer.status
            );
            assert_eq!(
                answer.header("strict-transport-security").is_some(),
                hsts,
                "{}",
                answer.status
            );
            if answer
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("text/html"))
            {
                let policy = answer.header("content-security-policy").unwrap();
                for directive in [
                    "object-src 'none'",
                    "base-uri 'none'",
                    "frame-ancestors 'none'",
                ] {
                    assert!(policy.contains(directive), "{policy}");
                }
                assert!(!policy.contains("unsafe-"), "{policy}");
            }
        }
    }
}
