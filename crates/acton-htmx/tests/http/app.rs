//! Every responder behind a route of its own, and who may ask.

use acton_htmx::{
    Fragments, Htmx, HtmxLayer, HxBoosted, HxCurrentUrl, HxEvent, HxHistoryRestoreRequest,
    HxLocation, HxPTag, HxPrompt, HxPushUrl, HxRedirect, HxRefresh, HxReplaceUrl, HxRequest,
    HxRequestType, HxReswap, HxRetarget, HxTarget, HxTargetTag, HxTrigger, HxTriggerName,
    HxTriggerTag, Markup, OutOfBandSwap, Scroll, Swap, SwapStyle, When,
};
use axum::{
    Json, Router,
    body::Body,
    http::{HeaderValue, Request, Response, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::{any, get, post},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

/// The requests of the two dialects, and of a browser without htmx.
pub(crate) const NONE: &[(&str, &str)] = &[];
pub(crate) const V2: &[(&str, &str)] = &[("hx-request", "true"), ("hx-target", "out")];
pub(crate) const V2_BOOSTED: &[(&str, &str)] = &[("hx-request", "true"), ("hx-boosted", "true")];
pub(crate) const V2_RESTORE: &[(&str, &str)] = &[
    ("hx-request", "true"),
    ("hx-history-restore-request", "true"),
];
pub(crate) const V4: &[(&str, &str)] = &[
    ("hx-request", "true"),
    ("hx-source", "button#btn"),
    ("hx-target", "div#out"),
    ("hx-request-type", "partial"),
];
pub(crate) const V4_BOOSTED: &[(&str, &str)] = &[
    ("hx-request", "true"),
    ("hx-source", "a"),
    ("hx-target", "body"),
    ("hx-request-type", "full"),
    ("hx-boosted", "true"),
];
pub(crate) const V4_RESTORE: &[(&str, &str)] = &[
    ("hx-history-restore-request", "true"),
    ("hx-request-type", "full"),
];

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
    });
    request.body(Body::empty()).unwrap()
}

pub(crate) async fn send(method: &str, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    app().oneshot(request(method, path, headers)).await.unwrap()
}

pub(crate) async fn get_with(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    send("GET", path, headers).await
}

pub(crate) async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn line<'a>(response: &'a Response<Body>, name: &str) -> Option<&'a str> {
    let mut lines = response.headers().get_all(name).iter();
    let line = lines.next().map(|line| line.to_str().unwrap());
    assert_eq!(lines.next(), None, "one line of {name}");
    line
}

pub(crate) fn varies_by(response: &Response<Body>) -> Vec<&str> {
    line(response, "vary")
        .map(|vary| vary.split(", ").collect())
        .unwrap_or_default()
}

pub(crate) fn app() -> Router {
    Router::new()
        .route("/echo", any(echo))
        .route("/page", get(page))
        .route("/plain", get(async || "plain"))
        .route(
            "/by-target",
            get(async |HxTarget(target): HxTarget| target.unwrap_or_default()),
        )
        .route(
            "/not-modified",
            get(async |_: Htmx| StatusCode::NOT_MODIFIED),
        )
        .route("/unchanged", get(async || StatusCode::NOT_MODIFIED))
        .route("/redirect", any(async || HxRedirect::to("/login")))
        .route(
            "/303-redirect",
            any(async || (StatusCode::SEE_OTHER, HxRedirect::to("/login"))),
        )
        .route("/foreign", any(async || HxRedirect::to("//evil.example")))
        .route("/location", any(location))
        .route("/refresh", any(async || HxRefresh))
        .route("/303", any(see_other))
        .route("/307", any(async || Redirect::temporary("/login")))
        .route(
            "/abroad",
            get(async || Redirect::to("https://id.example/authorize")),
        )
        .route("/script", get(async || Redirect::to("javascript:alert(1)")))
        .nest(
            "/nested",
            Router::new().route("/task", post(async || Redirect::to("?done"))),
        )
        .route("/status/{status}", get(status))
        .route("/retargeted", get(retargeted))
        .route("/late", get(late))
        .route("/late/{status}", get(late_with_status))
        .route("/late-location", get(late_location))
        .route("/late-nowhere/{status}", get(late_nowhere))
        .route(
            "/two-layers",
            get(two_layers).layer(axum::middleware::map_response(flash)),
        )
        .route("/reswap", get(reswap))
        .route("/parts", get(parts))
        .route("/failed-part", post(failed_part))
        .route("/history", get(history))
        .layer(HtmxLayer::default())
        .layer(axum::middleware::map_response(encoding))
}

