//! One request changes the id of a session while another one ends it, command by command.
//!
//! The store takes its time for every command, and the clock jumps from one to the next: so each order of the commands
//! of both is played, and the same orders every time.

use std::time::Duration;

use acton_session::{SessionConfig, SessionRegistry, Store, session_layer};
use axum::http::StatusCode;

use crate::{app::app, browser::Browser, stores::Shelf};

const COMMAND: Duration = Duration::from_millis(20);
/// More than any of the requests needs.
const COMMANDS: u32 = 14;

#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    LogOut,
    RevokeAll,
    RevokeOne,
}

const ENDS: [End; 3] = [End::LogOut, End::RevokeAll, End::RevokeOne];

struct Scene {
    registry: SessionRegistry,
    /// Has the answer of the request that changed the id.
    browser: Browser,
    /// Has what the browser had before.
    before: Browser,
    /// Whether the session that was there has ended by then.
    has_ended: bool,
    what: String,
}

/// The request begins after some half commands, or the end does.
async fn scene(
    (who, path, form): (&str, &str, &str),
    end: End,
    (act_after, end_after): (u32, u32),
) -> Scene {
    let store = Store::custom(Shelf::default().slow(COMMAND));
    let app = app(store.clone());
    let registry = session_layer(&SessionConfig::default(), store).registry();
    let browser = Browser::new(&app);
    browser.post("/session/set", "k=a&v=1").await;
    if !who.is_empty() {
        let form = format!("username={who}&remember=true");
        browser.submit("/login", &form).await;
    }
    let token = browser.token().await;
    let before = browser.twin();
    let handle = match registry.list(who).await.unwrap().pop() {
        Some(session) => session.handle,
        None => String::new(),
    };
    let form = format!("csrf_token={token}&{form}");
    let act = async {
        tokio::time::sleep(COMMAND / 2 * act_after).await;
        if path == "/user" {
            browser.forget("id");
            browser.get(path).await
        } else {
            browser.post(path, &form).await
        }
    };
    let ending = async {
        tokio::time::sleep(COMMAND / 2 * end_after).await;
        match end {
            End::LogOut => {
                let page = before.twin();
                let page = page.post("/logout", &format!("csrf_token={token}")).await;
                page.status == StatusCode::SEE_OTHER
            }
            End::RevokeAll => registry.revoke_all("alice").await.is_ok(),
            End::RevokeOne => registry.revoke(who, &handle).await.unwrap(),
        }
    };
    let (page, has_ended) = futures_util::future::join(act, ending).await;
    assert!(page.status.as_u16() < 500, "{}", page.body);
    let what = format!(
        "{who} {path} {form} {end:?} {act_after} {end_after} {}",
        page.status
    );
    Scene {
        registry,
        browser,
        before,
        has_ended,
        what,
    }
}

fn orders() -> impl Iterator<Item = (u32, u32)> {
    let later = (0..2 * COMMANDS).map(|after| (0, after));
    later.chain((1..2 * COMMANDS).map(|after| (after, 0)))
}

async fn user(browser: &Browser) -> String {
    browser.get("/user").await.body
}

/// Whoever is logged in is found by who ends all sessions, and so is whoever is remembered.
async fn is_found(scene: &Scene) {
    scene.registry.revoke_all("alice").await.unwrap();
    for browser in [&scene.browser, &scene.before] {
        assert_eq!(user(browser).await, "", "{}", scene.what);
        browser.forget("id");
        assert_eq!(user(browser).await, "", "{}", scene.what);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_does_not_outlive_its_end() {
    for path in ["/cycle", "/slowly"] {
        for end in ENDS {
            for order in orders() {
                let scene = scene(("alice", path, ""), end, order).await;
                let expected = if scene.has_ended { "" } else { "alice" };
                // With the old id nobody comes, whatever became of it; the browser is remembered no more either.
                assert_eq!(user(&scene.browser).await, expected, "{}", scene.what);
                if scene.has_ended {
                    assert_eq!(user(&scene.before).await, "", "{}", scene.what);
                } else {
                    // The form came with an id that was exchanged.
                    assert_eq!(end, End::LogOut);
                }
                is_found(&scene).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_is_ended_or_found_afterwards() {
    for (who, form) in [
        ("", "username=alice"),
        ("", "username=alice&remember=true"),
        ("", "username=alice&remember=true&pauses=1"),
        ("alice", "username=alice"),
        ("alice", "username=alice&remember=true"),
    ] {
        for end in [End::RevokeAll, End::LogOut] {
            for order in orders() {
                let scene = scene((who, "/login", form), end, order).await;
                let found = user(&scene.browser).await;
                assert!(["", "alice"].contains(&found.as_str()), "{}", scene.what);
                is_found(&scene).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_remembered_browser_does_not_come_back_from_a_revocation() {
    for order in orders() {
        let scene = scene(("alice", "/user", ""), End::RevokeAll, order).await;
        assert_eq!(user(&scene.browser).await, "", "{}", scene.what);
        is_found(&scene).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_one_user_is_not_that_of_the_next() {
    for end in ENDS {
        for order in orders() {
            let scene = scene(("alice", "/login", "username=bob"), end, order).await;
            // Unless the form had expired with the session.
            if scene.what.ends_with("303 See Other") {
                assert_eq!(user(&scene.browser).await, "bob", "{}", scene.what);
                assert_eq!(user(&scene.before).await, "", "{}", scene.what);
                scene.registry.revoke_all("bob").await.unwrap();
            }
            is_found(&scene).await;
        }
    }
}
