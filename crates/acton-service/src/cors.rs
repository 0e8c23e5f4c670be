//! Which other origins' scripts may call; off until asked for.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{extract::Request, response::Response};
use futures_util::future::Either;
use http::{HeaderName, HeaderValue, Method, header};
use serde::Deserialize;
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::config::ConfigError;

/// The `[cors]` section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CorsConfig {
    /// Origins whose scripts may call, e.g. `https://app.example.org`; `*` for all. Default: none, CORS is off.
    pub allowed_origins: Vec<String>,
    /// Whether those calls carry cookies; refused with `*`. Default: `false`.
    pub credentials: bool,
}

impl CorsConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.any() && self.credentials {
            return Err(ConfigError::new(
                "the settings `cors.allowed_origins` (`*`) and `cors.credentials` contradict each other: \
                 name the origins that may send cookies",
            ));
        }
        match self
            .allowed_origins
            .iter()
            .position(|origin| !is_origin(origin))
        {
            Some(index) => Err(ConfigError::new(format!(
                "entry {} of the setting `cors.allowed_origins` is not an origin such as https://app.example.org",
                index + 1
            ))),
            None => Ok(()),
        }
    }

    fn any(&self) -> bool {
        self.allowed_origins.iter().any(|origin| origin == "*")
    }

    /// The layer, which does something when there is anything to allow.
    pub(crate) fn layer(&self) -> Cors {
        if self.allowed_origins.is_empty() {
            return Cors(None);
        }
        let listed = self
            .allowed_origins
            .iter()
            .filter_map(|origin| HeaderValue::from_str(origin).ok());
        let origins = if self.any() {
            AllowOrigin::any()
        } else {
            AllowOrigin::list(listed)
        };
        let layer = CorsLayer::new()
            .allow_origin(origins)
            .allow_methods(methods())
            .allow_headers(headers());
        let layer = layer.allow_credentials(self.credentials);
        Cors(Some(Arc::new(layer)))
    }
}

/// A [`CorsLayer`] that most services do not have, and then it costs a request a pointer.
#[derive(Clone, Debug)]
pub(crate) struct Cors(Option<Arc<CorsLayer>>);

impl<S> Layer<S> for Cors {
    type Service = CorsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CorsService {
            inner,
            cors: self.0.clone(),
        }
    }
}

#[derive(Clone)]
pub(crate) struct CorsService<S> {
    inner: S,
    cors: Option<Arc<CorsLayer>>,
}

impl<S> Service<Request> for CorsService<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future =
        Either<S::Future, Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline(always)]
    fn call(&mut self, request: Request) -> Self::Future {
        let Some(cors) = &self.cors else {
            return Either::Left(self.inner.call(request));
        };
        // The clone takes the place of the service that was found ready, which serves this request.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        Either::Right(Box::pin(cors.layer(ready).call(request)))
    }
}

fn methods() -> [Method; 6] {
    [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ]
}

fn headers() -> [HeaderName; 4] {
    [
        header::ACCEPT,
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        HeaderName::from_static("x-csrf-token"),
    ]
}

/// Scheme, host and port, nothing else.
fn is_origin(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    text == "*"
        || rest
            .is_some_and(|host| !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ', '*']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(origins: &[&str], credentials: bool) -> CorsConfig {
        let allowed_origins = origins.iter().map(ToString::to_string).collect();
        CorsConfig {
            allowed_origins,
            credentials,
        }
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        assert!(CorsConfig::default().layer().0.is_none());
    }

    #[test]
    fn every_origin_with_cookies_is_refused() {
        assert!(config(&["*"], true).check().is_err());
        assert!(config(&["*"], false).check().is_ok());
    }

    #[test]
    fn what_is_not_an_origin_is_refused() {
        for origin in [
            "app.example.org",
            "https://",
            "https://a.test/",
            "https://user@a.test",
            "https://*.a.test",
        ] {
            assert!(config(&[origin], false).check().is_err(), "{origin}");
        }
    }
}
