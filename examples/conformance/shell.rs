//! A page with the framework's own head snippet, into which a browser test puts markup.

use acton_service::htmx::Head;
use acton_service::prelude::*;
use serde::Deserialize;

pub(crate) fn routes() -> Router {
    Router::new().route("/t/shell", get(shell))
}

#[derive(Deserialize)]
struct Ask {
    #[serde(default = "two")]
    v: u8,
    #[serde(default)]
    sse: u8,
}

fn two() -> u8 {
    2
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Shell</title>{{ head }}</head>
<body>
<main id="main"></main><div id="out">old</div><div id="o1">o1</div><ul id="flash"></ul>
<table><tbody id="rows"><tr id="row-1"><td>1</td></tr></tbody></table>
</body>
</html>"#
)]
struct Shell {
    head: Head,
}

async fn shell(csrf: CsrfToken, Query(ask): Query<Ask>) -> HtmlTemplate {
    let version = if ask.v == 4 {
        HtmxVersion::V4
    } else {
        HtmxVersion::V2
    };
    let head = Head::new(version)
        .sse(ask.sse == 1)
        .csrf_token(csrf.token());
    HtmlTemplate::page(Shell { head })
}
