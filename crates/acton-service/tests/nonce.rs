//! Inline scripts pass where a page asked for a nonce, and nowhere else.
#![cfg(feature = "htmx-full")]
#![cfg_attr(
    feature = "htmx-full",
    expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

use acton_service::prelude::*;
use axum::{
    body::{Body, to_bytes},
    extract::Request,
};
use tower::ServiceExt;

const CSP: &str = "content-security-policy";

#[derive(Template)]
#[template(
    source = "{% if with_script %}<script nonce=\"{{ ctx.nonce() }}\">go()</script>{% endif %}",
    ext = "html"
)]
struct Page {
    ctx: TemplateContext,
    with_script: bool,
}

async fn page(ctx: TemplateContext) -> HtmlTemplate {
    HtmlTemplate::page(Page {
        ctx,
        with_script: true,
    })
}

async fn plain(ctx: TemplateContext) -> HtmlTemplate {
    HtmlTemplate::page(Page {
        ctx,
        with_script: false,
    })
}

async fn extracted(nonce: CspNonce) -> Html<String> {
    Html(format!("<script nonce=\"{nonce}\">go()</script>"))
}

/// Takes the nonce and does nothing with it.
async fn unused(_: CspNonce) -> Html<&'static str> {
    Html("<p>nothing</p>")
}

async fn own_policy(nonce: CspNonce) -> impl IntoResponse {
    let policy = format!("script-src 'nonce-{nonce}'");
    ([(CSP, policy)], Html("<p>own</p>"))
}

/// Takes the nonce before it waits, and renders it in another thread.
async fn elsewhere(ctx: TemplateContext) -> HtmlTemplate {
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    let with_script = true;
    let page = move || HtmlTemplate::page(Page { ctx, with_script });
    tokio::task::spawn_blocking(page).await.unwrap()
}

async fn failing(nonce: CspNonce) -> StatusCode {
    assert!(!nonce.as_str().is_empty());
    StatusCode::INTERNAL_SERVER_ERROR
}

fn app() -> Router {
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/page", get(page))
            .route("/plain", get(plain))
            .route("/extracted", get(extracted))
            .route("/elsewhere", get(elsewhere))
            .route("/unused", get(unused))
            .route("/own", get(own_policy))
            .route("/failing", get(failing))
    });
    ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_routes(routes.build_routes())
        .build()
        .into_router()
}

async fn ask(app: &Router, path: &str) -> (HeaderMap, String) {
    let request = Request::get(path).header("accept", "text/html");
    let request = request.body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let headers = response.headers().clone();
    let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
    (headers, String::from_utf8(body.to_vec()).unwrap())
}

fn policy(headers: &HeaderMap) -> &str {
    headers[CSP].to_str().unwrap()
}

fn nonce_in(body: &str) -> String {
    let rest = body.split_once("nonce=\"").unwrap().1;
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn the_policy_names_the_nonce_that_the_page_shows_and_the_next_page_has_another() {
    let app = app();
    for path in ["/page", "/extracted", "/elsewhere"] {
        let mut seen = Vec::new();
        for _ in 0..2 {
            let (headers, body) = ask(&app, path).await;
            let nonce = nonce_in(&body);
            assert_eq!(nonce.len(), 32, "{body}");
            let named =
                format!("script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'");
            assert!(policy(&headers).contains(&named), "{headers:?}");
            assert!(!policy(&headers).contains("unsafe-inline"));
            assert_eq!(headers["cache-control"], "no-store");
            seen.push(nonce);
        }
        assert_ne!(seen[0], seen[1]);
    }
}

#[tokio::test]
async fn who_does_not_ask_has_the_policy_without_one_and_may_be_cached() {
    let app = app();
    for path in ["/plain", "/unused"] {
        let (headers, _) = ask(&app, path).await;
        assert!(policy(&headers).contains("script-src 'self'; style-src 'self';"));
        assert!(!policy(&headers).contains("nonce"), "{path}");
        assert!(!headers.contains_key("cache-control"), "{path}");
    }
}

#[tokio::test]
async fn a_policy_of_the_handlers_own_is_left_alone() {
    let (headers, _) = ask(&app(), "/own").await;
    assert!(policy(&headers).starts_with("script-src 'nonce-"));
    assert_eq!(headers.get_all(CSP).iter().count(), 1);
}

#[tokio::test]
async fn the_page_of_an_error_has_the_nonce_of_its_handler() {
    let (headers, _) = ask(&app(), "/failing").await;
    assert!(policy(&headers).contains("'nonce-"));
}
