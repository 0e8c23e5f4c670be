//! Answers that differ by who asked: parts for other targets, and forms to mend.

use acton_htmx::{
    Consulted, Fragments, Htmx, HtmxContext, HtmxLayer, Markup, OutOfBandSwap, RenderMode, Scroll,
    Selector, Swap, SwapStyle,
};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http_body_util::BodyExt;
use tower::ServiceExt;

const PAGE: &str = "<!-- form --><!doctype html><title>Form</title><main>f</main>";
const FORM: &str = "<form id=\"f\"></form>";

/// A part that the versions of htmx spell differently, beside one that they spell alike.
fn parts() -> Fragments {
    let morph = Swap::new(SwapStyle::OuterMorph)
        .scroll(Scroll::BOTTOM.of("#log").unwrap())
        .focus_scroll(true)
        .strip(true)
        .swap_empty(false);
    let content = || Markup::trusted("<p>new</p>");
    Fragments::new(Markup::trusted("<i>main</i>"))
        .and(OutOfBandSwap::new(Selector::id("o1"), morph, content()))
        .and(OutOfBandSwap::update("o2", content()))
}

const V2: &str = "<i>main</i>\
    <hx-partial hx-target=\"#o1\" hx-swap=\"outerHTML scroll:#log:bottom focus-scroll:true\"><p>new</p></hx-partial>\
    <hx-partial hx-target=\"#o2\" hx-swap=\"innerHTML\"><p>new</p></hx-partial>";
const V4: &str = "<i>main</i>\
    <hx-partial hx-target=\"#o1\" hx-swap=\"outerMorph scroll:bottom scrollTarget:#log focusScroll:true strip:true swapEmpty:false\"><p>new</p></hx-partial>\
    <hx-partial hx-target=\"#o2\" hx-swap=\"innerHTML\"><p>new</p></hx-partial>";

/// Looks at every answer in between, as compression does.
async fn in_between(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    Response::from_parts(parts, Body::new(body.map_frame(|frame| frame)))
}

fn unprocessable(body: impl IntoResponse) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, body).into_response()
}

fn streamed(html: &'static str) -> Response {
    let body = Body::new(Body::from(html).map_frame(|frame| frame));
    let mut response = Html(body).into_response();
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    response
}

fn marked(mode: RenderMode, html: &'static str) -> Response {
    let mut response = unprocessable(Html(html));
    response.extensions_mut().insert(mode);
    response
}

fn app() -> Router {
    Router::new()
        .route("/parts", get(|| async { parts() }))
        .route(
            "/in-between",
            get(|| async { parts() }).layer(axum::middleware::map_response(in_between)),
        )
        .route(
            "/alike",
            get(|| async { OutOfBandSwap::update("o2", Markup::escaped(1)) }),
        )
        .route("/htmx", get(|_: Htmx| async {}))
        .route("/page", get(|| async { unprocessable(Html(PAGE)) }))
        .route("/form", get(|| async { unprocessable(Html(FORM)) }))
        .route(
            "/parts-page",
            get(|| async {
                let part = OutOfBandSwap::new(
                    Selector::id("a"),
                    SwapStyle::InnerMorph,
                    Markup::escaped("x"),
                );
                unprocessable(Fragments::from(Markup::trusted(PAGE)).and(part))
            }),
        )
        .route("/text", get(|| async { unprocessable(PAGE) }))
        .route("/streamed-form", get(|| async { streamed(FORM) }))
        .route(
            "/called-page",
            get(|| async { marked(RenderMode::Page, FORM) }),
        )
        .route(
            "/called-fragment",
            get(|| async { marked(RenderMode::Fragment, FORM) }),
        )
        .layer(HtmxLayer::default())
}

type Lines = &'static [(&'static str, &'static str)];

const PLAIN: Lines = &[];
const FRAGMENT_2: Lines = &[("hx-request", "true")];
const FRAGMENT_4: Lines = &[
    ("hx-request", "true"),
    ("hx-source", "a"),
    ("hx-request-type", "partial"),
];
const FULL_4: Lines = &[
    ("hx-request", "true"),
    ("hx-source", "a"),
    ("hx-request-type", "full"),
];
const BOOSTED: Lines = &[("hx-request", "true"), ("hx-boosted", "true")];

struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(path: &str, lines: Lines) -> Seen {
    let request = lines
        .iter()
        .fold(Request::get(path), |request, (name, value)| {
            request.header(*name, *value)
        });
    let request = request.body(Body::empty()).unwrap();
    let response = app().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Seen {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

const VERSION: &str = "HX-Request, HX-History-Restore-Request, HX-Request-Type, HX-Source";
const WANTED: &str = "HX-Request, HX-Boosted, HX-History-Restore-Request, HX-Request-Type";

#[tokio::test]
async fn a_part_is_spelled_for_the_version_that_asked() {
    for path in ["/parts", "/in-between"] {
        for (lines, expected) in [
            (PLAIN, V2),
            (FRAGMENT_2, V2),
            (FRAGMENT_4, V4),
            (FULL_4, V4),
        ] {
            let seen = ask(path, lines).await;
            assert_eq!(seen.body, expected, "{path} {lines:?}");
            assert_eq!(seen.header("content-type"), "text/html; charset=utf-8");
            assert_eq!(seen.header("vary"), VERSION, "{path} {lines:?}");
        }
    }
    let seen = ask("/alike", FRAGMENT_4).await;
    assert_eq!(seen.header("vary"), "", "both versions get the same");
}

#[tokio::test]
async fn the_length_of_an_answer_is_known_once_the_version_is() {
    for (lines, expected) in [(FRAGMENT_2, V2), (FRAGMENT_4, V4)] {
        let request = lines.iter().fold(Request::get("/parts"), |request, line| {
            request.header(line.0, line.1)
        });
        let request = request.body(Body::empty()).unwrap();
        let response = app().oneshot(request).await.unwrap();
        let hint = http_body_util::BodyExt::boxed_unsync(response.into_body());
        let hint = axum::body::HttpBody::size_hint(&hint);
        assert_eq!(hint.exact(), Some(expected.len() as u64), "{lines:?}");
    }
}

#[test]
fn what_the_versions_spell_differently_is_no_message_for_everybody() {
    assert!(matches!(
        parts().to_markup(),
        Err(acton_htmx::Error::Swap(_))
    ));
    let morph = OutOfBandSwap::new(Selector::id("a"), SwapStyle::OuterMorph, Markup::escaped(1));
    let html = morph.to_markup().unwrap();
    assert!(html.as_str().contains("hx-swap=\"outerHTML\""), "{html}");
}

#[tokio::test]
async fn a_page_to_mend_a_form_never_lands_in_a_fragment() {
    for path in ["/page", "/called-page"] {
        for (lines, reswap) in [
            (PLAIN, ""),
            (BOOSTED, ""),
            (FULL_4, ""),
            (FRAGMENT_2, "none"),
            (FRAGMENT_4, "none"),
        ] {
            let seen = ask(path, lines).await;
            assert_eq!(seen.status, 422);
            assert_eq!(seen.header("hx-reswap"), reswap, "{path} {lines:?}");
            assert_eq!(seen.header("vary"), WANTED, "{path} {lines:?}");
            let html = if path == "/page" { PAGE } else { FORM };
            assert_eq!(seen.body, html, "the text is whole");
            assert_eq!(seen.header("content-length"), html.len().to_string());
        }
    }
    for lines in [FRAGMENT_2, FRAGMENT_4] {
        let seen = ask("/parts-page", lines).await;
        assert_eq!(seen.header("hx-reswap"), "none", "{lines:?}");
        assert!(seen.body.starts_with(PAGE), "{}", seen.body);
    }
}

#[tokio::test]
async fn a_form_to_mend_is_swapped_like_any_fragment() {
    for path in ["/form", "/called-fragment", "/streamed-form", "/text"] {
        for lines in [PLAIN, BOOSTED, FULL_4, FRAGMENT_2, FRAGMENT_4] {
            let seen = ask(path, lines).await;
            assert_eq!(seen.status, 422);
            assert_eq!(seen.header("hx-reswap"), "", "{path} {lines:?}");
            assert_eq!(seen.header("vary"), "", "{path} {lines:?}");
            assert_eq!(seen.body, if path == "/text" { PAGE } else { FORM });
        }
    }
}

#[tokio::test]
async fn the_sum_of_a_request_depends_on_all_that_it_says() {
    let seen = ask("/htmx", FRAGMENT_4).await;
    assert_eq!(
        seen.header(header::VARY.as_str()),
        "HX-Request, HX-Boosted, HX-History-Restore-Request, HX-Request-Type, HX-Source"
    );
}

#[tokio::test]
async fn other_code_notes_what_it_looked_at() {
    let version = |request: Request| async move {
        let context = HtmxContext::of(request.extensions()).unwrap();
        Consulted::mark_version(context.consulted());
    };
    let app: Router = Router::new()
        .route("/", get(version))
        .layer(HtmxLayer::default());
    let request = Request::get("/").body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.headers()[header::VARY], VERSION);
}
