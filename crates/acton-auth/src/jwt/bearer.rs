use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum_core::extract::FromRequestParts;
use http::{Request, Response, request::Parts};
use pin_project_lite::pin_project;
use serde::de::DeserializeOwned;
use tower_layer::Layer;
use tower_service::Service;

use super::{claims::Claims, verifier::JwtVerifier};
use crate::Error;

/// The claims of the request's bearer token, as a type of your own.
///
/// The [`JwtVerifier`] stands in the request's extensions; without one every token is refused.
///
/// # Errors
///
/// 401 with `WWW-Authenticate: Bearer`, and `error="invalid_token"` when there was a token.
///
/// ```
/// use acton_auth::Bearer;
///
/// #[derive(serde::Deserialize)]
/// struct Device { serial: String }
///
/// async fn report(Bearer(device): Bearer<Device>) -> String {
///     device.serial
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer<T = Claims>(pub T);

/// Lets only requests with a valid bearer token through; the handlers behind it may take [`Claims`].
///
/// ```
/// use acton_auth::{BearerLayer, Claims, JwtConfig, JwtVerifier};
/// use axum::{Router, routing::get};
///
/// async fn me(claims: Claims) -> String {
///     claims.sub.unwrap_or_default()
/// }
///
/// # fn main() -> Result<(), acton_auth::Error> {
/// let verifier = JwtVerifier::new(&JwtConfig::default(), None)?;
/// let api: Router = Router::new().route("/me", get(me)).layer(BearerLayer::new(verifier));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BearerLayer {
    verifier: JwtVerifier,
}

/// What [`BearerLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct BearerService<S> {
    inner: S,
    verifier: JwtVerifier,
}

impl BearerLayer {
    /// Lets through what `verifier` accepts.
    #[must_use]
    pub fn new(verifier: JwtVerifier) -> Self {
        Self { verifier }
    }
}

impl<S> Layer<S> for BearerLayer {
    type Service = BearerService<S>;

    fn layer(&self, inner: S) -> BearerService<S> {
        BearerService {
            inner,
            verifier: self.verifier.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for BearerService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answer<S::Future, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.verifier.verify_headers::<Claims>(request.headers()) {
            Ok(claims) => {
                request.extensions_mut().insert(claims);
                request.extensions_mut().insert(self.verifier.clone());
                Answer::Inner {
                    future: self.inner.call(request),
                }
            }
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "bearer token refused"
                );
                Answer::Refused {
                    response: Some(error.head()),
                }
            }
        }
    }
}

pin_project! {
    #[project = AnswerProjection]
    #[doc(hidden)]
    pub enum Answer<F, R> {
        Inner { #[pin] future: F },
        Refused { response: Option<Response<R>> },
    }
}

impl<F, R, E> Future for Answer<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            AnswerProjection::Inner { future } => {
                let answer = ready!(future.poll(context));
                Poll::Ready(answer)
            }
            AnswerProjection::Refused { response } => {
                let response = response
                    .take()
                    .expect("a future is not polled after it is ready");
                Poll::Ready(Ok(response))
            }
        }
    }
}

impl<T, S> FromRequestParts<S> for Bearer<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let verifier = parts
            .extensions
            .get::<JwtVerifier>()
            .cloned()
            .unwrap_or_default();
        verifier.verify_headers(&parts.headers).map(Bearer)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Claims {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        if let Some(verified) = parts.extensions.get::<Claims>() {
            return Ok(verified.clone());
        }
        let Bearer(claims) = Bearer::from_request_parts(parts, state).await?;
        Ok(claims)
    }
}
