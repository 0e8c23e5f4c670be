//! Errors that say where they go: a part of a page goes there, a page does not.

use acton_htmx::{
    HtmxLayer, HxEvent, HxReselect, HxReswap, HxRetarget, RenderMode, SwapStyle, When,
};
use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{Response, StatusCode},
    response::{Html, IntoResponse},
    routing::get,
};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::app::{
    NONE, V2, V2_BOOSTED, V2_RESTORE, V4, V4_BOOSTED, line, request, text, varies_by,
};

const PAGE: &str = "<!-- oops --><!doctype html><title>Oops</title><main>o</main>";
const PART: &str = "<p>o</p>";
const V4_FULL: &[(&str, &str)] = &[
    ("hx-request", "true"),
    ("hx-source", "a"),
    ("hx-request-type", "full"),
];
/// A boosted link with a target of its own.
const V2_BOOSTED_INTO: &[(&str, &str)] = &[
    ("hx-request", "true"),
    ("hx-boosted", "true"),
    ("hx-target", "content"),
];
const V4_BOOSTED_INTO: &[(&str, &str)] = &[
    ("hx-request", "true"),
    ("hx-source", "a"),
    ("hx-target", "div#content"),
    ("hx-request-type", "partial"),
    ("hx-boosted", "true"),
];

const BOOSTED: [&[(&str, &str)]; 4] = [V2_BOOSTED, V4_BOOSTED, V2_BOOSTED_INTO, V4_BOOSTED_INTO];
const STATUSES: [u16; 9] = [400, 401, 403, 404, 413, 422, 429, 500, 503];

type Named = Path<(String, String, u16)>;

async fn placed(Path((place, content, status)): Named) -> impl IntoResponse {
    let content = match content.as_str() {
        "page" => Html(PAGE).into_response(),
        "part" => Html(PART).into_response(),
        "called-page" => (axum::Extension(RenderMode::Page), Html(PART)).into_response(),
        "called-part" => (axum::Extension(RenderMode::Fragment), Html(PAGE)).into_response(),
        "streamed-part" => {
            Html(Body::new(Body::from(PART).map_frame(|frame| frame))).into_response()
        }
        _ => unreachable!("{content}"),
    };
    let retarget = |selector| HxRetarget::new(selector).unwrap();
    let inner = HxReswap(SwapStyle::InnerHtml);
    let answer = match place.as_str() {
        "target" => (retarget("#errors"), content).into_response(),
        "swap" => (inner, content).into_response(),
        "both" => (retarget("#errors"), inner, content).into_response(),
        "body" => (retarget("body"), inner, content).into_response(),
        "selected" => {
            let taken = HxReselect::new("main").unwrap();
            (retarget("#errors"), taken, content).into_response()
        }
        _ => unreachable!("{place}"),
    };
    let late = HxEvent::new("late").when(When::Settle);
    (StatusCode::from_u16(status).unwrap(), late, answer)
}

async fn ask(place: &str, content: &str, status: u16, who: &[(&str, &str)]) -> Response<Body> {
    let app: Router = Router::new()
        .route("/{place}/{content}/{status}", get(placed))
        .layer(HtmxLayer::default());
    let path = format!("/{place}/{content}/{status}");
    let answer = app.oneshot(request("GET", &path, who)).await.unwrap();
    assert_eq!(answer.status(), status);
    answer
}

/// Target and swap, as the browser sees them.
fn place(answer: &Response<Body>) -> (Option<&str>, Option<&str>) {
    (line(answer, "hx-retarget"), line(answer, "hx-reswap"))
}

#[tokio::test]
async fn a_page_goes_to_no_place_in_a_page() {
    for status in STATUSES {
        for content in ["page", "called-page"] {
            for (named, who) in [("target", V2), ("target", V4), ("swap", V2), ("swap", V4)]
                .into_iter()
                .chain([
                    ("both", V2),
                    ("both", V4),
                    ("target", V4_FULL),
                    ("both", V4_FULL),
                ])
            {
                let answer = ask(named, content, status, who).await;
                let cell = format!("{named} {content} {status} {who:?}");
                assert_eq!(place(&answer), (None, Some("none")), "{cell}");
                assert!(varies_by(&answer).contains(&"HX-Request"), "{cell}");
                assert_eq!(line(&answer, "hx-trigger"), Some("late"), "{cell}");
                let whole = if content == "page" { PAGE } else { PART };
                assert_eq!(text(answer).await, whole, "{cell}");
            }
        }
    }
}

#[tokio::test]
async fn a_part_goes_where_the_handler_says() {
    for status in STATUSES {
        for content in ["part", "called-part", "streamed-part"] {
            for who in [V2, V4, V4_FULL] {
                let cell = format!("{content} {status} {who:?}");
                let answer = ask("both", content, status, who).await;
                assert_eq!(
                    place(&answer),
                    (Some("#errors"), Some("innerHTML")),
                    "{cell}"
                );
                let answer = ask("target", content, status, who).await;
                assert_eq!(place(&answer), (Some("#errors"), None), "{cell}");
                let answer = ask("swap", content, status, who).await;
                assert_eq!(place(&answer), (None, Some("innerHTML")), "{cell}");
            }
        }
    }
}

#[tokio::test]
async fn a_boosted_link_gets_the_page_in_place_of_the_one_it_leaves() {
    for status in STATUSES {
        for who in BOOSTED {
            for named in ["target", "both"] {
                let answer = ask(named, "page", status, who).await;
                assert_eq!(place(&answer), (None, None), "{named} {status} {who:?}");
                assert_eq!(text(answer).await, PAGE);
            }
            let answer = ask("swap", "page", status, who).await;
            assert_eq!(
                place(&answer),
                (None, Some("innerHTML")),
                "{status} {who:?}"
            );
            let answer = ask("both", "part", status, who).await;
            assert_eq!(place(&answer).0, Some("#errors"), "{status} {who:?}");
        }
    }
}

#[tokio::test]
async fn a_page_may_replace_the_body_and_a_part_of_it_may_be_taken() {
    for status in STATUSES {
        for who in [V2, V4, V4_FULL] {
            for content in ["page", "called-page"] {
                let answer = ask("body", content, status, who).await;
                assert_eq!(place(&answer), (Some("body"), Some("innerHTML")), "{who:?}");
                let answer = ask("selected", content, status, who).await;
                assert_eq!(place(&answer), (Some("#errors"), None), "{who:?}");
                assert_eq!(line(&answer, "hx-reselect"), Some("main"));
            }
        }
        let answer = ask("swap", "page", status, V4_FULL).await;
        assert_eq!(
            place(&answer),
            (None, Some("innerHTML")),
            "its own target is the page"
        );
    }
}

#[tokio::test]
async fn who_reads_no_headers_gets_the_page() {
    for who in [NONE, V2_RESTORE] {
        let answer = ask("both", "page", 404, who).await;
        assert_eq!(line(&answer, "hx-reswap"), Some("innerHTML"), "{who:?}");
        assert_eq!(text(answer).await, PAGE);
    }
}

#[tokio::test]
async fn a_success_goes_wherever_the_handler_says() {
    for status in [200, 201, 299] {
        let answer = ask("both", "page", status, V2).await;
        assert_eq!(place(&answer), (Some("#errors"), Some("innerHTML")));
        assert!(
            varies_by(&answer).contains(&"HX-Source"),
            "for the late event"
        );
    }
}
