//! What a browser sees of templates and of errors.

use acton_htmx::{
    Htmx, HtmxConfig, HtmxLayer, HxEvent, HxPushUrl, HxRequest, HxReswap, Markup, OutOfBandSwap,
    SwapStyle,
};
use acton_templates::{
    ErrorMessage, ErrorPages, ErrorView, HtmlTemplate, RenderMode, TemplateContext,
};
use askama::Template;
use axum::{
    Json, Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::BodyExt;
use tower::ServiceExt;

#[derive(Template)]
#[template(
    ext = "html",
    blocks = ["list"],
    source = r#"<!doctype html><title>Tasks</title><nav>{{ ctx.path() }}</nav><ul>{% block list %}<li>{{ task }}</li>{% endblock %}</ul>"#
)]
struct Tasks {
    ctx: TemplateContext,
    task: &'static str,
}

#[derive(Template)]
#[template(ext = "html", source = "<p>{{ self.fail()? }}</p>")]
struct Broken;

impl Broken {
    fn fail(&self) -> askama::Result<&'static str> {
        Err(askama::Error::custom(std::io::Error::other("SECRET")))
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = "<!doctype html><p>own {{ error.status.as_u16() }}</p>"
)]
struct OwnPage {
    error: ErrorView,
}

async fn tasks(htmx: Htmx, ctx: TemplateContext) -> HtmlTemplate {
    let tasks = Tasks {
        ctx,
        task: "Milk & bread",
    };
    HtmlTemplate::of(htmx, &tasks, tasks.as_list())
        .and(OutOfBandSwap::update("count", Markup::escaped(1)))
}

async fn both_branches(HxRequest(is_htmx): HxRequest) -> impl IntoResponse {
    if is_htmx {
        HtmlTemplate::fragment(
            Tasks {
                ctx: TemplateContext::new(),
                task: "a",
            }
            .as_list(),
        )
    } else {
        HtmlTemplate::page(Tasks {
            ctx: TemplateContext::new(),
            task: "a",
        })
    }
}

async fn decorated(ctx: TemplateContext) -> impl IntoResponse {
    let tasks = Tasks { ctx, task: "Milk" };
    let answer = HtmlTemplate::fragment(tasks.as_list())
        .with_status(StatusCode::CREATED)
        .with_header("x-extra", "1")
        .with_hx_retarget("#list")
        .with(HxPushUrl::none());
    (HxEvent::new("saved"), answer)
}

async fn status(axum::extract::Path(code): axum::extract::Path<u16>) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::IM_A_TEAPOT)
}

async fn moved() -> Response {
    (StatusCode::UNAUTHORIZED, [("hx-redirect", "/login")]).into_response()
}

fn pages() -> ErrorPages {
    ErrorPages::new().api("/api")
}

fn app(pages: ErrorPages) -> Router {
    let inner = Router::new().route("/tasks", get(tasks));
    let gone = || async { (StatusCode::GONE, ErrorMessage::new("<b> is deleted")) };
    Router::new()
        .nest("/team", inner)
        .route("/both", get(both_branches))
        .route("/decorated", get(decorated))
        .route("/status/{code}", get(status))
        .route(
            "/reselected",
            get(|| async { ([("hx-reselect", "#part")], StatusCode::NOT_FOUND) }),
        )
        .route(
            "/morphed",
            get(|| async { (StatusCode::NOT_FOUND, HxReswap(SwapStyle::InnerMorph)) }),
        )
        .route("/broken", get(|| async { HtmlTemplate::page(Broken) }))
        .route(
            "/broken-in-a-tuple",
            get(|| async {
                let event = acton_htmx::HxEvent::new("saved");
                (StatusCode::CREATED, event, HtmlTemplate::page(Broken))
            }),
        )
        .route(
            "/document",
            get(|| async {
                HtmlTemplate::fragment(Tasks {
                    ctx: TemplateContext::new(),
                    task: "",
                })
            }),
        )
        .route(
            "/bad-header",
            get(|| async { HtmlTemplate::page(Short).with_header("x", "a\r\nb") }),
        )
        .route(
            "/bad-url",
            get(|| async { HtmlTemplate::page(Short).with_hx_redirect("//evil.test") }),
        )
        .route("/gone", get(gone))
        .route(
            "/busy",
            get(|| async {
                (
                    StatusCode::SERVICE_UNAVAILABLE,
                    [(header::RETRY_AFTER, "7")],
                )
            }),
        )
        .route("/moved", get(moved))
        .route(
            "/own-html",
            get(|| async { (StatusCode::NOT_FOUND, Html("<p>mine</p>")) }),
        )
        .route(
            "/own-json",
            get(|| async { (StatusCode::NOT_FOUND, Json("mine")) }),
        )
        .route(
            "/leak",
            get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "SECRET") }),
        )
        .route("/json", post(|Json(_): Json<u8>| async {}))
        .layer(pages.layer())
        .layer(HtmxLayer::new(HtmxConfig {
            error_target: "#problems".into(),
            ..HtmxConfig::default()
        }))
}

