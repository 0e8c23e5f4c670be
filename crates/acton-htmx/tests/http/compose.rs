//! Every responder is a whole answer, a part of one, and company for content with several targets.

use acton_htmx::{
    Fragments, HtmxLayer, HxEvent, HxLocation, HxPushUrl, HxRedirect, HxRefresh, HxReplaceUrl,
    HxReselect, HxResponsePTag, HxResponseTrigger, HxReswap, HxRetarget, Markup, OutOfBandSwap,
    Swap, SwapStyle,
};
use axum::{
    Router,
    body::Body,
    http::{Response, StatusCode},
    response::{IntoResponse, IntoResponseParts},
    routing::get,
};
use tower::ServiceExt;

use crate::app::{V2, V4, line, request, text};

fn parts() -> Fragments {
    Fragments::new(Markup::trusted("<p>m</p>")).and(OutOfBandSwap::delete("a"))
}

const CONTENT: &str = r##"<p>m</p><hx-partial hx-target="#a" hx-swap="delete"></hx-partial>"##;

async fn answered(answer: Response<Body>, who: &[(&str, &str)]) -> Response<Body> {
    let once = std::sync::Arc::new(std::sync::Mutex::new(Some(answer)));
    let answer = move || {
        let taken = once.lock().unwrap().take().unwrap();
        async { taken }
    };
    let app: Router = Router::new()
        .route("/", get(answer))
        .layer(HtmxLayer::default());
    app.oneshot(request("GET", "/", who)).await.unwrap()
}

/// The header is the same in every company.
async fn composes<P>(part: P, name: &str, value: &str)
where
    P: IntoResponse + IntoResponseParts + Clone,
{
    for who in [V2, V4] {
        let alone = answered(part.clone().into_response(), who).await;
        assert_eq!(
            (alone.status(), line(&alone, name)),
            (StatusCode::OK, Some(value))
        );
        assert_eq!(text(alone).await, "", "{name}");
        let answer = (StatusCode::CREATED, part.clone(), "text").into_response();
        let beside = answered(answer, who).await;
        assert_eq!(
            (beside.status(), line(&beside, name)),
            (StatusCode::CREATED, Some(value))
        );
        assert_eq!(text(beside).await, "text", "{name}");
        let answer = (part.clone(), HxEvent::new("other"), parts()).into_response();
        let several = answered(answer, who).await;
        assert!(line(&several, name).unwrap().starts_with(value), "{name}");
        let trigger = line(&several, "hx-trigger").unwrap();
        assert!(trigger.ends_with("other"), "{name}");
        assert_eq!(text(several).await, CONTENT, "{name}");
    }
}

#[tokio::test]
async fn every_responder_composes() {
    composes(HxRedirect::to("/a").unwrap(), "hx-redirect", "/a").await;
    composes(
        HxLocation::to("/a").unwrap(),
        "hx-location",
        r#"{"path":"/a"}"#,
    )
    .await;
    composes(HxPushUrl::to("/a").unwrap(), "hx-push-url", "/a").await;
    composes(HxReplaceUrl::none(), "hx-replace-url", "false").await;
    composes(HxRefresh, "hx-refresh", "true").await;
    composes(HxReswap(SwapStyle::Delete), "hx-reswap", "delete").await;
    composes(HxReswap(Swap::new(SwapStyle::None)), "hx-reswap", "none").await;
    composes(HxRetarget::new("#a").unwrap(), "hx-retarget", "#a").await;
    composes(HxReselect::new("#a").unwrap(), "hx-reselect", "#a").await;
    composes(HxResponsePTag::new("v7").unwrap(), "hx-ptag", "v7").await;
    composes(HxEvent::new("saved"), "hx-trigger", "saved").await;
    let trigger = HxResponseTrigger::new("saved").and("counted");
    composes(trigger, "hx-trigger", "saved, counted").await;
}

#[tokio::test]
async fn what_both_versions_spell_alike_depends_on_nobody() {
    let (morph, outer) = (SwapStyle::OuterMorph, SwapStyle::OuterHtml);
    for who in [V2, V4] {
        let alike = (HxReswap(morph), HxReswap(outer), "").into_response();
        let answer = answered(alike, who).await;
        assert_eq!(line(&answer, "hx-reswap"), Some("outerHTML"));
        assert_eq!(line(&answer, "vary"), None);
        let alone = answered(HxReswap(outer).into_response(), who).await;
        assert_eq!(line(&alone, "vary"), None);
        let differing = (HxReswap(outer), HxReswap(morph), "").into_response();
        assert_ne!(line(&answered(differing, who).await, "vary"), None);
    }
}

#[tokio::test]
async fn an_answer_with_nothing_but_parts_composes_also_without_any() {
    let one = Fragments::out_of_band().and(OutOfBandSwap::delete("a"));
    for parts in [Fragments::out_of_band(), one, parts()] {
        let answer = (StatusCode::CREATED, HxEvent::new("saved"), parts).into_response();
        let answer = answered(answer, V4).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(line(&answer, "hx-trigger"), Some("saved"));
        assert_eq!(text(answer).await.matches("<hx-partial ").count(), 1);
    }
}

#[tokio::test]
async fn events_of_one_name_for_two_elements_are_no_success() {
    let to = |target| HxEvent::new("saved").target(target).unwrap();
    for who in [V2, V4] {
        let answer = (StatusCode::CREATED, to("#a"), to("#b"), parts()).into_response();
        let answer = answered(answer, who).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(line(&answer, "hx-trigger"), None);
        assert_eq!(text(answer).await, "");
    }
}
