//! Forms with a CSRF token: one that counts, one that validates, one that takes files.

use std::sync::atomic::{AtomicU64, Ordering};

use acton_service::prelude::*;
use garde::Validate;
use serde::Deserialize;

use crate::pages::{by_request, page};

pub(crate) fn routes() -> Router {
    let counted = get(form).post(count).put(count).patch(count).delete(count);
    Router::new()
        .route("/form", counted)
        .route("/form/count", get(counted_so_far))
        .route("/upload", post(upload))
        .route("/t/form", get(blank).post(submit))
        .layer(Extension(Counter::default()))
}

#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{{ ctx.csrf_meta() }}<form method="post" action="/form">{{ ctx.csrf_field() }}<button>Count</button></form>"#
)]
struct CountForm {
    ctx: TemplateContext,
}

async fn form(ctx: TemplateContext) -> Result<HtmlTemplate> {
    let form = CountForm { ctx: ctx.clone() };
    page(ctx, "Form", form)
}

async fn count(Extension(counter): Extension<Counter>) -> &'static str {
    counter.0.fetch_add(1, Ordering::Relaxed);
    "counted"
}

async fn counted_so_far(Extension(counter): Extension<Counter>) -> String {
    counter.0.load(Ordering::Relaxed).to_string()
}

async fn upload(body: axum::body::Bytes) -> String {
    body.len().to_string()
}

#[derive(Deserialize, Validate)]
struct Person {
    #[garde(custom(not_blank))]
    name: String,
}

fn not_blank(name: &str, (): &()) -> garde::Result {
    if name.trim().is_empty() {
        return Err(garde::Error::new("is required"));
    }
    Ok(())
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r##"<form id="f" method="post" action="/t/form" hx-post="/t/form" hx-target="this" hx-swap="outerHTML">
{{ ctx.csrf_field() }}
<label>Name <input name="name" value="{{ form.value("name") }}"></label>
{% if let Some(message) = form.error("name") %}<p id="err-name">Name {{ message }}</p>{% endif %}
<button type="submit">Save</button>
</form>"##
)]
struct PersonForm {
    ctx: TemplateContext,
    form: FormState,
}

async fn blank(htmx: Htmx, ctx: TemplateContext) -> Result<HtmlTemplate> {
    let form = PersonForm {
        ctx: ctx.clone(),
        form: FormState::default(),
    };
    by_request(htmx, ctx, "Person", form)
}

async fn submit(htmx: Htmx, ctx: TemplateContext, form: ValidForm<Person>) -> Result<Response> {
    Ok(match form {
        ValidForm::Valid(_) => (
            FlashMessage::success("saved"),
            Redirect::to("/t/flash/show"),
        )
            .into_response(),
        ValidForm::Invalid(form) => {
            let form = PersonForm {
                ctx: ctx.clone(),
                form,
            };
            by_request(htmx, ctx, "Person", form)?
                .unprocessable()
                .into_response()
        }
    })
}
