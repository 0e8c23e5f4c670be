//! What a browser sees, request by request. `tests/browser` looks at it in a real one.

mod remembered;

use std::collections::BTreeMap;

use acton_service::{Config, prelude::*};
use axum::body::{Body, to_bytes};
use http::{
    Request, Response,
    header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, RETRY_AFTER, SET_COOKIE},
};
use tower::ServiceExt;

/// A browser: it keeps its cookies, and the security token of the last page.
#[derive(Clone)]
struct Browser {
    app: Router,
    cookies: BTreeMap<String, String>,
    token: String,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Browser {
    async fn new() -> Self {
        let app = crate::app(config()).await.expect("starts");
        Self::of(app.into_router())
    }

    fn of(app: Router) -> Self {
        Self {
            app,
            cookies: BTreeMap::new(),
            token: String::new(),
        }
    }

    async fn logged_in() -> Self {
        let mut browser = Self::new().await;
        browser.get("/login").await;
        let answer = browser
            .post("/login", "username=demo&password=demo-password")
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        browser.get("/").await;
        browser
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), String::new()).await
    }

    async fn post(&mut self, path: &str, fields: &str) -> Answer {
        let form = format!("{fields}&csrf_token={}", self.token);
        self.send(Request::post(path), form).await
    }

    async fn htmx_post(&mut self, path: &str, fields: &str) -> Answer {
        let form = format!("{fields}&csrf_token={}", self.token);
        self.send(Request::post(path).header("hx-request", "true"), form)
            .await
    }

    async fn send(&mut self, request: http::request::Builder, body: String) -> Answer {
        let request = request
            .header(COOKIE, self.cookies())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .expect("a request");
        let answer = self.app.clone().oneshot(request).await.expect("infallible");
        let answer = Answer::read(answer).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("text");
            let (pair, attributes) = cookie.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a value");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if let Some((_, rest)) = answer.body.split_once(r#"name="csrf_token" value=""#) {
            self.token = rest.split('"').next().unwrap_or_default().to_owned();
        }
        answer
    }

    fn cookies(&self) -> String {
        let cookies = self.cookies.iter();
        let pairs: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// Whether the board is shown, with the cookies as they are.
    async fn is_logged_in(&mut self) -> bool {
        self.get("/").await.status == StatusCode::OK
    }
}

fn config() -> Config {
    let mut config = Config::default();
    config.database.url = "sqlite::memory:".to_owned();
    config
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).expect("text"),
        }
    }

    fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn shows(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

#[tokio::test]
async fn a_visitor_is_sent_to_the_login_page_and_comes_back() {
    let mut browser = Browser::new().await;
    let answer = browser.get("/?filter=pending").await;
    assert_eq!(
        answer.header(LOCATION),
        Some("/login?next=%2F%3Ffilter%3Dpending")
    );
    browser.get("/login?next=%2F%3Ffilter%3Dpending").await;
    let fields = "username=Demo&password=demo-password&next=%2F%3Ffilter%3Dpending";
    let answer = browser.post("/login", fields).await;
    assert_eq!(answer.header(LOCATION), Some("/?filter=pending"));
}

#[tokio::test]
async fn logging_in_leads_to_no_other_site() {
    let mut browser = Browser::new().await;
    browser.get("/login").await;
    let fields = "username=demo&password=demo-password&next=https://example.org";
    let answer = browser.post("/login", fields).await;
    assert_eq!(answer.header(LOCATION), Some("/"));
}

#[tokio::test]
async fn logging_in_changes_the_session_id() {
    let mut browser = Browser::new().await;
    browser.get("/login").await;
    let before = browser.cookies();
    browser
        .post("/login", "username=demo&password=demo-password")
        .await;
    assert_ne!(browser.cookies(), before);
}

#[tokio::test]
async fn wrong_passwords_and_unknown_names_look_the_same() {
    let mut browser = Browser::new().await;
    browser.get("/login").await;
    for name in ["demo", "nobody"] {
        let answer = browser
            .post("/login", &format!("username={name}&password=wrong"))
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(
            answer.shows("The name or the password is wrong.") && !answer.shows("value=\"wrong\"")
        );
    }
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let mut browser = Browser::new().await;
    browser.get("/login").await;
    for _ in 0..10 {
        browser.post("/login", "username=demo&password=guess").await;
    }
    let answer = browser
        .post("/login", "username=demo&password=demo-password")
        .await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.header(RETRY_AFTER).is_some());
}

