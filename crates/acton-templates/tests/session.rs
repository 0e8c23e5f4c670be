//! What a browser sees of its session in a page.

use acton_htmx::{HtmxLayer, HxRequest};
use acton_session::{
    AuthSession, Error, FlashMessage, SessionConfig, Store, TypedSession, session_layer,
};
use acton_templates::{ErrorPages, HtmlTemplate, TemplateContext};
use askama::Template;
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use http_body_util::BodyExt;
use tower::ServiceExt;

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{{ ctx.flash_region() }}|{{ ctx.user().unwrap_or("-") }}|{{ ctx.has_role("admin") }}"#
)]
struct Page {
    ctx: TemplateContext,
}

#[derive(Template)]
#[template(ext = "html", source = "<form>{{ ctx.csrf_field() }}</form>")]
struct Form {
    ctx: TemplateContext,
}

#[derive(Template)]
#[template(ext = "html", source = "quiet")]
struct Quiet;

async fn quiet(ctx: TemplateContext) -> HtmlTemplate {
    drop(ctx);
    HtmlTemplate::page(Quiet)
}

async fn fragment(HxRequest(_): HxRequest, ctx: TemplateContext) -> HtmlTemplate {
    HtmlTemplate::fragment(Quiet).with_flash(&ctx)
}

async fn saved(ctx: TemplateContext) -> HtmlTemplate {
    let saved = HtmlTemplate::fragment(Quiet).with(FlashMessage::info("now"));
    saved.with_flash(&ctx)
}

async fn broken(ctx: TemplateContext) -> impl IntoResponse {
    assert_eq!(ctx.flash().len(), 1);
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn login(mut auth: TypedSession<AuthSession>) -> Result<Redirect, Error> {
    auth.login_with_roles("alice", ["admin"]).await?;
    Ok(Redirect::to("/"))
}

fn app() -> Router {
    let leave = || async { (FlashMessage::success("<Saved>"), Redirect::to("/")) };
    Router::new()
        .route(
            "/",
            get(|ctx: TemplateContext| async { HtmlTemplate::page(Page { ctx }) }),
        )
        .route(
            "/form",
            get(|ctx: TemplateContext| async { HtmlTemplate::page(Form { ctx }) }),
        )
        .route("/quiet", get(quiet))
        .route("/fragment", get(fragment))
        .route("/saved", get(saved))
        .route("/broken", get(broken))
        .route("/leave", get(leave))
        .route("/login", get(login))
        .route("/post", post(|| async {}))
        .layer(ErrorPages::new().layer())
        .layer(session_layer(&SessionConfig::default(), Store::memory()))
        .layer(ErrorPages::new().layer())
        .layer(HtmxLayer::default())
}

/// One browser: it keeps its cookie.
struct Browser {
    app: Router,
    cookie: String,
}

impl Browser {
    fn new() -> Self {
        Self {
            app: app(),
            cookie: String::new(),
        }
    }

    async fn get(&mut self, uri: &str) -> String {
        self.send(Request::get(uri)).await.1
    }

    async fn send(&mut self, request: axum::http::request::Builder) -> (StatusCode, String) {
        let request = request
            .header(header::COOKIE, &self.cookie)
            .body(Body::empty());
        let response = self
            .app
            .clone()
            .oneshot(request.expect("a valid request"))
            .await
            .expect("infallible");
        if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("a printable cookie");
            self.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        }
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .expect("a whole body")
            .to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

const EMPTY: &str = r#"<ul id="flash" aria-live="polite"></ul>|-|false"#;
const SAVED: &str = r#"<ul id="flash" aria-live="polite"><li class="flash-success">&lt;Saved&gt;</li></ul>|-|false"#;

#[tokio::test]
async fn a_message_is_shown_once_where_it_is_rendered() {
    let mut browser = Browser::new();
    browser.get("/leave").await;
    browser.get("/quiet").await;
    assert_eq!(browser.get("/").await, SAVED);
    assert_eq!(browser.get("/").await, EMPTY);
}

#[tokio::test]
async fn a_page_that_failed_has_shown_nothing() {
    let mut browser = Browser::new();
    browser.get("/leave").await;
    browser.get("/broken").await;
    assert_eq!(browser.get("/").await, SAVED);
}

#[tokio::test]
async fn a_fragment_carries_the_message_to_the_pages_region() {
    let mut browser = Browser::new();
    browser.get("/leave").await;
    let body = browser.get("/fragment").await;
    assert_eq!(
        body,
        r##"quiet<hx-partial hx-target="#flash" hx-swap="innerHTML"><li class="flash-success">&lt;Saved&gt;</li></hx-partial>"##
    );
    assert_eq!(browser.get("/fragment").await, "quiet");
}

#[tokio::test]
async fn a_fragment_carries_its_own_message_after_those_that_wait() {
    let mut browser = Browser::new();
    browser.get("/leave").await;
    let body = browser.get("/saved").await;
    let items = r#"<li class="flash-success">&lt;Saved&gt;</li><li class="flash-info">now</li>"#;
    assert!(body.contains(items), "{body}");
    assert_eq!(browser.get("/").await, EMPTY, "nothing is shown twice");
}

#[tokio::test]
async fn a_page_that_asks_for_nothing_begins_no_session() {
    let mut browser = Browser::new();
    browser.get("/quiet").await;
    assert_eq!(browser.get("/").await, EMPTY);
    assert_eq!(browser.cookie, "");
    assert!(browser.get("/form").await.contains("name=\"csrf_token\""));
    assert_ne!(browser.cookie, "");
}

#[tokio::test]
async fn the_context_knows_who_is_logged_in() {
    let mut browser = Browser::new();
    browser.get("/login").await;
    assert!(browser.get("/").await.ends_with("|alice|true"));
}

#[tokio::test]
async fn a_forged_request_reads_why_it_was_refused() {
    let (status, body) = Browser::new().send(Request::post("/post")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        body.starts_with("<!doctype html>") && body.contains("Please reload the page"),
        "{body}"
    );
}

/// What is logged while `render` runs.
fn logged(render: impl FnOnce()) -> String {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .expect("nobody panicked")
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, render);
    let text = log.0.lock().expect("nobody panicked").clone();
    String::from_utf8(text).expect("text")
}

#[test]
fn a_page_whose_forms_will_be_refused_is_named_in_the_log() {
    let context = || TemplateContext::new().with_path("/tasks");
    let field = logged(|| drop(context().csrf_field()));
    assert!(
        field.contains("no CSRF token") && field.contains("/tasks"),
        "{field}"
    );
    let meta = logged(|| drop(context().csrf_meta()));
    assert!(meta.contains("no CSRF token"), "{meta}");
    let given = logged(|| drop(context().with_csrf("token").csrf_field()));
    assert_eq!(given, "");
}

#[cfg(feature = "assets")]
#[test]
fn a_head_without_the_token_of_its_user_is_named_in_the_log() {
    let context = || TemplateContext::new().with_auth(Some("alice".into()));
    let head = logged(|| drop(context().head()));
    assert!(head.contains("no CSRF token"), "{head}");
    assert_eq!(logged(|| drop(context().with_csrf("token").head())), "");
    assert_eq!(logged(|| drop(TemplateContext::new().head())), "");
}
