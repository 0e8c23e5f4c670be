//! What the stock `Session` does to the id, one step after the other within one request.

use acton_session::{CsrfConfig, Session, SessionConfig, Store, session_layer};
use axum::{Router, routing::post};

use crate::{app::app, browser::Browser};

/// A request that takes these steps.
async fn take(browser: &Browser, store: &Store, steps: &str) {
    let csrf = CsrfConfig {
        enabled: false,
        ..CsrfConfig::default()
    };
    let layer = session_layer(&SessionConfig::default(), store.clone()).csrf(csrf);
    let routes = Router::new().route("/", post(walk)).layer(layer);
    let page = browser.on(&routes).post("/", steps).await;
    assert_eq!(page.status, 200, "{steps}");
}

async fn walk(session: Session, steps: String) {
    for step in steps.split(' ') {
        match step {
            "set" => session.insert("s", "1").await,
            "save" => session.save().await,
            "cycle" => session.cycle_id().await,
            "flush" => session.flush().await,
            _ => panic!("{step} is no step"),
        }
        .unwrap();
    }
}

/// Remembered, with a value and a message.
async fn visitor(store: &Store) -> Browser {
    let browser = Browser::new(&app(store.clone()));
    let form = "username=alice&remember=true";
    browser.submit("/login", form).await;
    browser.post("/session/set", "k=a&v=1").await;
    browser.post("/flash", "msg=m").await;
    browser
}

async fn body(browser: &Browser, path: &str) -> String {
    browser.get(path).await.body
}

#[tokio::test]
async fn an_id_may_be_exchanged_again_after_it_was_saved() {
    let store = Store::memory();
    for steps in [
        "cycle",
        "cycle cycle",
        "cycle save cycle",
        "cycle save cycle save",
        "set save cycle",
        "cycle save set cycle save set",
    ] {
        let browser = visitor(&store).await;
        let before = browser.twin();
        take(&browser, &store, steps).await;
        assert_ne!(browser.cookie(), before.cookie(), "{steps}");
        assert_eq!(body(&browser, "/session/get?k=a").await, "1", "{steps}");
        assert_eq!(body(&browser, "/flash").await, "info:m\n", "{steps}");
        assert_eq!(browser.named("remember"), before.named("remember"));
        browser.forget("id");
        assert_eq!(body(&browser, "/user").await, "alice", "{steps}");
    }
    let browser = Browser::new(&app(store.clone()));
    take(&browser, &store, "set save cycle").await;
    assert_eq!(body(&browser, "/session/get?k=s").await, "1");
}

#[tokio::test]
async fn a_session_is_over_when_it_is_flushed_at_any_step() {
    let store = Store::memory();
    for steps in [
        "flush",
        "set save flush",
        "cycle save flush",
        "cycle save cycle save flush",
    ] {
        let browser = visitor(&store).await;
        let before = browser.twin();
        take(&browser, &store, steps).await;
        assert_eq!((browser.cookie(), browser.named("remember")), (None, None));
        assert_eq!(body(&before, "/session/get?k=a").await, "", "{steps}");
        assert_eq!(body(&before, "/user").await, "", "{steps}");
    }
}

#[tokio::test]
async fn a_browser_without_a_session_is_forgotten_when_it_is_flushed() {
    let store = Store::memory();
    let browser = visitor(&store).await;
    browser.forget("id");
    take(&browser, &store, "flush").await;
    assert_eq!(browser.named("remember"), None);
}
