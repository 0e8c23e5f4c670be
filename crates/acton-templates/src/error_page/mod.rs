//! Errors as people see them.

mod asker;
mod layer;
mod view;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use askama::Template;
use axum_core::{
    body::Body,
    response::{IntoResponse, IntoResponseParts, ResponseParts},
};
use http::{
    Extensions, HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY},
    response::Parts,
};

use acton_htmx::{
    HxReswap, HxRetarget, SwapStyle,
    headers::{HX_LOCATION, HX_REDIRECT, HX_REFRESH, HX_RESELECT, HX_RETARGET},
};

pub use asker::Asker;
pub use layer::{ErrorPagesFuture, ErrorPagesLayer, ErrorPagesService};
pub use view::ErrorView;

use asker::Kind;

type Render = Arc<dyn Fn(ErrorView) -> askama::Result<String> + Send + Sync>;
type FindRequestId = Arc<dyn Fn(&HeaderMap, &Extensions) -> Option<String> + Send + Sync>;

/// Gives every bare error answer a body that fits who asked.
///
/// | who asked | what they see |
/// |---|---|
/// | a browser, a boosted link | a whole page |
/// | htmx | a small fragment, retargeted to the page's error region (`htmx.error_target`) |
/// | an API client: `Accept: application/json`, a JSON body, or a path under [`api`](Self::api) | [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem details |
///
/// An answer is bare when it has no body type of its own, or plain text as axum's rejections have;
/// HTML, JSON and streams are left alone. Status and headers stay; the text is ours or the application's,
/// never the error's, and always names the request.
///
/// ```
/// # mod app {
/// use acton_templates::{ErrorPages, ErrorView};
/// use askama::Template;
///
/// #[derive(Template)]
/// #[template(source = "<!doctype html><title>{{ error.title }}</title><h1>{{ error.message }}</h1>", ext = "html")]
/// struct MyErrorPage { error: ErrorView }
///
/// pub fn pages() -> ErrorPages {
///     ErrorPages::new().page(|error| MyErrorPage { error }).api("/api")
/// }
/// # }
/// # let app: axum::Router = axum::Router::new().layer(app::pages().layer());
/// ```
///
/// The layer belongs inside [`HtmxLayer`](acton_htmx::HtmxLayer), around everything that may fail.
#[derive(Clone)]
pub struct ErrorPages {
    page: Render,
    fragment: Render,
    request_id: FindRequestId,
    api: Vec<String>,
}

/// What an error answer tells the person, in place of the standard sentence for its status.
///
/// ```
/// use acton_templates::ErrorMessage;
/// use axum::http::StatusCode;
///
/// async fn task() -> (StatusCode, ErrorMessage) {
///     (StatusCode::NOT_FOUND, ErrorMessage::new("This task was deleted."))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorMessage(String);

impl ErrorPages {
    /// The built-in pages: plain HTML without a style or script of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the application's own page.
    #[must_use]
    pub fn page<T: Template>(
        mut self,
        make: impl Fn(ErrorView) -> T + Send + Sync + 'static,
    ) -> Self {
        self.page = Arc::new(move |view| make(view).render());
        self
    }

    /// Shows the application's own fragment.
    #[must_use]
    pub fn fragment<T: Template>(
        mut self,
        make: impl Fn(ErrorView) -> T + Send + Sync + 'static,
    ) -> Self {
        self.fragment = Arc::new(move |view| make(view).render());
        self
    }

    /// Answers everything at and below this path in JSON, such as `/api`, or `/{tenant}/api` for any tenant.
    #[must_use]
    pub fn api(mut self, prefix: impl Into<String>) -> Self {
        self.api.push(prefix.into());
        self
    }

    /// Where the id of a request is found. Default: its `X-Request-Id` header.
    #[must_use]
    pub fn request_id(
        mut self,
        find: impl Fn(&HeaderMap, &Extensions) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.request_id = Arc::new(find);
        self
    }

