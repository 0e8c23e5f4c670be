use acton_htmx::{Htmx, HtmxContext, HxCurrentUrl, LocalUrl, Wanted, headers as hx};
use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts,
    uri::PathAndQuery,
};

use crate::{error::Error, next::login_url, visit::Visit};

/// The answer for somebody who may not come in; made by the guards.
#[derive(Debug)]
pub struct Refusal {
    error: Error,
    way: Way,
}

/// How whoever asks gets to the login page.
#[derive(Debug)]
enum Way {
    None,
    /// A browser goes there.
    Location(String),
    /// htmx goes there, whatever the status.
    HxRedirect(String),
    /// Nothing, for a program: whoever renders errors says it as JSON, like every other error.
    Program,
    /// An error status without a body ends an event stream: an `EventSource` gives up, and htmx asks ever more seldom,
    /// while it would go on at full speed after 204 or a login page.
    Silence,
}

impl Refusal {
    pub(crate) fn login(parts: &Parts, visit: &Visit, login_path: &str) -> Self {
        Self {
            error: Error::LoginRequired,
            way: Way::of(parts, visit, login_path),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let way = Way::None;
        Self { error, way }
    }
}

impl Way {
    /// The page that was asked for cannot be asked for again, or is a part of the one htmx is on.
    fn back_to_current(parts: &Parts, login_path: &str) -> Self {
        Self::HxRedirect(login_url(login_path, current_page(parts).as_deref()))
    }

    fn of(parts: &Parts, visit: &Visit, login_path: &str) -> Self {
        let headers = &parts.headers;
        // The htmx 4 extension adds the type to every request of its page.
        if accepts(headers, "text/event-stream") && !accepts(headers, "text/html") {
            return Self::Silence;
        }
        let htmx = Htmx::of(headers, &parts.extensions);
        if htmx.version.is_none() {
            let wants_json = accepts(headers, "application/json");
            if wants_json && !accepts(headers, "text/html") {
                return Self::Program;
            }
        }
        let own = own_page(parts, visit);
        match (htmx.wanted, own) {
            (Wanted::Fragment, _) => Self::back_to_current(parts, login_path),
            // htmx does not look at headers when it restores a page, and follows a redirect as a browser does.
            (Wanted::HistoryRestore, own) => Self::Location(login_url(login_path, own)),
            (Wanted::Boosted, None) => Self::back_to_current(parts, login_path),
            (Wanted::Boosted, own) => Self::HxRedirect(login_url(login_path, own)),
            (_, own) if htmx.version.is_none() => Self::Location(login_url(login_path, own)),
            (_, None) => Self::back_to_current(parts, login_path),
            (_, own) => Self::HxRedirect(login_url(login_path, own)),
        }
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let (name, value) = match self {
            Self::Location(url) => (header::LOCATION, url.as_str()),
            Self::HxRedirect(url) => (hx::HX_REDIRECT, url.as_str()),
            Self::None | Self::Program | Self::Silence => return None,
        };
        Some((name, HeaderValue::from_str(value).ok()?))
    }
}

/// The page that was asked for, if it can be asked for again.
fn own_page<'a>(parts: &'a Parts, visit: &'a Visit) -> Option<&'a str> {
    let context = HtmxContext::of(&parts.extensions);
    let uri = context.map_or(&visit.uri, HtmxContext::original_uri);
    let page = uri.path_and_query().map(PathAndQuery::as_str);
    page.filter(|_| matches!(parts.method, Method::GET | Method::HEAD))
}

/// The page htmx is on.
fn current_page(parts: &Parts) -> Option<String> {
    if let Some(context) = HtmxContext::of(&parts.extensions) {
        context.consulted().mark(&hx::HX_CURRENT_URL);
        context.consulted().mark(&hx::HX_CURRENT_URL_ENCODED);
    }
    let page = HxCurrentUrl::from_headers(&parts.headers).local();
    page.as_ref().map(LocalUrl::to_string)
}

fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter();
    let mut types = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
    types.any(|accepted| {
        let essence = accepted.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case(media_type)
    })
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.error.into_response();
        match self.way {
            Way::None => return response,
            Way::Location(_) => *response.status_mut() = StatusCode::SEE_OTHER,
            Way::HxRedirect(_) => {}
            Way::Program | Way::Silence => {
                *response.body_mut() = Body::empty();
                response.headers_mut().remove(header::CONTENT_TYPE);
            }
        }
        let headers = response.headers_mut();
        if let Some((name, value)) = self.way.header() {
            headers.insert(name, value);
        }
        headers.append(header::VARY, HeaderValue::from_static("Accept"));
        response
    }
}
