//! What requests cost: commands that reach Redis, as its `MONITOR` shows them.

use std::time::{Duration, Instant};

use acton_session::SessionConfig;

use crate::{
    app::{app, app_with},
    browser::Browser,
    redis_server::Monitor,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_sends_as_many_commands_as_it_must() {
    let Some((server, store)) = crate::stores::redis() else {
        return;
    };
    let browser = Browser::new(&app(store));
    let mut monitor = Monitor::of(&server);
    let mut ids = Vec::new();
    let mut costs = async |what: &str, expected: usize, page: crate::browser::Page| {
        assert!(page.status.as_u16() < 400, "{what}: {}", page.status);
        let commands = monitor.commands();
        assert_eq!(commands.len(), expected, "{what}: {commands:#?}");
        for id in ids.iter().chain(&browser.cookie()) {
            assert!(
                !commands.concat().contains(id),
                "the store never sees an id"
            );
        }
        ids.extend(browser.cookie());
    };
    costs("no cookie, nothing touched", 0, browser.get("/").await).await;
    costs(
        "no cookie, a look",
        0,
        browser.get("/session/get?k=a").await,
    )
    .await;
    costs(
        "a session begins",
        1,
        browser.post("/session/set", "k=a&v=1").await,
    )
    .await;
    costs("nothing touched", 0, browser.get("/").await).await;
    costs("a page that could look", 1, browser.get("/page").await).await;
    costs("a look", 1, browser.get("/session/get?k=a").await).await;
    costs(
        "the same again",
        2,
        browser.post("/session/set", "k=b&v=1").await,
    )
    .await;
    costs("the token of a form", 1, browser.get("/form").await).await;
    let page = browser.get("/form").await;
    let token = page.token();
    costs("and once more", 1, page).await;
    let form = format!("csrf_token={token}");
    costs("a form", 1, browser.post("/form", &form).await).await;
    costs("a message", 2, browser.post("/flash", "msg=a").await).await;
    costs(
        "nothing touched while a message waits",
        0,
        browser.get("/").await,
    )
    .await;
    costs(
        "a message is held and shown",
        3,
        browser.get("/flash").await,
    )
    .await;
    costs("no message", 1, browser.get("/flash").await).await;
    let form = format!("csrf_token={token}&username=alice");
    // Read, listed, written, and the old id retired.
    costs("a login", 4, browser.post("/login", &form).await).await;
    costs("a guarded page", 1, browser.get("/me").await).await;
}

/// However often it is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_use_of_a_session_is_written_once_in_a_tenth_of_its_idle_time() {
    let Some((server, store)) = crate::stores::redis() else {
        return;
    };
    let tenth = Duration::from_millis(200);
    let config = SessionConfig {
        idle: 10 * tenth,
        ..SessionConfig::default()
    };
    let browser = Browser::new(&app_with(&config, store));
    browser.post("/session/set", "k=a&v=1").await;
    let begun = Instant::now();
    let mut monitor = Monitor::of(&server);
    let (mut reads, mut writes) = (0, 0);
    while begun.elapsed() < 3 * tenth || reads < 20 {
        assert_eq!(browser.get("/session/get?k=a").await.body, "1");
        reads += 1;
        writes += monitor.commands().len() - 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let most = begun.elapsed().as_millis() / tenth.as_millis();
    assert!(0 < writes && writes as u128 <= most, "{writes} of {reads}");
}
