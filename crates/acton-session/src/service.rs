use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Once},
    task::{Context, Poll},
    time::Duration,
};

use axum_core::{BoxError, body::Body, response::Response};
use bytes::Bytes;
use http::Request;
use http_body::Body as HttpBody;
use tower_service::Service;
use tower_sessions::Session;

use crate::{
    config::CsrfConfig,
    cookie::Cookie,
    csrf::{self, OriginPolicy},
    record::Lifetimes,
    store::Store,
    visit::{self, Attended, Visit},
};

/// What every request needs to know.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) cookie: Cookie,
    pub(crate) remember_cookie: Cookie,
    pub(crate) remember: Duration,
    pub(crate) max_sessions_per_user: usize,
    pub(crate) login_path: String,
    pub(crate) origins: OriginPolicy,
    pub(crate) csrf: CsrfConfig,
    /// That it is inside another layer has been logged.
    pub(crate) told: Once,
}

/// A service with sessions; made by [`SessionLayer`](crate::SessionLayer).
#[derive(Clone)]
pub struct Sessions<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Sessions<S> {
    pub(crate) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S: fmt::Debug> fmt::Debug for Sessions<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.inner;
        formatter
            .debug_struct("Sessions")
            .field("inner", inner)
            .finish_non_exhaustive()
    }
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for Sessions<S>
where
    S: Service<Request<Body>, Response = http::Response<ResponseBody>> + Clone + Send + 'static,
    S::Future: Send,
    RequestBody: HttpBody<Data = Bytes> + Send + 'static,
    RequestBody::Error: Into<BoxError>,
    ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    ResponseBody::Error: Into<BoxError>,
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
        let inner = std::mem::replace(&mut self.inner, clone);
        let request = request.map(Body::new);
        let visit = Visit::new(Arc::clone(&self.shared), &request);
        Box::pin(serve(inner, Attended::new(visit), request))
    }
}

async fn serve<S, ResponseBody>(
    mut inner: S,
    attended: Attended,
    request: Request<Body>,
) -> Result<Response, S::Error>
where
    S: Service<Request<Body>, Response = http::Response<ResponseBody>>,
    ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
    ResponseBody::Error: Into<BoxError>,
{
    let visit = attended.visit();
    let mut request = match csrf::admit(visit, request).await {
        Ok(request) => request,
        Err(mut refusal) => {
            visit.write_headers(&mut refusal);
            attended.answered();
            return Ok(refusal);
        }
    };
    let session = visit.session();
    visit.attach(request.extensions_mut());
    request.extensions_mut().insert(Session::clone(&session));
    let response = inner.call(request).await?.map(Body::new);
    let response = visit::finish(visit, &session, response).await;
    attended.answered();
    Ok(response)
}
