use askama::Template;
use http::{StatusCode, header::RETRY_AFTER, response::Parts};
use serde_json::json;

use super::ErrorMessage;

/// What an error page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorView {
    /// The status of the answer.
    pub status: StatusCode,
    /// The status in words, such as `Not Found`.
    pub title: String,
    /// A sentence for the person.
    pub message: String,
    /// The id under which the log knows the request.
    pub request_id: Option<String>,
}

impl ErrorView {
    pub(super) fn new(parts: &Parts, request_id: Option<String>) -> Self {
        let own = parts
            .extensions
            .get::<ErrorMessage>()
            .map(|message| message.0.clone());
        Self {
            status: parts.status,
            title: parts
                .status
                .canonical_reason()
                .unwrap_or("Error")
                .to_owned(),
            message: own.unwrap_or_else(|| sentence(parts)),
            request_id,
        }
    }

    /// Problem details.
    ///
    /// Reference: <https://www.rfc-editor.org/rfc/rfc9457>
    pub(super) fn to_json(&self) -> String {
        json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.message,
            "request_id": self.request_id,
        })
        .to_string()
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ error.title }}</title>
</head>
<body>
<main id="main">
<h1>{{ error.status.as_u16() }} {{ error.title }}</h1>
<p>{{ error.message }}</p>
<p><a href="/">Go to the start page</a></p>
{%- if let Some(id) = error.request_id %}
<p><small>Request <code>{{ id }}</code></small></p>
{%- endif %}
</main>
</body>
</html>
"#
)]
struct Page {
    error: ErrorView,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="error" role="alert"><strong>{{ error.title }}</strong> <span>{{ error.message }}</span>
{%- if let Some(id) = error.request_id %} <small>Request <code>{{ id }}</code></small>{% endif %}</div>
"#
)]
struct Fragment {
    error: ErrorView,
}

pub(super) fn default_page(error: ErrorView) -> askama::Result<String> {
    Page { error }.render()
}

pub(super) fn default_fragment(error: ErrorView) -> askama::Result<String> {
    Fragment { error }.render()
}

fn sentence(parts: &Parts) -> String {
    if is_forgery(parts) {
        return "This page is out of date, or the request came from another site. \
                Please reload the page and try again."
            .to_owned();
    }
    let text = match parts.status {
        StatusCode::BAD_REQUEST => "The request could not be understood.",
        StatusCode::UNAUTHORIZED => "Please log in first.",
        StatusCode::FORBIDDEN => "You may not do this.",
        StatusCode::NOT_FOUND => "There is nothing at this address.",
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take that kind of request.",
        StatusCode::REQUEST_TIMEOUT => "The request took too long. Please try again.",
        StatusCode::PAYLOAD_TOO_LARGE => "What you sent is too large.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "What you sent has a format that is not accepted here."
        }
        StatusCode::UNPROCESSABLE_ENTITY => "Something you sent is missing or not valid.",
        StatusCode::TOO_MANY_REQUESTS => return patience("That was too often.", parts),
        StatusCode::SERVICE_UNAVAILABLE => {
            return patience("The service is not available at the moment.", parts);
        }
        status if status.is_client_error() => "The request could not be answered.",
        _ => "Something went wrong on our side.",
    };
    text.to_owned()
}

/// Says when to come back, where the answer does.
fn patience(reason: &str, parts: &Parts) -> String {
    let after = parts
        .headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    match after.and_then(|seconds| seconds.parse::<u64>().ok()) {
        None => format!("{reason} Please try again in a moment."),
        Some(1) => format!("{reason} Please try again in a second."),
        Some(seconds) if seconds < 120 => {
            format!("{reason} Please try again in {seconds} seconds.")
        }
        Some(seconds) => format!(
            "{reason} Please try again in {} minutes.",
            seconds.div_ceil(60)
        ),
    }
}

#[cfg(feature = "session")]
fn is_forgery(parts: &Parts) -> bool {
    matches!(parts.extensions.get(), Some(acton_session::Error::Csrf(_)))
}

#[cfg(not(feature = "session"))]
fn is_forgery(_: &Parts) -> bool {
    false
}
