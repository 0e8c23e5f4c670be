//! The plain pages, and the layout that all of them share.

use acton_service::prelude::*;

pub(crate) fn routes() -> Router {
    Router::new().route("/", get(index))
}

/// A whole page around content that is already HTML.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{{ title }}</title>{{ ctx.head() }}</head>
<body><div id="errors"></div><main id="main">{{ content }}</main></body>
</html>"#
)]
pub(crate) struct Page {
    pub(crate) ctx: TemplateContext,
    pub(crate) title: &'static str,
    pub(crate) content: Markup,
}

/// Renders `content` into the layout.
pub(crate) fn page(
    ctx: TemplateContext,
    title: &'static str,
    content: impl Render,
) -> Result<HtmlTemplate> {
    let content = content.to_markup()?;
    Ok(HtmlTemplate::page(Page {
        ctx,
        title,
        content,
    }))
}

/// Renders `content` alone for htmx, and into the layout for everybody else.
pub(crate) fn by_request(
    htmx: Htmx,
    ctx: TemplateContext,
    title: &'static str,
    content: impl Render,
) -> Result<HtmlTemplate> {
    let content = content.to_markup()?;
    let fragment = Fragment {
        content: content.clone(),
    };
    Ok(HtmlTemplate::of(
        htmx,
        Page {
            ctx,
            title,
            content,
        },
        fragment,
    ))
}

#[derive(Template)]
#[template(ext = "html", source = "{{ content }}")]
struct Fragment {
    content: Markup,
}

/// Public, and free of the session.
async fn index() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=\"en\"><title>Conformance</title><main><h1>Conformance</h1></main></html>",
    )
}
