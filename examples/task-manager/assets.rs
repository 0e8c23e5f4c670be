//! The style sheet, the script and the icon, from inside the program.

use acton_service::prelude::*;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

pub(crate) async fn style() -> impl IntoResponse {
    file("text/css", include_str!("static/board.css"))
}

pub(crate) async fn script() -> impl IntoResponse {
    file("text/javascript", include_str!("static/board.js"))
}

pub(crate) async fn icon() -> impl IntoResponse {
    file("image/svg+xml", include_str!("static/icon.svg"))
}

fn file(kind: &'static str, content: &'static str) -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=300")];
    (headers, content)
}