#[derive(Template)]
#[template(ext = "html", source = "<p>ok</p>")]
struct Short;

#[derive(Template)]
#[template(ext = "html", source = "<!doctype html><p>ok</p>")]
struct Document;

struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    fn is_page(&self) -> bool {
        self.header("content-type") == "text/html; charset=utf-8"
            && self.body.starts_with("<!doctype html>")
    }
}

async fn send(
    pages: ErrorPages,
    method: Method,
    uri: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Seen {
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .header("x-request-id", "req-1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body)).expect("a valid request");
    let response = app(pages).oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    Seen {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

async fn ask(uri: &str, headers: &[(&str, &str)]) -> Seen {
    send(pages(), Method::GET, uri, headers, "").await
}

const HTMX: (&str, &str) = ("hx-request", "true");
const BOOSTED: (&str, &str) = ("hx-boosted", "true");
const RESTORE: (&str, &str) = ("hx-history-restore-request", "true");
const BROWSER: (&str, &str) = (
    "accept",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
);

#[tokio::test]
async fn navigation_receives_the_whole_page() {
    for headers in [
        &[][..],
        &[HTMX, BOOSTED],
        &[HTMX, RESTORE],
        &[("hx-request", "false")],
    ] {
        let seen = ask("/team/tasks", headers).await;
        assert_eq!(
            seen.body,
            "<!doctype html><title>Tasks</title><nav>/team/tasks</nav><ul><li>Milk &#38; bread</li></ul>",
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn htmx_receives_the_block_and_the_other_targets() {
    let seen = ask("/team/tasks", &[HTMX]).await;
    assert_eq!(
        seen.body,
        "<li>Milk &#38; bread</li><hx-partial hx-target=\"#count\" hx-swap=\"innerHTML\">1</hx-partial>"
    );
    assert_eq!(seen.header("content-type"), "text/html; charset=utf-8");
    assert!(seen.header("vary").contains("HX-Request"));
}

#[tokio::test]
async fn two_branches_have_one_type() {
    assert_eq!(ask("/both", &[HTMX]).await.body, "<li>a</li>");
    assert!(ask("/both", &[]).await.is_page());
}

#[tokio::test]
async fn status_headers_and_responders_compose() {
    let seen = ask("/decorated", &[HTMX]).await;
    assert_eq!(seen.status, StatusCode::CREATED);
    assert_eq!(
        (seen.header("x-extra"), seen.header("hx-retarget")),
        ("1", "#list")
    );
    assert_eq!(
        (seen.header("hx-push-url"), seen.header("hx-trigger")),
        ("false", "saved")
    );
    assert_eq!(seen.body, "<li>Milk</li>");
}

#[tokio::test]
async fn what_cannot_be_rendered_or_sent_becomes_an_error_page_that_leaks_nothing() {
    for uri in [
        "/broken",
        "/broken-in-a-tuple",
        "/document",
        "/bad-header",
        "/bad-url",
    ] {
        let seen = ask(uri, &[BROWSER]).await;
        assert_eq!(seen.status, StatusCode::INTERNAL_SERVER_ERROR, "{uri}");
        assert!(seen.is_page() && seen.body.contains("req-1"), "{uri}");
        assert!(
            !seen.body.contains("SECRET") && !seen.body.contains("evil"),
            "{uri}"
        );
        assert_eq!(
            (seen.header("x"), seen.header("hx-redirect")),
            ("", ""),
            "{uri}"
        );
        assert_eq!(seen.header("hx-trigger"), "", "{uri}");
        let seen = ask(uri, &[HTMX]).await;
        assert_eq!(seen.header("hx-retarget"), "#problems", "{uri}");
        assert!(seen.body.starts_with("<div"), "{uri}");
    }
}

#[test]
fn what_was_rendered_travels_with_the_response() {
    let mode = |answer: HtmlTemplate| answer.into_response().extensions().get().copied();
    let page = HtmlTemplate::page(Document);
    assert_eq!(mode(page), Some(RenderMode::Page));
    for part in [HtmlTemplate::page(Short), HtmlTemplate::fragment(Short)] {
        assert_eq!(mode(part), Some(RenderMode::Fragment));
    }
}

#[tokio::test]
async fn every_error_is_a_page_for_navigation() {
    for code in [
        400, 401, 403, 404, 405, 408, 413, 415, 418, 422, 429, 500, 502, 503,
    ] {
        for headers in [
            &[][..],
            &[BROWSER],
            &[BROWSER, HTMX, BOOSTED],
            &[HTMX, RESTORE],
        ] {
            let seen = ask(&format!("/status/{code}"), headers).await;
            assert_eq!(seen.status, code);
            assert!(seen.is_page(), "{code} {headers:?}");
            assert!(
                seen.body.contains(&format!("<h1>{code}"))
                    && seen.body.contains("<code>req-1</code>")
            );
            assert_eq!(seen.header("hx-retarget"), "");
            assert_eq!(seen.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn nothing_is_selected_out_of_an_error() {
    let seen = ask("/reselected", &[HTMX]).await;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
    assert_eq!(
        (seen.header("hx-retarget"), seen.header("hx-reselect")),
        ("#problems", "")
    );
}

#[tokio::test]
async fn an_error_is_swapped_in_its_own_way_in_both_versions() {
    for asker in [&[HTMX][..], &[HTMX, ("hx-source", "a")]] {
        let seen = ask("/morphed", asker).await;
        assert_eq!(
            (seen.header("hx-retarget"), seen.header("hx-reswap")),
            ("#problems", "innerHTML"),
            "{asker:?}"
        );
    }
}

#[tokio::test]
async fn a_region_with_any_name_is_found() {
    let app: Router = Router::new()
        .layer(pages().layer())
        .layer(HtmxLayer::new(HtmxConfig {
            error_target: "#für-fehler".into(),
            ..HtmxConfig::default()
        }));
    let request = Request::get("/nothing").header(HTMX.0, HTMX.1);
    let request = request.body(Body::empty()).expect("a valid request");
    let response = app.oneshot(request).await.expect("infallible");
    assert_eq!(response.headers()["hx-retarget"], r"#f\0000fcr-fehler");
}

#[tokio::test]
async fn every_error_is_a_small_fragment_for_htmx_shown_where_errors_belong() {
    for code in [401, 403, 404, 405, 408, 413, 422, 429, 500, 503] {
        let seen = ask(
            &format!("/status/{code}"),
            &[HTMX, ("accept", "text/html, */*")],
        )
        .await;
        assert_eq!(seen.status, code);
        assert!(
            seen.body
                .starts_with("<div class=\"error\" role=\"alert\">")
                && seen.body.contains("req-1")
        );
        assert_eq!(
            (seen.header("hx-retarget"), seen.header("hx-reswap")),
            ("#problems", "innerHTML")
        );
        assert!(
            seen.header("vary").contains("HX-Request") && seen.header("vary").contains("Accept")
        );
    }
}

#[tokio::test]
async fn an_api_client_receives_problem_details() {
    let json = &[("accept", "application/json")][..];
    for (uri, headers) in [
        ("/status/404", json),
        ("/api/nothing", &[]),
        ("/api", &[HTMX]),
    ] {
        let seen = ask(uri, headers).await;
        assert_eq!(
            seen.header("content-type"),
            "application/problem+json",
            "{uri}"
        );
        let value: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(value["status"], 404);
        assert_eq!(value["title"], "Not Found");
        assert_eq!(value["request_id"], "req-1");
    }
}

#[tokio::test]
async fn who_sends_json_without_asking_for_html_is_an_api_client() {
    let json = [("content-type", "application/json"), ("accept", "*/*")];
    let seen = send(pages(), Method::POST, "/json", &json, "no number").await;
    assert_eq!(seen.status, StatusCode::BAD_REQUEST);
    assert_eq!(seen.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn a_path_that_only_begins_like_the_api_is_a_page() {
    assert!(ask("/apiary", &[]).await.is_page());
}

#[tokio::test]
async fn the_preferred_type_wins() {
    assert!(
        ask(
            "/nothing",
            &[("accept", "application/json;q=0.5, text/html")]
        )
        .await
        .is_page()
    );
    let seen = ask(
        "/nothing",
        &[("accept", "text/html;q=0.5, application/json;q=0.9")],
    )
    .await;
    assert_eq!(seen.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn answers_with_a_body_of_their_own_are_left_alone() {
    assert_eq!(ask("/own-html", &[HTMX]).await.body, "<p>mine</p>");
    assert_eq!(ask("/own-json", &[BROWSER]).await.body, "\"mine\"");
    assert_eq!(
        ask("/nothing", &[("accept", "text/event-stream")])
            .await
            .body,
        ""
    );
}

#[tokio::test]
async fn an_answer_that_sends_elsewhere_is_left_alone() {
    let seen = ask("/moved", &[HTMX]).await;
    assert_eq!(
        (seen.status, seen.header("hx-redirect")),
        (StatusCode::UNAUTHORIZED, "/login")
    );
    assert_eq!((seen.body.as_str(), seen.header("hx-retarget")), ("", ""));
}

#[tokio::test]
async fn the_text_of_an_error_is_not_shown_but_a_message_is() {
    assert!(!ask("/leak", &[BROWSER]).await.body.contains("SECRET"));
    let seen = ask("/gone", &[HTMX]).await;
    assert!(
        seen.body.contains("&#60;b&#62; is deleted"),
        "{}",
        seen.body
    );
}

#[tokio::test]
async fn headers_of_the_answer_stay_and_say_when_to_come_back() {
    let seen = ask("/busy", &[BROWSER]).await;
    assert_eq!(seen.header("retry-after"), "7");
    assert!(seen.body.contains("in 7 seconds"));
    assert_eq!(
        send(pages(), Method::DELETE, "/busy", &[], "")
            .await
            .header("allow"),
        "GET,HEAD"
    );
}

#[tokio::test]
async fn a_hostile_request_id_is_escaped() {
    let find = |_: &HeaderMap, _: &axum::http::Extensions| Some("\"><script>".to_owned());
    let seen = send(
        pages().request_id(find),
        Method::GET,
        "/nothing",
        &[BROWSER],
        "",
    )
    .await;
    assert!(seen.is_page() && !seen.body.contains("<script>"));
}

#[tokio::test]
async fn the_application_shows_its_own_pages() {
    let own = || pages().page(|error| OwnPage { error });
    assert_eq!(
        send(own(), Method::GET, "/nothing", &[], "").await.body,
        "<!doctype html><p>own 404</p>"
    );
    let fragment = send(own(), Method::GET, "/nothing", &[HTMX], "").await;
    assert!(fragment.body.starts_with("<div class=\"error\""));
}

#[tokio::test]
async fn an_own_page_that_fails_gives_way_to_ours() {
    let broken = pages().page(|_| Broken);
    let panics = pages().page(|error| -> OwnPage { panic!("{error:?}") });
    for own in [broken, panics] {
        let seen = send(own, Method::GET, "/nothing", &[], "").await;
        assert!(seen.is_page() && seen.body.contains("<h1>404"));
    }
}
