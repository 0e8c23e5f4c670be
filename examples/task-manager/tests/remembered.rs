//! Browsers that stay logged in, and when they do not.

use acton_service::{auth::Passwords, prelude::*};
use http::header::LOCATION;

use super::{Answer, Browser, config};

const REMEMBERED: &str = "username=demo&password=demo-password&remember=on";

#[tokio::test]
async fn a_remembered_browser_stays_logged_in_until_it_is_ended_from_elsewhere() {
    let mut elsewhere = Browser::logged_in().await;
    let mut browser = Browser::of(elsewhere.app.clone());
    browser.get("/login").await;
    browser.post("/login", REMEMBERED).await;
    browser.cookies.remove("id");
    assert!(browser.is_logged_in().await);
    elsewhere.post("/account/sessions/end-others", "").await;
    assert!(!browser.is_logged_in().await);
    browser.cookies.remove("id");
    assert!(!browser.is_logged_in().await);
}

/// As when a laptop is lost: its session may have ended, and it is remembered all the same.
#[tokio::test]
async fn a_remembered_browser_is_listed_once_and_ended_by_itself() {
    let mut browser = Browser::logged_in().await;
    let mut lost = Browser::of(browser.app.clone());
    lost.get("/login").await;
    lost.post("/login", REMEMBERED).await;
    lost.cookies.remove("id");
    assert!(lost.is_logged_in().await);
    let page = browser.get("/account/sessions").await;
    let ends: Vec<_> = page
        .body
        .split('"')
        .filter(|path| path.ends_with("/end"))
        .collect();
    let [end] = ends[..] else {
        panic!("{ends:?}");
    };
    browser.post(end, "").await;
    assert!(browser.is_logged_in().await);
    for _ in 0..2 {
        assert!(!lost.is_logged_in().await);
        lost.cookies.remove("id");
    }
}

#[tokio::test]
async fn logging_out_forgets_a_remembered_browser() {
    let mut browser = Browser::new().await;
    browser.get("/login").await;
    browser.post("/login", REMEMBERED).await;
    browser.get("/").await;
    let mut copy = browser.clone();
    copy.cookies.remove("id");
    browser.post("/logout", "").await;
    assert!(!browser.is_logged_in().await && !copy.is_logged_in().await);
}

/// Logs in with "remember me", while somebody changes the users: after the password was read, and before the session
/// is written.
async fn log_in_beside(change: &'static str, hash: Option<String>) -> (Browser, Answer) {
    let mut config = config();
    // A password that is found wrong blocks the account.
    config.throttle.account_failures = 1;
    let database = Database::connect(&config.database).await.expect("opens");
    // The one connection goes to whoever asked first.
    let pool = database.pool().clone();
    let app = crate::app_on(config, database).await.expect("starts");
    let mut browser = Browser::of(app.into_router());
    browser.get("/login").await;
    let connection = pool.acquire().await.expect("the connection");
    let mut visitor = browser.clone();
    let login = tokio::spawn(async move {
        let answer = visitor.post("/login", REMEMBERED).await;
        (visitor, answer)
    });
    wait_until_all_wait().await;
    let change = tokio::spawn(async move {
        let change = sqlx::query(change).bind(hash);
        change.execute(&pool).await.expect("changed");
    });
    wait_until_all_wait().await;
    drop(connection);
    change.await.expect("changed");
    login.await.expect("an answer")
}

/// Everything is on this thread, so it goes as far as it can without the connection.
async fn wait_until_all_wait() {
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
}

async fn hash_of(password: &str) -> Option<String> {
    Passwords::default().hash(password).await.ok()
}

const CHANGE: &str = "UPDATE users SET password_hash = $1";

#[tokio::test]
async fn whoever_logs_in_beside_a_change_of_password_is_out_and_not_remembered() {
    let (mut browser, answer) = log_in_beside(CHANGE, hash_of("new-password").await).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!browser.is_logged_in().await);
    assert!(!browser.cookies.contains_key("remember"));
    // The old password was right when it was compared.
    browser.get("/login").await;
    let fields = "username=demo&password=new-password";
    let answer = browser.post("/login", fields).await;
    assert_eq!(answer.header(LOCATION), Some("/"));
}

#[tokio::test]
async fn whoever_logs_in_beside_the_end_of_the_account_is_out_and_not_remembered() {
    let end = "DELETE FROM users WHERE $1 IS NULL";
    let (mut browser, answer) = log_in_beside(end, None).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!browser.is_logged_in().await);
    assert!(!browser.cookies.contains_key("remember"));
}

#[tokio::test]
async fn another_hash_of_the_same_password_keeps_nobody_out() {
    let (mut browser, answer) = log_in_beside(CHANGE, hash_of("demo-password").await).await;
    assert_eq!(answer.header(LOCATION), Some("/"));
    browser.cookies.remove("id");
    assert!(browser.is_logged_in().await);
}
