//! The task manager as a process: what survives a restart, and what is shown where.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends there")]

#[path = "conformance/browser.rs"]
#[expect(
    dead_code,
    reason = "made for the conformance tests, which use all of it"
)]
mod browser;
#[path = "conformance/fixture.rs"]
#[expect(
    dead_code,
    reason = "made for the conformance tests, which use all of it"
)]
mod fixture;
#[path = "conformance/redis.rs"]
#[expect(
    dead_code,
    reason = "made for the conformance tests, which use all of it"
)]
mod redis;

use std::process::Command;
use std::time::Duration;

use http_body_util::BodyExt;

use browser::{Browser, token_in};
use fixture::{Fixture, program};
use redis::Redis;

/// A folder of the test's own, for the database.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("acton-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn database(&self) -> String {
        format!("sqlite://{}/board.db?mode=rwc", self.0.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn start(environment: &[(&str, &str)]) -> Fixture {
    Fixture::of("task-manager", environment)
}

async fn log_in(browser: &Browser) {
    let token = token_in(&browser.get("/login").send().await.text());
    let fields = [
        ("username", "demo"),
        ("password", "demo-password"),
        ("csrf_token", &token),
    ];
    let answer = browser.post("/login").form(&fields).send().await;
    assert_eq!(answer.status, 303, "{}", answer.text());
}

async fn add(browser: &Browser, title: &str) {
    let token = token_in(&browser.get("/").send().await.text());
    let fields = [("title", title), ("csrf_token", &token)];
    let answer = browser.post("/tasks").form(&fields).send().await;
    assert_eq!(answer.status, 303, "{}", answer.text());
}

async fn titles(browser: &Browser) -> String {
    let answer = browser.get("/api/v1/tasks").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text()
}

#[tokio::test]
async fn tasks_and_users_survive_a_restart() {
    let folder = Folder::new("restart");
    let environment = [("ACTON_DATABASE__URL", folder.database())];
    let environment = environment
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));
    for round in 0..2 {
        let mut board = start(&environment);
        let browser = board.browser();
        log_in(&browser).await;
        if round == 0 {
            add(&browser, "Water the plants").await;
        }
        assert!(titles(&browser).await.contains("Water the plants"));
        board.terminate();
        let status = board.wait(Duration::from_secs(5)).expect("it ends in time");
        assert_eq!(status.code(), Some(0));
    }
}

#[tokio::test]
async fn the_end_waits_for_no_stream_of_somebody_logged_in() {
    let folder = Folder::new("end");
    let database = folder.database();
    let mut board = start(&[("ACTON_DATABASE__URL", database.as_str())]);
    let browser = board.browser();
    log_in(&browser).await;
    let stream = browser.get("/events").open().await;
    assert_eq!(stream.status(), 200);
    board.terminate();
    let status = board.wait(Duration::from_secs(5)).expect("it ends in time");
    assert_eq!(status.code(), Some(0));
    let rest = stream.into_body().collect().await;
    assert!(rest.is_ok(), "the stream was cut off: {rest:?}");
}

#[tokio::test]
async fn a_session_in_redis_survives_a_restart() {
    let Some(redis) = Redis::start() else { return };
    let folder = Folder::new("redis");
    let (database, url) = (folder.database(), redis.url());
    let environment = [
        ("ACTON_DATABASE__URL", database.as_str()),
        ("ACTON_SESSION__STORAGE", "redis"),
        ("ACTON_REDIS__URL", url.as_str()),
    ];
    let board = start(&environment);
    let browser = board.browser();
    log_in(&browser).await;
    drop(board);
    let board = start(&environment);
    let browser = browser.cloned_to(&board.origin());
    titles(&browser).await;
}

#[tokio::test]
async fn the_demo_account_is_for_development() {
    let folder = Folder::new("production");
    let database = folder.database();
    let environment = [
        ("ACTON_DATABASE__URL", database.as_str()),
        ("ACTON_SERVICE__ENVIRONMENT", "production"),
    ];
    let board = start(&environment);
    let browser = board.browser();
    let page = browser.get("/login").send().await.text();
    assert!(!page.contains("demo-password"), "{page}");
    let token = token_in(&page);
    let fields = [
        ("username", "demo"),
        ("password", "demo-password"),
        ("csrf_token", &token),
    ];
    assert_ne!(
        browser.post("/login").form(&fields).send().await.status,
        303
    );
}

#[test]
fn started_to_migrate_it_makes_the_tables_and_ends() {
    let folder = Folder::new("migrate");
    let database = folder.database();
    for time in ["first", "second"] {
        let mut migrating = Command::new(program("task-manager"));
        migrating.arg("--migrate").current_dir(&folder.0);
        let status = migrating.env("ACTON_DATABASE__URL", &database).status();
        assert!(status.unwrap().success(), "{time}");
    }
    assert!(folder.0.join("board.db").exists());
}

#[test]
fn asked_for_its_configuration_it_prints_it_without_secrets_and_ends() {
    let folder = Folder::new("print-config");
    std::fs::write(folder.0.join("config.toml"), "[limits]\nrequests = 77\n").unwrap();
    let output = Command::new(program("task-manager"))
        .arg("--print-config")
        .current_dir(&folder.0)
        .env("ACTON_DATABASE__URL", folder.database())
        .env(
            "ACTON_JWT__SECRET",
            "hunter2-hunter2-hunter2-hunter2-hunter2",
        )
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("requests = 77 # config.toml"), "{printed}");
    let hidden = "url = \"[redacted]\" # environment variable ACTON_DATABASE__URL";
    assert!(printed.contains(hidden), "{printed}");
    assert!(!printed.contains("hunter2") && !printed.contains("board.db"));
}
