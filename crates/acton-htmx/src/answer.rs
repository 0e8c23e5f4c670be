//! What the layer does to one response.

use std::sync::Arc;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION, REFERER},
};

use crate::{
    config::HtmxConfig,
    context::HtmxContext,
    destination,
    dialect::{Htmx, HtmxVersion, Wanted},
    document::RenderMode,
    error::Error,
    headers,
    response::ForV4,
    spelled::Choice,
    trigger, vary,
};

/// What has to be known of a request to finish its response.
#[derive(Debug)]
pub(crate) struct Answer {
    htmx: Htmx,
    method: Method,
    /// Of a boosted link, and of a form that a plain browser sent; boxed, because others need no room for it.
    origin: Option<Box<Origin>>,
    context: HtmxContext,
}

/// What decides whether a redirect stays on the site, and where the way back leads.
#[derive(Debug)]
struct Origin {
    host: HeaderValue,
    referer: Option<HeaderValue>,
}

impl Origin {
    fn of<B>(request: &Request<B>) -> Option<Box<Self>> {
        // HTTP/2 names the host in the URI.
        let authority = || request.uri().authority()?.as_str().parse().ok();
        let host = request.headers().get(HOST).cloned().or_else(authority)?;
        let referer = request.headers().get(REFERER).cloned();
        Some(Box::new(Self { host, referer }))
    }
}

/// What kind of answer a handler gave, as far as the asker matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A status that browsers follow, htmx unseen.
    Redirect,
    /// A header by which htmx leaves the page.
    Navigation,
    /// An error without a place of its own in the page.
    Error,
    /// A whole page, to mend a form in (422).
    FormPage,
    /// A whole page with an error, for a place in the page: another target, or another swap only.
    PlacedPage { retargeted: bool },
    /// Anything else is the same for everyone.
    Other,
}

impl Kind {
    fn of<R>(response: &Response<R>, has_htmx: bool) -> Self {
        let headers = response.headers();
        let any =
            |names: &[HeaderName]| has_htmx && names.iter().any(|name| headers.contains_key(name));
        match response.status().as_u16() {
            301..=303 | 307 | 308 if headers.contains_key(LOCATION) => Self::Redirect,
            _ if any(&headers::NAVIGATION) => Self::Navigation,
            ..400 => Self::Other,
            status => {
                let is_page = response.extensions().get() == Some(&RenderMode::Page)
                    && !shows_whole_pages(headers);
                match (has_place(headers), is_page, status) {
                    (true, true, _) => Self::PlacedPage {
                        retargeted: headers.contains_key(headers::HX_RETARGET),
                    },
                    (false, true, 422) => Self::FormPage,
                    (true, ..) | (_, _, 422) => Self::Other,
                    _ => Self::Error,
                }
            }
        }
    }
}

/// Whether an error says where it goes.
pub(crate) fn has_place(headers: &HeaderMap) -> bool {
    headers.contains_key(headers::HX_RETARGET) || headers.contains_key(headers::HX_RESWAP)
}

/// Whether a page is no page in a page there: it replaces the body, or a part of it is taken.
pub(crate) fn shows_whole_pages(headers: &HeaderMap) -> bool {
    let target = headers.get(headers::HX_RETARGET);
    headers.contains_key(headers::HX_RESELECT) || target.is_some_and(|target| target == "body")
}

impl Answer {
    /// Reads the request, and gives it a context.
    pub(crate) fn begin<B>(request: &mut Request<B>, config: &Arc<HtmxConfig>) -> Self {
        let outer = HtmxContext::of(request.extensions());
        let uri = outer
            .map_or_else(|| request.uri(), |outer| outer.original_uri())
            .clone();
        let context = HtmxContext::new(Arc::clone(config), uri);
        request.extensions_mut().insert(context.clone());
        let htmx = Htmx::from_headers(request.headers());
        let method = request.method().clone();
        let browser_form = !htmx.obeys_headers() && !method.is_safe();
        let matters = browser_form || htmx.wanted == Wanted::Boosted;
        Self {
            htmx,
            method,
            origin: matters.then(|| Origin::of(request)).flatten(),
            context,
        }
    }

    /// Has the body written for the version that asked, where versions differ.
    pub(crate) fn spell_body<R>(&self, response: &mut Response<R>) {
        if let Some(choice) = response.extensions_mut().remove::<Choice>() {
            self.context.consulted().mark_version();
            choice.choose(self.htmx.version.unwrap_or_default());
        }
    }

    /// Puts the response into the form that fits who asked.
    pub(crate) fn finish<R: Default>(&self, mut response: Response<R>) -> Response<R> {
        Error::uncover(&mut response);
        // Most answers say nothing to htmx.
        let has_htmx = headers::any(response.headers());
        let kind = Kind::of(&response, has_htmx);
        if has_htmx {
            self.respell(&mut response);
            self.merge_events(&mut response, kind);
            self.choose_history(response.headers_mut());
        }
        if kind != Kind::Other {
            self.context.consulted().mark_wanted();
        }
        let mut response = match kind {
            Kind::Redirect if self.htmx.stays_on_page() || self.leads_away(&response) => {
                self.redirect_htmx(response)
            }
            Kind::Navigation if !self.htmx.obeys_headers() => self.redirect_browser(response),
            // A redirect without `Location`, to which only the header gives a meaning.
            Kind::Navigation if response.status().is_redirection() => {
                *response.status_mut() = StatusCode::OK;
                response
            }
            Kind::PlacedPage { retargeted: true } if self.htmx.wanted == Wanted::Boosted => {
                without_place(response)
            }
            _ if self.is_kept_out(kind) => leave_target(response),
            _ => response,
        };
        vary::merge(response.headers_mut(), self.context.consulted());
        response
    }

