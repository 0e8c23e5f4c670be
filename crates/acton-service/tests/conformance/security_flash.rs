//! Flash messages.

use crate::browser::Browser;
use crate::place::Place;

on_both_stores![
    a_message_is_shown_once,
    messages_keep_their_order,
    a_message_is_text,
    a_look_that_shows_nothing_consumes_nothing,
];

async fn flash(browser: &Browser, level: &str, message: &str) {
    let token = browser.csrf_token().await;
    let fields = [("level", level), ("msg", message), ("csrf_token", &token)];
    let answer = browser.post("/flash").form(&fields).send().await;
    assert_eq!(answer.status, 303, "{}", answer.text());
}

async fn shown(browser: &Browser) -> String {
    browser.get("/flash").send().await.text()
}

async fn a_message_is_shown_once(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    flash(&browser, "success", "Saved").await;
    assert_eq!(shown(&browser).await.matches("Saved").count(), 1);
    assert_eq!(shown(&browser).await.matches("<li>").count(), 0);
}

async fn messages_keep_their_order(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    for (level, message) in [("info", "one"), ("error", "two"), ("success", "three")] {
        flash(&browser, level, message).await;
    }
    let page = shown(&browser).await;
    let (_, page) = page.split_once("id=\"flash\"").expect("a list of messages");
    let places: Vec<usize> = ["<li>one</li>", "<li>two</li>", "<li>three</li>"]
        .iter()
        .map(|word| page.find(word).unwrap())
        .collect();
    assert!(places.is_sorted(), "{page}");
    assert_eq!(page.matches("<li>").count(), 3);
}

async fn a_message_is_text(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    flash(&browser, "info", "<script>alert(1)</script>").await;
    let page = shown(&browser).await;
    assert!(
        page.contains("alert(1)") && !page.contains("<script>alert"),
        "{page}"
    );
}

async fn a_look_that_shows_nothing_consumes_nothing(place: Place) {
    let fixture = place.start();
    let browser = fixture.browser();
    flash(&browser, "info", "later").await;
    browser.request("HEAD", "/flash").send().await;
    browser
        .get("/flash")
        .header("Sec-Purpose", "prefetch")
        .send()
        .await;
    browser.get("/session/get?k=a").send().await;
    assert!(shown(&browser).await.contains("later"));
}
