//! A store that does not answer one command of a request, at every command there is, and whether or not it was done.

use acton_session::{SessionConfig, Store, session_layer};
use axum::http::StatusCode;

use crate::{
    app::app,
    browser::{Browser, Page},
    leaving::Quiet,
    stores::Shelf,
};

/// What changes the id of a session, and who is logged in afterwards.
const EXCHANGES: [(&str, &str, &str); 6] = [
    ("/cycle", "", "alice"),
    ("/slowly", "", "alice"),
    ("/login", "username=alice", "alice"),
    ("/login", "username=alice&remember=true&pauses=1", "alice"),
    ("/login", "username=bob", "bob"),
    ("/become", "username=bob", "bob"),
];

struct Scene {
    shelf: Shelf,
    browser: Browser,
    quiet: Quiet,
    /// For a message of a test.
    what: String,
}

impl Scene {
    async fn of(user: &str, what: String) -> Self {
        let shelf = Shelf::default();
        let app = app(Store::custom(shelf.clone()));
        let browser = Browser::new(&app);
        browser.post("/session/set", "k=a&v=1").await;
        if !user.is_empty() {
            let form = format!("username={user}&remember=true");
            browser.submit("/login", &form).await;
            browser.post("/session/set", "k=a&v=1").await;
        }
        Self {
            shelf,
            browser,
            quiet: Quiet::now().await,
            what,
        }
    }

    /// Nothing, if it has fewer commands. Everything is done in the background when it returns.
    async fn post(&self, path: &str, form: &str, (after, is_done): (usize, bool)) -> Option<Page> {
        let token = self.browser.token().await;
        self.shelf.hang(after, is_done);
        let form = format!("csrf_token={token}&{form}");
        let page = self.browser.post(path, &form).await;
        let has_hung = self.shelf.go_on();
        self.quiet.again().await;
        has_hung.then_some(page)
    }

    async fn user(&self) -> String {
        self.browser.get("/user").await.body
    }
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_is_not_answered_leaves_a_whole_session() {
    for (path, form, after_it) in EXCHANGES {
        for is_done in [true, false] {
            let mut refused = 0;
            for after in 0..100 {
                let what = format!("{path} {form} {after} {is_done}");
                let scene = Scene::of("alice", what).await;
                let before = scene.browser.cookie();
                let Some(page) = scene.post(path, form, (after, is_done)).await else {
                    break;
                };
                refused += u32::from(page.status == StatusCode::SERVICE_UNAVAILABLE);
                let is_new = scene.browser.cookie() != before;
                let expected = if is_new { after_it } else { "alice" };
                assert_eq!(scene.user().await, expected, "{}", scene.what);
                let kept = scene.browser.get("/session/get?k=a").await.body;
                let expected = if expected == "alice" { "1" } else { "" };
                assert_eq!(kept, expected, "{}", scene.what);
                // It is a session like any other.
                scene.browser.submit("/cycle", "").await;
                assert_eq!(scene.browser.get("/session/get?k=a").await.body, expected);
            }
            assert!(refused > 1, "{path} {form}: {refused}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_not_answered_did_not_happen() {
    for is_done in [true, false] {
        let mut refused = 0;
        for after in 0..100 {
            let scene = Scene::of("", format!("{after} {is_done}")).await;
            let form = "username=alice&remember=true";
            let before = scene.browser.cookie();
            let Some(page) = scene.post("/login", form, (after, is_done)).await else {
                break;
            };
            if page.status != StatusCode::SERVICE_UNAVAILABLE || scene.browser.cookie() != before {
                continue;
            }
            refused += 1;
            assert_eq!(scene.user().await, "", "{}", scene.what);
            assert_eq!(scene.browser.get("/session/get?k=a").await.body, "1");
            let store = Store::custom(scene.shelf.clone());
            let registry = session_layer(&SessionConfig::default(), store).registry();
            assert!(registry.list("alice").await.unwrap().is_empty());
            // Nor is a browser remembered that does not know it.
            let slots = scene.shelf.slots();
            assert!(
                slots.iter().all(|slot| !slot.contains("alice")),
                "{} {slots:?}",
                scene.what
            );
        }
        assert!(refused > 1, "{refused}");
    }
}
