//! One request writes while another one exchanges the id, command by command.

use std::time::Duration;

use acton_session::Store;
use axum::http::StatusCode;

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
