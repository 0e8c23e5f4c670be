//! Messages that are shown once.

use acton_service::prelude::*;
use serde::Deserialize;

use crate::pages::page;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/flash", get(show).post(keep))
        .route("/t/flash/show", get(show))
        .route("/t/flash/set", get(set))
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<ul id="flash">{% for message in ctx.flash() %}<li>{{ message.text }}</li>{% endfor %}</ul>"#
)]
struct Messages {
    ctx: TemplateContext,
}

async fn show(ctx: TemplateContext) -> Result<HtmlTemplate> {
    let messages = Messages { ctx: ctx.clone() };
    page(ctx, "Messages", messages)
}

#[derive(Deserialize)]
struct Keep {
    level: FlashLevel,
    msg: String,
}

async fn keep(Form(keep): Form<Keep>) -> impl IntoResponse {
    (
        FlashMessage::new(keep.level, keep.msg),
        Redirect::to("/flash"),
    )
}

#[derive(Deserialize)]
struct Set {
    m: String,
}

async fn set(Query(set): Query<Set>) -> impl IntoResponse {
    (FlashMessage::info(set.m), Redirect::to("/t/flash/show"))
}
