//! What requests cost: commands that reach Redis, as its `MONITOR` shows them.

use crate::{app::app, browser::Browser, redis_server::Monitor};

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
