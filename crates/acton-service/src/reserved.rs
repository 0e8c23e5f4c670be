//! The paths that belong to the service.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tower::{Service, ServiceExt, layer::layer_fn};

use crate::{Error, Result};

/// One request for each path, and how its route would begin.
const PATHS: [(&str, &str); 4] = [
    ("/health", "/health"),
    ("/ready", "/ready"),
    ("/metrics", "/metrics"),
    ("/_acton/x", "/_acton"),
];

/// Adds the service's own routes, unless the application has taken their paths.
pub(crate) fn merge(routes: Router, own: Router) -> Result<Router> {
    for (path, route) in PATHS {
        if let Some(taken) =
            matched(&routes, path).filter(|taken| taken.as_str().starts_with(route))
        {
            let taken = taken.as_str();
            return Err(Error::Routes(format!(
                "the route {taken} belongs to the service itself; choose another path for it"
            )));
        }
    }
    // Of two fallbacks that nobody wrote axum keeps the second, and that of the application has its layers around it.
    Ok(own.merge(assets()).merge(routes))
}

/// The scripts of htmx, from our own origin.
#[cfg(feature = "assets")]
fn assets() -> Router {
    use axum::routing::get;
    use http::{HeaderMap, StatusCode, Uri};

    let file = |uri: Uri, headers: HeaderMap| async move {
        crate::htmx::assets::response(uri.path(), &headers).ok_or(StatusCode::NOT_FOUND)
    };
    Router::new().route("/_acton/{*file}", get(file))
}

#[cfg(not(feature = "assets"))]
fn assets() -> Router {
    Router::new()
}

/// The route that would answer; none for a fallback.
///
/// axum panics when routes overlap and does not tell which it has, so a request is sent through a copy whose handlers
/// are replaced.
fn matched(routes: &Router, path: &str) -> Option<MatchedPath> {
    let probe = routes.clone().layer(layer_fn(|_| Probe));
    let request = Request::builder().uri(path).body(Body::empty()).ok()?;
    let Ok(response) = probe.oneshot(request).now_or_never()?;
    response.extensions().get().cloned()
}

/// Answers with the route it stands for, and never calls it.
#[derive(Clone)]
struct Probe;

impl Service<Request> for Probe {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let mut response = ().into_response();
        if let Some(matched) = request.extensions().get::<MatchedPath>() {
            response.extensions_mut().insert(matched.clone());
        }
        ready(Ok(response))
    }
}
