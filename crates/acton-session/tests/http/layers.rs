use acton_session::{CsrfConfig, Session, SessionConfig, Store, session_layer};
use axum::{Router, http::header, routing::get};
use tracing_subscriber::util::SubscriberInitExt;

use crate::{
    app::{app, csrf},
    browser::Browser,
    logs::Log,
};

fn unprotected() -> CsrfConfig {
    CsrfConfig {
        enabled: false,
        ..csrf()
    }
}

#[tokio::test]
async fn of_two_layers_the_inner_one_serves_its_routes() {
    let inner = app(Store::memory());
    let read = |session: Session| async move {
        let value = session.get::<String>("k").await.unwrap();
        value.unwrap_or_default()
    };
    let outer = session_layer(&SessionConfig::default(), Store::memory()).csrf(unprotected());
    let app = Router::new()
        .route("/outer", get(read))
        .merge(inner)
        .layer(outer);
    let browser = Browser::new(&app);
    let page = browser.post("/session/set", "k=k&v=inner").await;
    assert_eq!(page.headers.get_all(header::SET_COOKIE).iter().count(), 1);
    assert_eq!(browser.get("/session/get?k=k").await.body, "inner");
    assert_eq!(browser.get("/outer").await.body, "");
}

#[tokio::test]
async fn that_the_outer_one_refuses_the_forms_of_the_inner_one_is_in_the_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone());
    let _guard = subscriber.finish().set_default();
    for (protection, status, is_told) in [(unprotected(), 303, false), (csrf(), 403, true)] {
        let outer = session_layer(&SessionConfig::default(), Store::memory()).csrf(protection);
        let browser = Browser::new(&app(Store::memory()).layer(outer));
        let login = browser.submit("/login", "username=alice").await;
        assert_eq!(login.status.as_u16(), status);
        let log = log.text();
        assert_eq!(log.contains("inside another one"), is_told, "{log}");
    }
}

#[tokio::test]
async fn without_a_layer_extraction_says_so_and_a_page_can_do_without() {
    use acton_session::{FlashMessages, PageSession};
    let app = Router::new()
        .route("/flash", get(|_: FlashMessages| async {}))
        .route(
            "/page",
            get(|page: Option<PageSession>| async move { page.is_some().to_string() }),
        );
    let browser = Browser::new(&app);
    assert_eq!(browser.get("/flash").await.status.as_u16(), 500);
    assert_eq!(browser.get("/page").await.body, "false");
}
