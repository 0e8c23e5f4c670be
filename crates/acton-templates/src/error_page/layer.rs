use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{Asker, ErrorPages};

/// Puts [`ErrorPages`] around a service.
#[derive(Clone, Debug)]
pub struct ErrorPagesLayer {
    pages: Arc<ErrorPages>,
}

/// What [`ErrorPagesLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct ErrorPagesService<S> {
    inner: S,
    pages: Arc<ErrorPages>,
}

impl ErrorPagesLayer {
    /// A layer that shows these pages.
    #[must_use]
    pub fn new(pages: ErrorPages) -> Self {
        Self {
            pages: Arc::new(pages),
        }
    }
}

impl<S> Layer<S> for ErrorPagesLayer {
    type Service = ErrorPagesService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ErrorPagesService {
            inner,
            pages: Arc::clone(&self.pages),
        }
    }
}

impl<S, B, R> Service<Request<B>> for ErrorPagesService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ErrorPagesFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    // So that the request and its future are not copied from layer to layer.
    #[inline(always)]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let asker = Asker::of(&request, &self.pages);
        ErrorPagesFuture {
            inner: self.inner.call(request),
            pages: Arc::clone(&self.pages),
            asker,
        }
    }
}

pin_project! {
    /// The answer of an [`ErrorPagesService`].
    #[derive(Debug)]
    pub struct ErrorPagesFuture<F> {
        #[pin]
        inner: F,
        pages: Arc<ErrorPages>,
        asker: Asker,
    }
}

impl<F, R, E> Future for ErrorPagesFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: From<String>,
{
    type Output = F::Output;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(context))?;
        Poll::Ready(Ok(this.pages.dress(this.asker, response)))
    }
}