    /// The layer that does this to every answer.
    #[must_use]
    pub fn layer(self) -> ErrorPagesLayer {
        ErrorPagesLayer::new(self)
    }

    /// Gives `response` a body for `asker`, if it is a bare error.
    #[must_use]
    pub fn dress<B: From<String>>(&self, asker: &Asker, mut response: Response<B>) -> Response<B> {
        acton_htmx::Error::uncover(&mut response);
        if !is_bare(&response) {
            return response;
        }
        let kind = asker.kind();
        if kind == Kind::Stream {
            return response;
        }
        asker.mark_consulted();
        let (mut parts, _) = response.into_parts();
        let view = ErrorView::new(&parts, asker.request_id.clone());
        let (content_type, body) = match &kind {
            Kind::Api | Kind::Stream => ("application/problem+json", view.to_json()),
            Kind::Page => (HTML, render(&self.page, &view, view::default_page)),
            Kind::Fragment { target } => {
                parts = retarget(parts, target);
                (HTML, render(&self.fragment, &view, view::default_fragment))
            }
        };
        set_headers(&mut parts.headers, content_type);
        Response::from_parts(parts, B::from(body))
    }
}

const HTML: &str = "text/html; charset=utf-8";

impl ErrorMessage {
    /// A sentence for the person. It is plain text: the page escapes it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Default for ErrorPages {
    fn default() -> Self {
        Self {
            page: Arc::new(view::default_page),
            fragment: Arc::new(view::default_fragment),
            request_id: Arc::new(|headers, _| asker::request_id_header(headers)),
            api: Vec::new(),
        }
    }
}

impl fmt::Debug for ErrorPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorPages")
            .field("api", &self.api)
            .finish_non_exhaustive()
    }
}

impl IntoResponseParts for ErrorMessage {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

impl axum_core::response::IntoResponse for ErrorMessage {
    /// The sentence alone, as an internal server error.
    fn into_response(self) -> axum_core::response::Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self, ()).into_response()
    }
}

/// An error without a body of its own that sends nobody elsewhere.
fn is_bare<B>(response: &Response<B>) -> bool {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return false;
    }
    let headers = response.headers();
    let text = headers
        .get(CONTENT_TYPE)
        .is_none_or(|value| value.as_bytes().starts_with(b"text/plain"));
    let moves = [HX_REDIRECT, HX_LOCATION, HX_REFRESH]
        .iter()
        .any(|name| headers.contains_key(name));
    text && !moves
}

/// The application's template, or ours when that one fails or panics: nobody else would answer.
fn render(
    own: &Render,
    view: &ErrorView,
    default: fn(ErrorView) -> askama::Result<String>,
) -> String {
    let panicked = |_| Err(askama::Error::custom("it panicked"));
    catch_unwind(AssertUnwindSafe(|| own(view.clone())))
        .unwrap_or_else(panicked)
        .inspect_err(|error| {
            tracing::error!(error = error as &dyn std::error::Error, "error page failed")
        })
        .or_else(|_| default(view.clone()))
        .unwrap_or_default()
}

fn retarget(parts: Parts, target: &str) -> Parts {
    if parts.headers.contains_key(HX_RETARGET) {
        return parts;
    }
    let Ok(target) = HxRetarget::new(target) else {
        return parts;
    };
    // Responders, so that this swap counts in both versions of htmx.
    let place = (target, HxReswap(SwapStyle::InnerHtml));
    let answer = (place, Response::from_parts(parts, Body::empty())).into_response();
    let (mut parts, _) = answer.into_parts();
    // What was to be taken out of the answer is not in the error.
    parts.headers.remove(HX_RESELECT);
    parts
}

fn set_headers(headers: &mut HeaderMap, content_type: &'static str) {
    headers.remove(CONTENT_LENGTH);
    headers.remove(CONTENT_ENCODING);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if !varies_by_accept(headers) {
        headers.append(VARY, HeaderValue::from_static("Accept"));
    }
}

fn varies_by_accept(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(VARY)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("accept"))
}
