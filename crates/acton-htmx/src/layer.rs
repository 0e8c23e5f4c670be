//! The layer that turns what a handler means into what fits who asked.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{answer::Answer, config::HtmxConfig, document::Reading};

/// Answers htmx 2, htmx 4 and plain browsers from the same handlers.
///
/// - `Vary` names exactly the htmx headers that were looked at.
/// - A redirect reaches htmx as `HX-Redirect`, and a plain browser as 303.
/// - Events, their moments and the swaps of headers and parts are spelled for the version that
///   asked.
/// - An error never lands in a fragment, unless it is one itself and was retargeted, or is a form to
///   mend (422). A whole page stays out, whatever place it was given.
///
/// ```
/// use acton_htmx::{HtmxConfig, HtmxLayer};
/// use axum::{Router, routing::get};
///
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(HtmxLayer::default());
/// # drop(app);
/// ```
#[derive(Clone, Debug, Default)]
pub struct HtmxLayer(Arc<HtmxConfig>);

impl HtmxLayer {
    /// A layer with these settings.
    #[must_use]
    pub fn new(config: HtmxConfig) -> Self {
        Self(Arc::new(config))
    }
}

impl<S> Layer<S> for HtmxLayer {
    type Service = HtmxService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HtmxService {
            inner,
            config: Arc::clone(&self.0),
        }
    }
}

/// The service that [`HtmxLayer`] makes.
#[derive(Clone, Debug)]
pub struct HtmxService<S> {
    inner: S,
    config: Arc<HtmxConfig>,
}

impl<S, B, R> Service<Request<B>> for HtmxService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes> + From<Bytes> + Default + Unpin,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = HtmxFuture<S::Future, R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    // So that the request and its future are not copied from layer to layer.
    #[inline(always)]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let answer = Answer::begin(&mut request, &self.config);
        HtmxFuture {
            inner: self.inner.call(request),
            answer,
            reading: None,
        }
    }
}

pin_project! {
    /// The response of [`HtmxService`].
    #[derive(Debug)]
    pub struct HtmxFuture<F, R> {
        #[pin]
        inner: F,
        answer: Answer,
        // Few answers have to be read, so few have room for it.
        reading: Option<Box<Reading<R>>>,
    }
}

impl<F, R, E> Future for HtmxFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Data = Bytes> + From<Bytes> + Default + Unpin,
{
    type Output = F::Output;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.reading.is_none() {
            let mut response = ready!(this.inner.poll(context))?;
            this.answer.spell_body(&mut response);
            if !Reading::is_needed(&response) {
                return Poll::Ready(Ok(this.answer.finish(response)));
            }
            *this.reading = Some(Box::new(Reading::new(response)));
        }
        let reading = this.reading.as_mut().expect("it has begun");
        let response = ready!(reading.poll(context));
        Poll::Ready(Ok(this.answer.finish(response)))
    }
}