/// A layer outside that varies as well.
async fn encoding(mut response: Response<Body>) -> Response<Body> {
    let vary = HeaderValue::from_static("accept-encoding");
    response.headers_mut().append(header::VARY, vary);
    let all: Vec<_> = response.headers().get_all(header::VARY).iter().collect();
    let joined = all
        .iter()
        .map(|line| line.to_str().unwrap())
        .collect::<Vec<_>>()
        .join(", ");
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::try_from(joined).unwrap());
    response
}

type Names = (
    HxTarget,
    HxTargetTag,
    HxTrigger,
    HxTriggerName,
    HxPrompt,
    HxCurrentUrl,
);

async fn failed_part() -> Result<impl IntoResponse, acton_htmx::Error> {
    let nowhere = OutOfBandSwap::update("", Markup::escaped("x"));
    let gone = HxRedirect::to("/tasks")?;
    let answer = Fragments::new(Markup::trusted("<p>m</p>")).and(nowhere);
    Ok((StatusCode::CREATED, HxEvent::new("saved"), gone, answer))
}

async fn history() -> Result<impl IntoResponse, acton_htmx::Error> {
    Ok((HxPushUrl::none(), HxReplaceUrl::to("/tasks")?, "x"))
}

async fn echo(
    (HxRequest(is_htmx), HxBoosted(boosted)): (HxRequest, HxBoosted),
    HxHistoryRestoreRequest(restore): HxHistoryRestoreRequest,
    (target, tag, trigger, name, prompt, current_url): Names,
    (HxTriggerTag(trigger_tag), HxPTag(ptag)): (HxTriggerTag, HxPTag),
    HxRequestType(kind): HxRequestType,
    htmx: Htmx,
) -> Json<Value> {
    Json(json!({
        "is_htmx": is_htmx, "boosted": boosted, "history_restore": restore,
        "target": target.0, "target_tag": tag.0, "trigger": trigger.0, "trigger_name": name.0,
        "trigger_tag": trigger_tag, "ptag": ptag,
        "prompt": prompt.0, "current_url": current_url.0,
        "request_type": kind.map(acton_htmx::RequestType::as_str),
        "htmx_version": htmx.version.map(acton_htmx::HtmxVersion::major),
    }))
}

pub(crate) async fn page(htmx: Htmx) -> Markup {
    Markup::trusted(if htmx.wants_fragment() {
        "<p>"
    } else {
        "<html><p>"
    })
}

async fn location() -> Result<HxLocation, acton_htmx::Error> {
    HxLocation::to("/tasks")?
        .target("#out")?
        .values(&json!({"q": "é"}))
        .map(HxLocation::no_push)
}

async fn see_other() -> impl IntoResponse {
    let headers = [(header::SET_COOKIE, "id=1"), (header::LOCATION, "/login")];
    (StatusCode::SEE_OTHER, headers, "gone")
}

async fn status(axum::extract::Path(status): axum::extract::Path<u16>) -> impl IntoResponse {
    (StatusCode::from_u16(status).unwrap(), "<html>error</html>")
}

async fn retargeted() -> Result<impl IntoResponse, acton_htmx::Error> {
    Ok((StatusCode::NOT_FOUND, HxRetarget::new("#errors")?, "gone"))
}

async fn late() -> impl IntoResponse {
    let settled = HxEvent::new("settled").when(When::Settle);
    (
        HxEvent::new("received"),
        HxEvent::new("swapped").when(When::Swap),
        settled,
        "x",
    )
}

async fn late_with_status(
    axum::extract::Path(status): axum::extract::Path<u16>,
) -> impl IntoResponse {
    (
        StatusCode::from_u16(status).unwrap(),
        HxEvent::new("swapped").when(When::Swap),
        HxEvent::new("settled").when(When::Settle),
    )
}

async fn late_location() -> impl IntoResponse {
    let swapped = HxEvent::new("swapped").when(When::Swap);
    (swapped, HxLocation::to("/tasks"))
}

async fn late_nowhere(status: axum::extract::Path<u16>) -> impl IntoResponse {
    (HxReswap(SwapStyle::None), late_with_status(status).await)
}

async fn two_layers() -> Result<impl IntoResponse, acton_htmx::Error> {
    Ok((HxEvent::new("saved").target("#list")?, "x"))
}

async fn flash(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().append(
        "hx-trigger",
        HeaderValue::from_static(r#"{"flash":"Saved"}"#),
    );
    response
}

async fn reswap() -> Result<impl IntoResponse, acton_htmx::Error> {
    let swap = Swap::new(SwapStyle::InnerMorph).focus_scroll(true);
    Ok((HxReswap(swap.scroll(Scroll::TOP.of("#a")?)), "x"))
}

async fn parts() -> impl IntoResponse {
    let count = OutOfBandSwap::update("count", Markup::escaped("<3>"));
    (
        HxEvent::new("saved"),
        Fragments::new(Markup::trusted("<p>m</p>")).and(count),
    )
}
