use acton_session::{AuthSession, CurrentUser, SessionConfig, Store, TypedSession, session_layer};
use axum::{Router, extract::Path, http::StatusCode, routing::get};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

use crate::{app::csrf, browser::Browser};

#[derive(Default, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
}

#[derive(Default, Serialize, Deserialize)]
struct Preferences {
    theme: String,
}

mod later {
    use super::{Deserialize, Serialize};

    /// Not what was stored.
    #[derive(Default, Serialize, Deserialize)]
    pub(super) struct Cart {
        pub(super) total: u32,
    }
}

/// Keys may hold non-text keys that JSON cannot.
#[derive(Default, Serialize, Deserialize)]
struct Unwritable(HashMap<(u8, u8), u8>);

fn browser(store: Store) -> Browser {
    let app = Router::new()
        .route("/add", get(add))
        .route("/fail", get(fail))
        .route("/items", get(items))
        .route("/clear", get(clear))
        .route("/theme", get(theme))
        .route("/login", get(login))
        .route("/whoami", get(whoami))
        .route("/unwritable", get(unwritable))
        .layer(session_layer(&SessionConfig::default(), store).csrf(csrf()));
    Browser::new(&app)
}

async fn add(mut cart: TypedSession<Cart>, theme: TypedSession<Preferences>) {
    cart.data_mut().items.push("milk".to_owned());
    drop(theme);
}

async fn fail(mut cart: TypedSession<Cart>) -> StatusCode {
    cart.update(|cart| cart.items.clear());
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn items(cart: TypedSession<Cart>) -> String {
    cart.data().items.join(",")
}

async fn clear(mut cart: TypedSession<Cart>) {
    cart.clear().await.unwrap();
}

async fn theme(mut preferences: TypedSession<Preferences>) {
    preferences.data_mut().theme = "dark".to_owned();
    preferences.save().await.unwrap();
}

async fn login(mut auth: TypedSession<AuthSession>) {
    auth.login("alice").await.unwrap();
}

async fn whoami(user: CurrentUser) -> String {
    user.id
}

async fn unwritable(mut odd: TypedSession<Unwritable>) {
    odd.data_mut().0.insert((1, 1), 1);
}

on_every_store![
    what_was_changed_is_saved_by_itself,
    nothing_is_saved_after_a_failure,
    two_types_do_not_meet,
    a_cart_and_a_login_do_not_meet_whichever_comes_first,
    a_cleared_type_is_gone,
];

async fn what_was_changed_is_saved_by_itself(store: Store) {
    let browser = browser(store);
    browser.get("/add").await;
    browser.get("/add").await;
    assert_eq!(browser.get("/items").await.body, "milk,milk");
}

async fn nothing_is_saved_after_a_failure(store: Store) {
    let browser = browser(store);
    browser.get("/add").await;
    browser.get("/fail").await;
    assert_eq!(browser.get("/items").await.body, "milk");
}

async fn two_types_do_not_meet(store: Store) {
    let browser = browser(store);
    browser.get("/theme").await;
    browser.get("/add").await;
    browser.get("/theme").await;
    assert_eq!(browser.get("/items").await.body, "milk");
}

async fn a_cart_and_a_login_do_not_meet_whichever_comes_first(store: Store) {
    for order in [["/add", "/login"], ["/login", "/add"]] {
        let browser = browser(store.clone());
        for path in order.iter().chain(["/add", "/login"].iter()) {
            assert_eq!(browser.get(path).await.status, StatusCode::OK, "{order:?}");
        }
        assert_eq!(browser.get("/items").await.body, "milk,milk", "{order:?}");
        assert_eq!(browser.get("/whoami").await.body, "alice", "{order:?}");
    }
}

async fn a_cleared_type_is_gone(store: Store) {
    let browser = browser(store);
    browser.get("/add").await;
    browser.get("/clear").await;
    assert_eq!(browser.get("/items").await.body, "");
}

/// A cart that was filled before its owner left, or somebody else came, stays with the session it was in.
#[tokio::test]
async fn what_was_changed_does_not_outlive_the_session_it_was_read_from() {
    async fn leave(
        mut cart: TypedSession<Cart>,
        mut auth: TypedSession<AuthSession>,
        Path(user): Path<String>,
    ) -> String {
        cart.data_mut().items.push("bread".to_owned());
        match user.as_str() {
            "nobody" => auth.logout().await.unwrap(),
            "flush" => cart.session().flush().await.unwrap(),
            _ => auth.login(&user).await.unwrap(),
        }
        cart.data().items.join(",")
    }
    let app = Router::new()
        .route("/add", get(add))
        .route("/items", get(items))
        .route("/leave/{user}", get(leave))
        .layer(session_layer(&SessionConfig::default(), Store::memory()));
    for (user, expected) in [
        ("alice", "bread,milk,bread"),
        ("bob", ""),
        ("nobody", ""),
        ("flush", ""),
    ] {
        let browser = Browser::new(&app);
        browser.get("/leave/alice").await;
        browser.get("/add").await;
        browser.get(&format!("/leave/{user}")).await;
        let items = browser.get("/items").await.body;
        assert_eq!(items, expected, "{user}");
        let has_session = browser.cookie().is_some();
        assert_eq!(has_session, matches!(user, "alice" | "bob"), "{user}");
    }
}

#[tokio::test]
async fn data_that_is_no_json_is_not_saved_and_breaks_nothing() {
    let page = browser(Store::memory()).get("/unwritable").await;
    assert_eq!(page.status, StatusCode::OK);
}

#[tokio::test]
async fn data_of_another_shape_becomes_the_default() {
    let key = std::any::type_name::<later::Cart>();
    let app = Router::new()
        .route(
            "/plant",
            get(move |session: acton_session::Session| async move {
                session
                    .insert(key, serde_json::json!(["old"]))
                    .await
                    .unwrap();
            }),
        )
        .route(
            "/total",
            get(|cart: TypedSession<later::Cart>| async move { cart.data().total.to_string() }),
        )
        .layer(session_layer(&SessionConfig::default(), Store::memory()));
    let browser = Browser::new(&app);
    browser.get("/plant").await;
    let page = browser.get("/total").await;
    assert_eq!((page.status, page.body.as_str()), (StatusCode::OK, "0"));
}
