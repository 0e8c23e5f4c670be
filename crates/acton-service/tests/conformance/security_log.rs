//! What the log never says, whatever is asked to be written.

use std::{fs, time::Duration};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use crate::fixture::Fixture;
use crate::redis::Redis;

const KEY: &str = "an-unlikely-signing-key-of-thirty-two-bytes";

/// Everything that the process writes while somebody logs in, and what it tells operators and shows of errors, with what
/// must not be in it.
async fn log_of_a_visit(redis: Option<&Redis>) -> (String, Vec<(&'static str, String)>) {
    let file = std::env::temp_dir().join(format!("acton-log-{:x}", getrandom::u64().unwrap()));
    let url = redis.map(Redis::url);
    let mut environment = vec![
        // The spans of tower-sessions are written only when they are asked for by name.
        ("RUST_LOG", "trace,tower_sessions_core=trace"),
        ("ACTON_JWT__ALGORITHM", "HS256"),
        ("ACTON_JWT__SECRET", KEY),
        ("ACTON_JWT__ISSUER", "https://issuer.example"),
        ("ACTON_JWT__AUDIENCE", "board"),
    ];
    if let Some(url) = &url {
        environment.extend([
            ("ACTON_SESSION__STORAGE", "redis"),
            ("ACTON_THROTTLE__STORAGE", "redis"),
            ("ACTON_REDIS__URL", url),
        ]);
    }
    let mut fixture = Fixture::writing_to(&file, &environment);
    let browser = fixture.browser();
    let before = browser.csrf_token().await;
    browser.log_in("alice").await;
    let token = browser.csrf_token().await;
    let value = [("k", "note"), ("v", "value-of-a-session")];
    browser.post("/session/set").form(&value).send().await;
    browser
        .get("/session/get?k=note&api_key=secret-in-a-query")
        .send()
        .await;
    let claims = json!({
        "sub": "alice", "exp": 4_000_000_000_u64, "iss": "https://issuer.example", "aud": "board",
    });
    let bearer = encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(KEY.as_bytes()),
    )
    .unwrap();
    for bearer in [bearer.clone(), format!("{bearer}x")] {
        let header = format!("Bearer {bearer}");
        browser
            .get("/api/v1/me")
            .header("authorization", header)
            .send()
            .await;
    }
    let mut told = String::new();
    for path in ["/metrics", "/panic", "/nowhere", "/admin", "/ready"] {
        told.push_str(&browser.get(path).send().await.text());
    }
    assert!(told.contains("# TYPE"), "{told}");
    let session = browser.session_id().unwrap();
    // The last lines are written when it ends by itself.
    fixture.terminate();
    fixture.wait(Duration::from_secs(30)).expect("an end");
    let log = fs::read_to_string(&file).unwrap();
    let _ = fs::remove_file(&file);
    let secrets = vec![
        ("the session's id", session),
        ("the token of the login form", before),
        ("the token of a form", token),
        ("the bearer token", bearer),
        ("the signing key", KEY.to_owned()),
        ("the password", "correct horse alice".to_owned()),
        ("the password in a form", "correct+horse+alice".to_owned()),
        ("the value in a query", "secret-in-a-query".to_owned()),
        ("the value in a session", "value-of-a-session".to_owned()),
    ];
    (log + &told, secrets)
}

fn assert_silent(log: &str, secrets: &[(&str, String)]) {
    assert!(log.contains("TRACE"), "nothing was written at trace");
    assert!(log.contains("/session/get"), "the request was not written");
    for (what, secret) in secrets {
        assert!(secret.len() > 8, "{what} is no secret");
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{what} is in the log");
    }
}

#[tokio::test]
async fn the_log_says_no_secret_at_any_level() {
    let (log, secrets) = log_of_a_visit(None).await;
    assert_silent(&log, &secrets);
}

#[tokio::test]
async fn the_log_says_no_secret_with_sessions_in_redis() {
    let Some(redis) = Redis::start() else { return };
    let (log, secrets) = log_of_a_visit(Some(&redis)).await;
    assert_silent(&log, &secrets);
}

#[tokio::test]
async fn operators_read_logins_sessions_and_passwords() {
    let Some(redis) = Redis::start() else { return };
    let url = redis.url();
    let fixture = Fixture::with(&[
        ("ACTON_SESSION__STORAGE", "redis"),
        ("ACTON_REDIS__URL", &url),
    ]);
    let browser = fixture.browser();
    browser.log_in("alice").await;
    let token = browser.csrf_token().await;
    let wrong = [
        ("username", "bob"),
        ("password", "wrong horse bob"),
        ("csrf_token", &token),
    ];
    browser.post("/login").form(&wrong).send().await;
    let page = browser.get("/metrics").send().await.text();
    let value = |name: &str| -> f64 {
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name} is not in {page}"))
            .parse()
            .unwrap()
    };
    assert_eq!(value("acton_login_failures_total"), 1.0);
    assert_eq!(value("acton_login_refusals_total"), 0.0);
    assert_eq!(value("acton_password_queue"), 0.0);
    assert!(
        value("acton_session_store_operations_total") >= 4.0,
        "{page}"
    );
    assert!(value("acton_session_store_seconds_total") > 0.0, "{page}");
    assert_eq!(value("acton_session_store_failures_total"), 0.0);
    assert_eq!(
        value("acton_session_store_duration_seconds_count"),
        value("acton_session_store_operations_total")
    );
    let quick = value("acton_session_store_duration_seconds_bucket{le=\"2.5\"}");
    let all = value("acton_session_store_duration_seconds_bucket{le=\"+Inf\"}");
    assert!(0.0 < quick && quick <= all, "{page}");
    assert!(
        page.contains("# TYPE acton_login_failures_total counter"),
        "{page}"
    );
    let forwarded = browser
        .get("/metrics")
        .header("x-forwarded-for", "192.0.2.1")
        .send()
        .await;
    assert_eq!(forwarded.status, 404);
}
