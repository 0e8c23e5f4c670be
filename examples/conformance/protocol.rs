//! What a handler is told about the request, and answers that depend on it.

use acton_service::prelude::*;
use acton_service::templates::filters;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::pages::page;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/t/echo", any(echo))
        .route("/t/page", get(by_kind))
        .route("/t/plain", get(plain))
        .route("/t/by-target", get(by_target))
        .route("/t/render", get(render))
        .route("/t/private", get(private).layer(login_required()))
        .route(
            "/t/private/frag",
            get(private_fragment).layer(login_required()),
        )
        .route("/oob", get(out_of_band))
}

#[expect(clippy::too_many_arguments, reason = "one extractor for each header")]
async fn echo(
    htmx: Htmx,
    HxRequest(is_htmx): HxRequest,
    HxBoosted(boosted): HxBoosted,
    HxHistoryRestoreRequest(history_restore): HxHistoryRestoreRequest,
    HxTarget(target): HxTarget,
    HxTargetTag(target_tag): HxTargetTag,
    HxTrigger(trigger): HxTrigger,
    HxTriggerName(trigger_name): HxTriggerName,
    HxPrompt(prompt): HxPrompt,
    HxCurrentUrl(current_url): HxCurrentUrl,
    HxRequestType(request_type): HxRequestType,
) -> Json<Value> {
    Json(json!({
        "is_htmx": is_htmx,
        "boosted": boosted,
        "history_restore": history_restore,
        "target": target,
        "target_tag": target_tag,
        "trigger": trigger,
        "trigger_name": trigger_name,
        "prompt": prompt,
        "current_url": current_url,
        "request_type": request_type.map(|kind| kind.as_str()),
        "htmx_version": htmx.version.map(|version| version.major()),
    }))
}

#[derive(Template)]
#[template(
    ext = "html",
    blocks = ["content"],
    source = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Page</title>{{ ctx.head() }}</head>
<body><main id="main">{% block content %}<p id="frag">page</p>{% endblock %}</main></body>
</html>"#
)]
struct Layered {
    ctx: TemplateContext,
}

async fn by_kind(htmx: Htmx, ctx: TemplateContext) -> HtmlTemplate {
    let page = Layered { ctx };
    HtmlTemplate::of(htmx, &page, page.as_content())
}

async fn plain() -> Html<&'static str> {
    Html("<p>plain</p>")
}

async fn by_target(HxTarget(target): HxTarget) -> String {
    target.unwrap_or_else(|| "no target".into())
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<p id="r" title="{{ text }}" hx-vals="{{ vals|hx_json }}">{{ text }}</p><input value="{{ text }}">"##
)]
struct Rendered {
    vals: Value,
    text: String,
}

async fn render(ctx: TemplateContext, Query(Text { text }): Query<Text>) -> Result<HtmlTemplate> {
    let vals = json!({ "q": text });
    page(ctx, "Text", Rendered { vals, text })
}

async fn private(ctx: TemplateContext) -> Result<HtmlTemplate> {
    page(ctx, "Private", Markup::trusted("<p>SECRET</p>"))
}

async fn private_fragment() -> Html<&'static str> {
    Html("<p>SECRET</p>")
}

async fn out_of_band(Query(Text { text }): Query<Text>) -> Fragments {
    Fragments::out_of_band().and(OutOfBandSwap::update("o1", Markup::escaped(text)))
}
