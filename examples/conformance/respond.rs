//! Any answer that the typed responders can give, described by the request.

use std::str::FromStr;
use std::time::Duration;

use acton_service::htmx;
use acton_service::prelude::*;
use serde::Deserialize;
use serde_json::Value;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/t/respond", get(from_query).post(from_json))
        .route("/hx", get(one_header))
}

#[derive(Deserialize)]
struct Spec {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    html: String,
    #[serde(default)]
    ops: Vec<Op>,
}

fn ok() -> u16 {
    200
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Op {
    Trigger {
        name: String,
        detail: Option<Value>,
        target: Option<String>,
        #[serde(default)]
        when: Moment,
    },
    Location(Location),
    Redirect {
        url: String,
    },
    Refresh,
    PushUrl {
        url: UrlOrFalse,
    },
    ReplaceUrl {
        url: UrlOrFalse,
    },
    Reswap(Reswap),
    Retarget {
        selector: String,
    },
    Reselect {
        selector: String,
    },
    Oob(Oob),
    Flash {
        level: FlashLevel,
        message: String,
    },
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Moment {
    #[default]
    Receive,
    Swap,
    Settle,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum UrlOrFalse {
    Url(String),
    Flag(bool),
}

#[derive(Deserialize)]
struct Location {
    path: String,
    target: Option<String>,
    swap: Option<String>,
    select: Option<String>,
    values: Option<Value>,
    headers: Option<std::collections::BTreeMap<String, String>>,
    push: Option<UrlOrFalse>,
    replace: Option<UrlOrFalse>,
}

#[derive(Deserialize)]
struct Reswap {
    style: String,
    swap_ms: Option<u64>,
    settle_ms: Option<u64>,
    scroll: Option<String>,
    show: Option<String>,
    transition: Option<bool>,
    ignore_title: Option<bool>,
    focus_scroll: Option<bool>,
}

#[derive(Deserialize)]
struct Oob {
    id: Option<String>,
    style: Option<String>,
    selector: Option<String>,
    html: String,
}

#[derive(Deserialize)]
struct InQuery {
    spec: String,
}

async fn from_query(Query(InQuery { spec }): Query<InQuery>) -> Result<Response, Refused> {
    let spec: Spec = serde_json::from_str(&spec).map_err(|_| Refused)?;
    spec.respond()
}

async fn from_json(Json(spec): Json<Spec>) -> Result<Response, Refused> {
    spec.respond()
}

/// The description cannot be sent: 422.
struct Refused;

impl<E: std::error::Error> From<E> for Refused {
    fn from(_: E) -> Self {
        Self
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        StatusCode::UNPROCESSABLE_ENTITY.into_response()
    }
}

impl Spec {
    fn respond(self) -> Result<Response, Refused> {
        let status = StatusCode::from_u16(self.status)?;
        if status.is_informational() {
            return Err(Refused);
        }
        let (parts, headers): (Vec<Op>, Vec<Op>) = self
            .ops
            .into_iter()
            .partition(|op| matches!(op, Op::Oob(_)));
        let bodiless = [
            StatusCode::NO_CONTENT,
            StatusCode::RESET_CONTENT,
            StatusCode::NOT_MODIFIED,
        ];
        let nothing = self.html.is_empty() && parts.is_empty();
        let body = if nothing || bodiless.contains(&status) {
            status.into_response()
        } else {
            (status, content(self.html, parts)?).into_response()
        };
        headers
            .into_iter()
            .try_fold(body, |response, op| op.apply(response))
    }
}

fn content(html: String, parts: Vec<Op>) -> Result<Fragments, Refused> {
    let main = match html.as_str() {
        "" => Fragments::out_of_band(),
        // What is described may be a whole page.
        _ => Fragments::from(Markup::trusted(html)),
    };
    parts.into_iter().try_fold(main, |fragments, op| match op {
        Op::Oob(oob) => Ok(fragments.and(oob.part()?)),
        _ => Ok(fragments),
    })
}

impl Oob {
    fn part(self) -> Result<OutOfBandSwap, Refused> {
        let target = match (&self.selector, &self.id) {
            (Some(selector), _) => Selector::new(selector),
            (None, Some(id)) => Selector::id(id),
            (None, None) => return Err(Refused),
        };
        let swap: Swap = match self.style.as_deref() {
            None | Some("true") => SwapStyle::OuterHtml.into(),
            Some(written) => written.parse()?,
        };
        Ok(OutOfBandSwap::new(target, swap, Markup::trusted(self.html)))
    }
}

impl Op {
    fn apply(self, response: Response) -> Result<Response, Refused> {
        Ok(match self {
            Self::Trigger {
                name,
                detail,
                target,
                when,
            } => (
                event(name, detail.as_ref(), target.as_deref(), when)?,
                response,
            )
                .into_response(),
            Self::Location(location) => (location.responder()?, response).into_response(),
            Self::Redirect { url } => (HxRedirect::to(url)?, response).into_response(),
            Self::Refresh => (HxRefresh, response).into_response(),
            Self::PushUrl {
                url: UrlOrFalse::Url(url),
            } => (HxPushUrl::to(url)?, response).into_response(),
            Self::PushUrl {
                url: UrlOrFalse::Flag(false),
            } => (HxPushUrl::none(), response).into_response(),
            Self::ReplaceUrl {
                url: UrlOrFalse::Url(url),
            } => (HxReplaceUrl::to(url)?, response).into_response(),
            Self::ReplaceUrl {
                url: UrlOrFalse::Flag(false),
            } => (HxReplaceUrl::none(), response).into_response(),
            Self::PushUrl { .. } | Self::ReplaceUrl { .. } | Self::Oob(_) => return Err(Refused),
            Self::Reswap(reswap) => (HxReswap(reswap.swap()?), response).into_response(),
            Self::Retarget { selector } => (HxRetarget::new(selector)?, response).into_response(),
            Self::Reselect { selector } => (HxReselect::new(selector)?, response).into_response(),
            Self::Flash { level, message } => {
                (FlashMessage::new(level, message), response).into_response()
            }
        })
    }
}

fn event(
    name: String,
    detail: Option<&Value>,
    target: Option<&str>,
    when: Moment,
) -> Result<HxEvent, Refused> {
    let mut event = HxEvent::new(name).when(match when {
        Moment::Receive => When::Receive,
        Moment::Swap => When::Swap,
        Moment::Settle => When::Settle,
    });
    if let Some(detail) = detail {
        event = event.detail(detail)?;
    }
    if let Some(target) = target {
        event = event.target(target)?;
    }
    Ok(event)
}

impl Location {
    fn responder(self) -> Result<HxLocation, Refused> {
        let mut location = HxLocation::to(self.path)?;
        if let Some(target) = self.target {
            location = location.target(&target)?;
        }
        if let Some(swap) = self.swap {
            location = location.swap(Swap::from_str(&swap)?);
        }
        if let Some(select) = self.select {
            location = location.select(&select)?;
        }
        if let Some(values) = self.values {
            location = location.values(&values)?;
        }
        for (name, value) in self.headers.unwrap_or_default() {
            location = location.header(&name, &value)?;
        }
        location = match self.push {
            Some(UrlOrFalse::Url(url)) => location.push(LocalUrl::parse(&url)?),
            Some(UrlOrFalse::Flag(false)) => location.no_push(),
            Some(UrlOrFalse::Flag(true)) | None => location,
        };
        Ok(match self.replace {
            Some(UrlOrFalse::Url(url)) => location.replace(LocalUrl::parse(&url)?),
            Some(UrlOrFalse::Flag(true)) => return Err(Refused),
            Some(UrlOrFalse::Flag(false)) | None => location,
        })
    }
}

impl Reswap {
    fn swap(self) -> Result<Swap, Refused> {
        let mut swap: Swap = self.style.parse()?;
        if let Some(delay) = self.swap_ms {
            swap = swap.swap(Duration::from_millis(delay));
        }
        if let Some(delay) = self.settle_ms {
            swap = swap.settle(Duration::from_millis(delay));
        }
        if let Some(scroll) = self.scroll {
            swap = swap.scroll(scroll.parse()?);
        }
        if let Some(show) = self.show {
            swap = swap.show(show.parse()?);
        }
        if let Some(transition) = self.transition {
            swap = swap.transition(transition);
        }
        if let Some(ignore) = self.ignore_title {
            swap = swap.ignore_title(ignore);
        }
        if let Some(focus) = self.focus_scroll {
            swap = swap.focus_scroll(focus);
        }
        Ok(swap)
    }
}

#[derive(Deserialize)]
struct OneHeader {
    redirect: Option<String>,
    location: Option<String>,
    trigger: Option<String>,
    detail: Option<String>,
}

/// Puts a value that came with the request into a header.
async fn one_header(Query(ask): Query<OneHeader>) -> Result<Response, htmx::Error> {
    let mut response = "header".into_response();
    if let Some(url) = ask.redirect {
        response = (HxRedirect::to(url)?, response).into_response();
    }
    if let Some(path) = ask.location {
        response = (HxLocation::to(path)?, response).into_response();
    }
    if let Some(name) = ask.trigger {
        let event = HxEvent::new(name).detail(&ask.detail)?;
        response = (event, response).into_response();
    }
    Ok(response)
}
