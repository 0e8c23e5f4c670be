use acton_session::{FlashMessage, FlashMessages, SessionConfig, Store, session_layer};
use axum::{
    Router,
    http::{Request, StatusCode, header},
    routing::get,
};

use crate::{app::app, browser::Browser};

on_every_store![
    a_message_is_shown_once,
    messages_keep_their_order_and_level,
    messages_that_are_not_rendered_keep_waiting,
    head_and_prefetch_leave_messages_alone,
    parallel_polls_show_each_message_once,
    a_page_waits_for_a_fragment_that_shows_nothing,
    a_message_of_a_failed_request_is_not_kept,
    a_message_rendered_into_a_failed_page_is_shown_again,
    messages_survive_the_exchange_of_the_id,
    the_oldest_messages_give_way,
    looking_for_messages_begins_no_session,
    a_long_text_is_cut,
];

async fn a_message_is_shown_once(store: Store) {
    let browser = Browser::new(&app(store));
    let page = browser.post("/flash", "msg=Saved").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/flash").await.body, "info:Saved\n");
    assert_eq!(browser.get("/flash").await.body, "");
}

async fn messages_keep_their_order_and_level(store: Store) {
    let browser = Browser::new(&app(store));
    for form in [
        "level=error&msg=a",
        "level=success&msg=b",
        "level=warning&msg=c",
    ] {
        browser.post("/flash", form).await;
    }
    assert_eq!(
        browser.get("/flash").await.body,
        "error:a\nsuccess:b\nwarning:c\n"
    );
}

async fn messages_that_are_not_rendered_keep_waiting(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/flash", "msg=a").await;
    assert_eq!(browser.get("/page").await.body, "");
    assert_eq!(browser.get("/page?take=true").await.body, "a");
    assert_eq!(browser.get("/page?take=true").await.body, "");
}

async fn head_and_prefetch_leave_messages_alone(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/flash", "msg=a").await;
    browser.send(Request::head("/flash"), "").await;
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
        ("hx-preloaded", "true"),
    ] {
        let request = Request::get("/flash").header(name, value);
        assert_eq!(browser.send(request, "").await.body, "", "{name}");
    }
    assert_eq!(browser.get("/flash").await.body, "info:a\n");
}

async fn parallel_polls_show_each_message_once(store: Store) {
    let browser = Browser::new(&app(store));
    for round in 0..5 {
        browser.post("/flash", &format!("msg=m{round}")).await;
        let polls = (0..16).map(|poll| {
            let browser = browser.clone();
            let path = format!("/page?take={}&delay_ms={}", poll % 2 == 0, poll % 3);
            tokio::spawn(async move { browser.get(&path).await.body })
        });
        let mut shown = String::new();
        for poll in polls.collect::<Vec<_>>() {
            shown.push_str(&poll.await.unwrap());
        }
        shown.push_str(&browser.get("/page?take=true").await.body);
        assert_eq!(shown, format!("m{round}"));
    }
}

async fn a_page_waits_for_a_fragment_that_shows_nothing(store: Store) {
    let browser = Browser::new(&app(store));
    // It does not wait long, and the machine may be busy; it need not succeed each time.
    for _ in 0..10 {
        browser.post("/flash", "msg=a").await;
        let fragment = browser.clone();
        let fragment = tokio::spawn(async move { fragment.get("/page?delay_ms=60").await });
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let shown = browser.get("/page?take=true").await.body;
        fragment.await.unwrap();
        if shown == "a" {
            return;
        }
        assert_eq!(shown, "");
        assert_eq!(browser.get("/page?take=true").await.body, "a");
    }
    panic!("pages do not wait for fragments");
}

async fn a_message_of_a_failed_request_is_not_kept(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/session/set", "k=a&v=1").await;
    browser.post("/flash", "msg=a&status=500").await;
    assert_eq!(browser.get("/flash").await.body, "");
}

async fn a_message_rendered_into_a_failed_page_is_shown_again(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/flash", "msg=a").await;
    browser.get("/page?take=true&status=500").await;
    assert_eq!(browser.get("/page?take=true").await.body, "a");
}

async fn messages_survive_the_exchange_of_the_id(store: Store) {
    let browser = Browser::new(&app(store));
    browser.post("/flash", "msg=a").await;
    browser.post("/cycle", "").await;
    assert_eq!(browser.get("/flash").await.body, "info:a\n");
}

async fn the_oldest_messages_give_way(store: Store) {
    let browser = Browser::new(&app(store));
    for number in 0..40 {
        browser.post("/flash", &format!("msg={number}")).await;
    }
    let shown = browser.get("/flash").await.body;
    assert!(
        shown.starts_with("info:8\n") && shown.ends_with("info:39\n"),
        "{shown}"
    );
}

async fn looking_for_messages_begins_no_session(store: Store) {
    let page = Browser::new(&app(store)).get("/flash").await;
    assert_eq!(page.header(header::SET_COOKIE), None);
}

async fn a_long_text_is_cut(store: Store) {
    let browser = Browser::new(&app(store));
    let form = format!("msg={}", "x".repeat(100_000));
    assert_eq!(
        browser.post("/flash", &form).await.status,
        StatusCode::SEE_OTHER
    );
    let expected = format!("info:{}…\n", "x".repeat(4_093));
    assert_eq!(browser.get("/flash").await.body, expected);
}

#[tokio::test]
async fn of_many_messages_of_one_request_the_oldest_give_way() {
    let burst = |flash: FlashMessages| async move {
        for number in 0..1_000 {
            flash.push(FlashMessage::info(number.to_string()));
        }
        flash.messages().len().to_string()
    };
    let layer = session_layer(&SessionConfig::default(), Store::memory());
    let show = |flash: FlashMessages| async move {
        let messages = flash.into_messages().into_iter();
        messages
            .map(|message| message.text + " ")
            .collect::<String>()
    };
    let routes = Router::new()
        .route("/burst", get(burst))
        .route("/show", get(show));
    let browser = Browser::new(&routes.layer(layer));
    assert_eq!(browser.get("/burst").await.body, "32");
    let shown = browser.get("/show").await.body;
    assert!(
        shown.starts_with("968 ") && shown.ends_with("999 "),
        "{shown}"
    );
}
