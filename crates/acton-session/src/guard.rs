use std::{
    borrow::Cow,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum_core::response::{IntoResponse, Response};
use http::{Request, request::Parts};
use tower_layer::Layer;
use tower_service::Service;

use crate::{error::Error, refusal::Refusal, visit::Visit};

/// Lets only those in who are logged in.
///
/// Others are answered as fits who asks: a browser is sent to the login page and comes back afterwards, htmx loads the
/// login page in place of the page it is on, and an event stream and whoever wants JSON get a plain 401.
///
/// After that an `EventSource` does not ask again by itself. htmx does, ever more seldom, until somebody logs in.
///
/// ```
/// use acton_session::login_required;
/// use axum::{Router, routing::get};
///
/// let app: Router = Router::new()
///     .route("/me", get(|| async { "me" }))
///     .layer(login_required());
/// // … and the session layer around it.
/// ```
pub fn login_required() -> GuardLayer {
    GuardLayer {
        role: None,
        login_path: None,
    }
}

/// As [`login_required`], and only those with a role; others who are logged in get 403.
pub fn role_required(role: impl Into<Cow<'static, str>>) -> GuardLayer {
    GuardLayer {
        role: Some(role.into()),
        login_path: None,
    }
}

/// See [`login_required`] and [`role_required`].
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it is added to a router"]
pub struct GuardLayer {
    role: Option<Cow<'static, str>>,
    login_path: Option<Cow<'static, str>>,
}

impl GuardLayer {
    /// Sets another login page than the configured one, for these routes.
    pub fn login_path(mut self, path: impl Into<Cow<'static, str>>) -> Self {
        self.login_path = Some(path.into());
        self
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        let rule = Arc::new(self.clone());
        Guard { inner, rule }
    }
}

/// A guarded service; made by [`GuardLayer`].
#[derive(Clone, Debug)]
pub struct Guard<S> {
    inner: S,
    rule: Arc<GuardLayer>,
}

impl<S, RequestBody> Service<Request<RequestBody>> for Guard<S>
where
    S: Service<Request<RequestBody>, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    RequestBody: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        // The clone takes the place of the service that was found ready, which serves this request.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let rule = Arc::clone(&self.rule);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            match rule.judge(&parts).await {
                Ok(()) => inner.call(Request::from_parts(parts, body)).await,
                Err(refusal) => Ok(refusal.into_response()),
            }
        })
    }
}

impl GuardLayer {
    async fn judge(&self, parts: &Parts) -> Result<(), Refusal> {
        let visit = Visit::of(&parts.extensions)?;
        let auth = visit.auth().await?;
        if auth.user_id.is_none() {
            let login_path = self.login_path.as_deref();
            let login_path = login_path.unwrap_or(&visit.shared.login_path);
            return Err(Refusal::login(parts, &visit, login_path));
        }
        match &self.role {
            Some(role) if !auth.has_role(role) => Err(Error::Forbidden.into()),
            _ => Ok(()),
        }
    }
}
