//! One request writes while another one exchanges the id, command by command.

use std::{sync::Arc, time::Duration};

use acton_session::{
    AuthSession, CsrfConfig, Error, SessionConfig, Store, TypedSession, session_layer,
};
use axum::{Router, http::StatusCode, routing::post};
use tokio::sync::Notify;

use crate::{app::app, browser::Browser, stores::Shelf};

const COMMAND: Duration = Duration::from_millis(20);
/// More than any of the requests needs.
const COMMANDS: u32 = 14;

/// Whether the writer found the session, and the browser that has its id now.
async fn scene(exchange: &str, writer: &str, begins: (u32, u32)) -> (bool, Browser) {
    let app = app(Store::custom(Shelf::default().slow(COMMAND)));
    let browser = Browser::new(&app);
    browser.post("/session/set", "k=a&v=1").await;
    browser.post("/flash", "msg=a").await;
    let other = browser.twin();
    let exchange = async {
        tokio::time::sleep(COMMAND / 2 * begins.0).await;
        browser.post(exchange, "").await
    };
    let writer = async {
        tokio::time::sleep(COMMAND / 2 * begins.1).await;
        other.post(writer, "k=b&v=2").await
    };
    let (exchanged, written) = futures_util::future::join(exchange, writer).await;
    assert_eq!(exchanged.status, StatusCode::OK);
    assert_eq!(written.status, StatusCode::OK);
    (written.body == "1", browser)
}

#[tokio::test(start_paused = true)]
async fn whoever_has_read_a_session_writes_to_it_wherever_it_went() {
    for exchange in ["/cycle", "/slowly"] {
        for (writer, keys) in [
            ("/session/note", ["b"].as_slice()),
            ("/session/twice", &["bx", "by", "b"]),
        ] {
            let orders = (0..2 * COMMANDS).map(|after| (0, after));
            let orders = orders.chain((1..2 * COMMANDS).map(|after| (after, 0)));
            let mut found = 0;
            for order in orders {
                let (is_found, browser) = scene(exchange, writer, order).await;
                found += u32::from(is_found);
                for key in keys.iter().filter(|_| is_found) {
                    let kept = browser.get(&format!("/session/get?k={key}")).await.body;
                    assert_eq!(kept, "2", "{exchange} {writer} {key} {order:?}");
                }
                let shown = browser.get("/flash").await.body;
                assert_eq!(shown, "info:a\n", "{exchange} {writer} {order:?}");
            }
            assert!(found > COMMANDS, "{found}");
        }
    }
}

#[tokio::test]
async fn nobody_is_remembered_in_a_session_that_somebody_else_took_over() {
    let store = Store::memory();
    let browser = Browser::new(&app(store.clone()));
    browser.submit("/login", "username=alice").await;
    let (loaded, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let remember = {
        let (loaded, go_on) = (Arc::clone(&loaded), Arc::clone(&go_on));
        async move |mut auth: TypedSession<AuthSession>| -> Result<(), Error> {
            loaded.notify_one();
            go_on.notified().await;
            auth.remember().await
        }
    };
    let csrf = CsrfConfig {
        enabled: false,
        ..CsrfConfig::default()
    };
    let layer = session_layer(&SessionConfig::default(), store).csrf(csrf);
    let late = Router::new().route("/", post(remember)).layer(layer);
    let late = browser.twin().on(&late);
    let late = tokio::spawn(async move { late.post("/", "").await });
    loaded.notified().await;
    browser.submit("/login", "username=bob").await;
    go_on.notify_one();
    let page = late.await.unwrap();
    assert_eq!(
        (page.status, page.header("set-cookie")),
        (StatusCode::OK, None)
    );
}
