//! One request changes the id of a session while another one ends it, command by command.
//!
//! The store takes its time for every command, and the clock jumps from one to the next: so each order of the commands
//! of both is played, and the same orders every time.

use std::time::Duration;

use acton_session::{SessionConfig, SessionRegistry, Store, session_layer};
use axum::http::StatusCode;

use crate::{app::app, browser::Browser, leaving::Quiet, stores::Shelf};

const COMMAND: Duration = Duration::from_millis(20);
/// More than any of the requests needs.
const COMMANDS: u32 = 20;

#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    LogOut,
    RevokeAll,
    RevokeOne,
    /// As it would be done from another tab.
    RevokeOthers,
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
async fn scene(act: (&str, &str, &str), end: End, order: (u32, u32)) -> Scene {
    scene_beside(0, act, end, order).await
}

/// As [`scene`], with so many other browsers that are remembered for alice.
async fn scene_beside(
    others: u32,
    (who, path, form): (&str, &str, &str),
    end: End,
    (act_after, end_after): (u32, u32),
) -> Scene {
    let store = Store::custom(Shelf::default().slow(COMMAND));
    let app = app(store.clone());
    let registry = session_layer(&SessionConfig::default(), store).registry();
    for _ in 0..others {
        let other = Browser::new(&app);
        other.submit("/login", "username=alice&remember=true").await;
    }
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
            End::RevokeOthers => {
                let page = before.twin();
                let page = page.post("/others", &format!("csrf_token={token}")).await;
                page.status == StatusCode::OK
            }
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

/// Whose session it is, not whom the browser is remembered as.
async fn user_of_session(browser: &Browser) -> String {
    let twin = browser.twin();
    twin.forget("remember");
    user(&twin).await
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
            let mut lived = 0;
            for order in orders() {
                let scene = scene((who, "/login", form), end, order).await;
                let found = user_of_session(&scene.browser).await;
                let expected = expected_after(&scene, (who, end), order, &found);
                assert_eq!(found, expected, "{}", scene.what);
                // The browser is not remembered for a session that was ended.
                assert_eq!(user(&scene.browser).await, found, "{}", scene.what);
                lived += u32::from(found == "alice");
                is_found(&scene).await;
            }
            assert!(lived > 0, "{who} {form} {end:?}");
        }
    }
}

/// It was not there when remembered browsers were looked for, and its session was when sessions were.
#[tokio::test(start_paused = true)]
async fn a_browser_is_not_remembered_for_a_session_that_was_revoked() {
    for form in [
        "username=alice&remember=true",
        "username=alice&remember=true&pauses=1",
    ] {
        let mut revoked = 0;
        // Ending all of them takes longer than any request.
        let most = 5 * COMMANDS;
        for after in 0..most {
            let act = ("", "/login", form);
            let scene = scene_beside(4, act, End::RevokeAll, (after, 0)).await;
            let found = user_of_session(&scene.browser).await;
            assert_eq!(user(&scene.browser).await, found, "{}", scene.what);
            revoked += u32::from(found.is_empty());
            is_found(&scene).await;
        }
        assert!(revoked > 0 && revoked < most, "{form} {revoked}");
    }
}

/// Who is logged in after a login beside an end, where it is certain.
fn expected_after<'a>(
    scene: &Scene,
    (who, end): (&str, End),
    (act_after, end_after): (u32, u32),
    found: &'a str,
) -> &'a str {
    let is_answered = scene.what.ends_with("303 See Other");
    // More than any of the requests needs.
    let is_first = end_after > 2 * COMMANDS - 3;
    let is_last = act_after > 2 * COMMANDS - 3;
    match end {
        _ if !is_answered => "",
        End::RevokeAll if is_first => "",
        End::RevokeAll if is_last => "alice",
        // Who logs out a visitor does not log out who comes after.
        End::LogOut if who.is_empty() || !scene.has_ended => "alice",
        _ if found == "alice" => "alice",
        _ => "",
    }
}

/// An id that is exchanged belongs to the session that is kept, before and after it is linked to the one before.
#[tokio::test(start_paused = true)]
async fn whoever_ends_the_other_sessions_keeps_the_own() {
    for (path, form) in [
        ("/cycle", ""),
        ("/slowly", ""),
        ("/login", "username=alice"),
        ("/login", "username=alice&remember=true"),
    ] {
        let mut ended = 0;
        for order in orders() {
            let scene = scene(("alice", path, form), End::RevokeOthers, order).await;
            let found = user_of_session(&scene.browser).await;
            assert_eq!(found, "alice", "{}", scene.what);
            ended += u32::from(scene.has_ended);
            is_found(&scene).await;
        }
        assert!(ended > COMMANDS, "{path} {form} {ended}");
    }
}

/// The client leaves, and what it began is undone while another device ends the session.
#[tokio::test(start_paused = true)]
async fn whoever_ends_a_session_finds_it_between_two_ids() {
    for (path, form) in [
        ("/cycle", ""),
        ("/slowly", ""),
        ("/login", "username=alice"),
        ("/login", "username=alice&remember=true&pauses=1"),
        ("/login", "username=bob&pauses=1"),
        ("/become", "username=bob"),
    ] {
        for leaves_after in 1..2 * COMMANDS {
            for end_after in leaves_after.saturating_sub(1)..leaves_after + 12 {
                let Some((has_ended, before, registry)) =
                    left((path, form), leaves_after, end_after).await
                else {
                    break;
                };
                let what = format!("{path} {form} {leaves_after} {end_after}");
                // Between two users it cannot be told from a session that was left for another one.
                assert!(has_ended || form.contains("bob"), "{what}");
                assert_eq!(user(&before).await, "", "{what}");
                registry.revoke_all("alice").await.unwrap();
                assert!(registry.list("alice").await.unwrap().is_empty());
            }
        }
    }
}

/// Whether there was a session to end, what the browser has, and who ends sessions. Nothing if the client stayed.
async fn left(
    (path, form): (&str, &str),
    leaves_after: u32,
    end_after: u32,
) -> Option<(bool, Browser, SessionRegistry)> {
    let store = Store::custom(Shelf::default().slow(COMMAND));
    let browser = Browser::new(&app(store.clone()));
    let registry = session_layer(&SessionConfig::default(), store).registry();
    browser
        .submit("/login", "username=alice&remember=true")
        .await;
    let token = browser.token().await;
    let before = browser.twin();
    let quiet = Quiet::now().await;
    let handle = registry.list("alice").await.unwrap().pop().unwrap().handle;
    let form = format!("csrf_token={token}&{form}");
    let act = tokio::time::timeout(COMMAND / 2 * leaves_after, browser.post(path, &form));
    let ending = async {
        tokio::time::sleep(COMMAND / 2 * end_after).await;
        registry.revoke("alice", &handle).await.unwrap()
    };
    let (page, has_ended) = futures_util::future::join(act, ending).await;
    quiet.again().await;
    page.is_err().then_some((has_ended, before, registry))
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