#[tokio::test]
async fn a_name_can_be_registered_once() {
    let mut browser = Browser::new().await;
    browser.get("/register").await;
    for (fields, told) in [
        ("username=&password=long+enough", "Enter a name."),
        ("username=a+b&password=long+enough", "Use letters"),
        ("username=alice&password=short", "at least 8 characters"),
        ("username=DEMO&password=long+enough", "This name is taken."),
    ] {
        let answer = browser.post("/register", fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.shows(told), "{told}");
    }
    let answer = browser
        .post("/register", "username=Alice&password=long+enough")
        .await;
    assert_eq!(answer.header(LOCATION), Some("/"));
    assert!(browser.get("/").await.shows("<strong>alice</strong>"));
}

#[tokio::test]
async fn a_form_without_its_token_is_refused() {
    let mut browser = Browser::logged_in().await;
    browser.token = "forged".to_owned();
    let answer = browser.post("/tasks", "title=Milk").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_plain_form_is_answered_with_the_list_and_a_message() {
    let mut browser = Browser::logged_in().await;
    let answer = browser
        .post("/tasks", "title=+Milk+%26+bread+&filter=pending")
        .await;
    assert_eq!(answer.header(LOCATION), Some("/?filter=pending"));
    let page = browser.get("/?filter=pending").await;
    assert!(page.shows("<!doctype html>") && page.shows("Added “Milk &#38; bread”."));
    assert!(page.shows(r#">Milk &#38; bread</label>"#));
    assert!(!browser.get("/").await.shows("Added"));
}

#[tokio::test]
async fn htmx_is_answered_with_the_parts_that_changed() {
    let mut browser = Browser::logged_in().await;
    let answer = browser.htmx_post("/tasks", "title=Milk").await;
    assert!(answer.body.trim_start().starts_with("<form"));
    for id in [
        "task-list",
        "total-count",
        "pending-count",
        "completed-count",
    ] {
        assert!(answer.shows(&format!("hx-target=\"#{id}\"")), "{id}");
    }
    let answer = browser
        .htmx_post("/tasks/1/complete", "filter=pending")
        .await;
    assert!(answer.shows(r##"hx-target="#task-1" hx-swap="delete""##));
    let answer = browser.htmx_post("/tasks/1/edit", "title=Rye").await;
    assert!(answer.shows("<li class=\"task\" id=\"task-1\">") && answer.shows("Rye"));
}

#[tokio::test]
async fn titles_that_do_not_fit_are_kept_beside_their_message() {
    let mut browser = Browser::logged_in().await;
    browser.post("/tasks", "title=Milk").await;
    let long = "ä".repeat(201);
    for path in ["/tasks", "/tasks/1/edit"] {
        for (title, told) in [
            ("++", "Enter a title."),
            ("a%00b", "Use one line of text."),
            (&long, "these are 201."),
        ] {
            let fields = format!("title={title}");
            for answer in [
                browser.post(path, &fields).await,
                browser.htmx_post(path, &fields).await,
            ] {
                assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
                assert!(
                    answer.shows(told)
                        && (title.contains('%')
                            || answer.shows(&format!("value=\"{}\"", title.replace('+', " "))))
                );
            }
        }
    }
}

#[tokio::test]
async fn completing_twice_is_completing() {
    let mut browser = Browser::logged_in().await;
    browser.post("/tasks", "title=Milk").await;
    for _ in 0..2 {
        browser.post("/tasks/1/complete", "").await;
        assert!(browser.get("/?filter=completed").await.shows("Milk"));
    }
    assert!(!browser.get("/?filter=pending").await.shows("Milk"));
    browser.post("/tasks/1/reopen", "").await;
    assert!(browser.get("/?filter=pending").await.shows("Milk"));
}

#[tokio::test]
async fn deleting_asks_first_and_then_says_so() {
    let mut browser = Browser::logged_in().await;
    browser.post("/tasks", "title=Milk").await;
    assert!(
        browser
            .get("/tasks/1/delete?filter=pending")
            .await
            .shows("Delete this task?")
    );
    let answer = browser.post("/tasks/1/delete", "filter=pending").await;
    assert_eq!(answer.header(LOCATION), Some("/?filter=pending"));
    assert!(browser.get("/").await.shows("Deleted “Milk”."));
    let missing = browser.get("/tasks/1").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.shows("Back to the board") && missing.shows("name the request"));
}

#[tokio::test]
async fn a_change_to_a_deleted_task_takes_its_row_away_and_keeps_what_was_typed() {
    let mut browser = Browser::logged_in().await;
    for path in [
        "/tasks/7/edit",
        "/tasks/7/complete",
        "/tasks/7/reopen",
        "/tasks/7/delete",
    ] {
        let answer = browser.htmx_post(path, "title=Rye&editing=7").await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.shows(r##"hx-target="#task-7" hx-swap="delete""##));
        assert!(answer.shows("You had typed “Rye”."));
        let plain = browser.post(path, "title=Rye").await;
        assert_eq!(plain.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn an_edit_stays_in_a_list_to_which_its_task_no_longer_belongs() {
    let mut browser = Browser::logged_in().await;
    browser.post("/tasks", "title=Milk").await;
    browser.post("/tasks/1/complete", "").await;
    let refresh = |path| Request::get(path).header("hx-request", "true");
    let list = "/?filter=pending&editing=1&editing=7";
    let answer = browser.send(refresh(list), String::new()).await;
    assert!(answer.shows(r#"id="task-1" hx-preserve="true""#));
    assert!(answer.shows(r#"id="task-7" hx-preserve="true""#));
    // A page that is opened anew has nothing to keep.
    assert!(!browser.get(list).await.shows("task-7"));
}

#[tokio::test]
async fn the_last_of_two_edits_says_what_it_replaced() {
    let mut browser = Browser::logged_in().await;
    browser.post("/tasks", "title=Milk").await;
    let fields = "title=Milk+and+honey&was=Milk";
    let first = browser.htmx_post("/tasks/1/edit", fields).await;
    assert!(!first.shows("in place of"));
    let fields = "title=Oat+milk&was=Milk";
    let second = browser.htmx_post("/tasks/1/edit", fields).await;
    assert!(second.shows("in place of “Milk and honey”") && second.shows("Oat milk"));
}

#[tokio::test]
async fn programs_read_json() {
    let mut browser = Browser::logged_in().await;
    browser.post("/tasks", "title=Milk").await;
    let answer = browser.get("/api/v1/tasks?filter=pending").await;
    let tasks: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(
        (&tasks[0]["title"], &tasks[0]["created_by"]),
        (&"Milk".into(), &"demo".into())
    );
}

#[tokio::test]
async fn strangers_get_neither_tasks_nor_events() {
    let mut browser = Browser::new().await;
    let answer = browser.get("/api/v1/tasks").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.header(CONTENT_TYPE),
        Some("application/problem+json")
    );
    let events = Request::get("/events").header(ACCEPT, "text/event-stream");
    let answer = browser.send(events, String::new()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn my_sessions_are_listed_and_others_can_be_ended() {
    let mut browser = Browser::logged_in().await;
    let mut elsewhere = Browser::of(browser.app.clone());
    elsewhere.get("/login").await;
    elsewhere
        .post("/login", "username=demo&password=demo-password")
        .await;
    assert!(
        browser
            .get("/account/sessions")
            .await
            .shows("End all others")
    );
    browser.post("/account/sessions/end-others", "").await;
    assert!(
        !browser
            .get("/account/sessions")
            .await
            .shows("End all others")
    );
    assert_eq!(elsewhere.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_that_was_over_already_is_not_said_to_be_ended() {
    let mut browser = Browser::logged_in().await;
    let mut elsewhere = Browser::of(browser.app.clone());
    elsewhere.get("/login").await;
    elsewhere
        .post("/login", "username=demo&password=demo-password")
        .await;
    let page = browser.get("/account/sessions").await.body;
    let (end, _) = page.split_once("/end\"").expect("a form that ends one");
    let (_, handle) = end.rsplit_once('/').expect("its handle");
    let path = format!("/account/sessions/{handle}/end");
    for told in ["That session is over.", "That session was over already."] {
        browser.post(&path, "").await;
        let page = browser.get("/account/sessions").await;
        assert!(page.shows(told), "{}", page.body);
    }
    assert_eq!(elsewhere.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let mut browser = Browser::logged_in().await;
    let cookies = browser.cookies.clone();
    browser.post("/logout", "").await;
    browser.cookies = cookies;
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_board_says_who_has_it_open() {
    let mut browser = Browser::logged_in().await;
    let board = browser.get("/").await;
    assert!(board.shows("<strong>1 here now:</strong> demo"));
    let stream = Request::get("/events").header(COOKIE, browser.cookies());
    let stream = stream.body(Body::empty()).expect("a request");
    let stream = browser
        .app
        .clone()
        .oneshot(stream)
        .await
        .expect("infallible");
    let part = browser.get("/here").await;
    assert_eq!(part.body, "<strong>1 here now:</strong> demo");
    drop(stream);
}