    /// Whether an error is not swapped, because it would put a page into a page or has no place.
    fn is_kept_out(&self, kind: Kind) -> bool {
        match kind {
            Kind::Error | Kind::PlacedPage { retargeted: true } => self.htmx.stays_on_page(),
            Kind::FormPage | Kind::PlacedPage { .. } => self.htmx.wants_fragment(),
            _ => false,
        }
    }

    /// Replaces what htmx 4 spells differently.
    fn respell<R>(&self, response: &mut Response<R>) {
        let Some(ForV4(respelled)) = response.extensions_mut().remove() else {
            return;
        };
        if respelled.is_empty() {
            return;
        }
        self.context.consulted().mark_version();
        if self.htmx.version != Some(HtmxVersion::V4) {
            return;
        }
        for header in respelled {
            if response.headers().get(&header.name) == Some(&header.v2) {
                response.headers_mut().insert(header.name, header.v4);
            }
        }
    }

    /// Leaves one line of events for each moment that there is: htmx 4 has one, and so has htmx 2
    /// where it swaps nothing.
    fn merge_events<R>(&self, response: &mut Response<R>, kind: Kind) {
        let is_silent = kind == Kind::Navigation || swaps_nothing(response);
        let headers = response.headers_mut();
        if trigger::has_late(headers) && !is_silent {
            self.context.consulted().mark_version();
        }
        let is_kept_out = self.is_kept_out(kind);
        let one_moment = is_silent || is_kept_out || self.htmx.version == Some(HtmxVersion::V4);
        if !trigger::is_plain(headers, one_moment) {
            trigger::merge(headers, one_moment);
        }
    }

    /// Lets a URL for the address bar count beside the wish to push none.
    ///
    /// htmx 4 does so by itself; htmx 2 stops at the first of the two headers.
    fn choose_history(&self, headers: &mut HeaderMap) {
        let none = headers
            .get(headers::HX_PUSH_URL)
            .is_some_and(|url| url == "false");
        let replaces = headers
            .get(headers::HX_REPLACE_URL)
            .is_some_and(|url| url != "false");
        if none && replaces {
            headers.remove(headers::HX_PUSH_URL);
        }
    }

    /// Whether a boosted link is redirected to another origin: htmx may follow to its own only.
    fn leads_away<R>(&self, response: &Response<R>) -> bool {
        if self.htmx.wanted != Wanted::Boosted {
            return false;
        }
        let location = response.headers().get(LOCATION);
        location
            .zip(self.origin.as_ref())
            .is_some_and(|(location, origin)| destination::is_foreign(location, &origin.host))
    }

    /// Lets htmx leave the page, where it would follow unseen and put a page into the target.
    ///
    /// 307 and 308 repeat a form with its content, so those are followed.
    fn redirect_htmx<R: Default>(&self, response: Response<R>) -> Response<R> {
        let repeats = matches!(response.status().as_u16(), 307 | 308) && !self.method.is_safe();
        let location = response.headers().get(LOCATION).filter(|_| !repeats);
        let uri = self.context.original_uri();
        let Some(target) = location.and_then(|location| destination::absolute(location, uri))
        else {
            return response;
        };
        let mut response = without_body(response, StatusCode::OK);
        response.headers_mut().remove(LOCATION);
        response.headers_mut().insert(headers::HX_REDIRECT, target);
        response
    }

    /// Sends a browser that knows nothing of htmx where the headers of htmx lead.
    fn redirect_browser<R: Default>(&self, response: Response<R>) -> Response<R> {
        let Some(location) = self.destination(response.headers()) else {
            return response;
        };
        let mut response = without_body(response, StatusCode::SEE_OTHER);
        headers::NAVIGATION
            .iter()
            .for_each(|name| drop(response.headers_mut().remove(name)));
        response.headers_mut().insert(LOCATION, location);
        response
    }

    fn destination(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if let Some(url) = headers.get(headers::HX_REDIRECT) {
            return Some(url.clone());
        }
        if let Some(location) = headers.get(headers::HX_LOCATION) {
            return destination::path(location);
        }
        let origin = self.origin.as_ref()?;
        destination::back(origin.referer.as_ref()?, &origin.host)
    }
}

/// Whether htmx 2 by itself swaps nothing, whoever asked: no content, or an error that is to go
/// nowhere.
fn swaps_nothing<R>(response: &Response<R>) -> bool {
    let reswap = response.headers().get(headers::HX_RESWAP);
    let nowhere = || reswap.is_some_and(|swap| swap == "none");
    match response.status() {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => true,
        status => (status.is_client_error() || status.is_server_error()) && nowhere(),
    }
}

/// htmx 4 swaps whatever an error brings; parts for other targets still arrive.
fn leave_target<R>(response: Response<R>) -> Response<R> {
    let mut response = without_place(response);
    response
        .headers_mut()
        .insert(headers::HX_RESWAP, HeaderValue::from_static("none"));
    response
}

fn without_place<R>(mut response: Response<R>) -> Response<R> {
    response.headers_mut().remove(headers::HX_RETARGET);
    response.headers_mut().remove(headers::HX_RESWAP);
    response
}

fn without_body<R: Default>(response: Response<R>, status: StatusCode) -> Response<R> {
    let (mut parts, _) = response.into_parts();
    parts.status = status;
    for name in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING] {
        parts.headers.remove(name);
    }
    Response::from_parts(parts, R::default())
}
