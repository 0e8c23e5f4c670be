//! The layer around an answer, for each who may ask.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use acton_htmx::{HtmxLayer, headers};
use axum_core::response::Response;
use http::{HeaderValue, Request, Uri};
use tower_layer::Layer;
use tower_service::Service;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// htmx 2.
    V2,
    /// htmx 4.
    V4,
}

/// An answer as [`HtmxLayer`] sends it to who asked.
pub fn answered(asker: Asker, uri: Uri, response: Response) -> Response {
    let mut request = Request::new(());
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(headers::HX_REQUEST, HeaderValue::from_static("true"));
    if asker == Asker::V4 {
        headers.insert(headers::HX_SOURCE, HeaderValue::from_static("button"));
    }
    let mut service = HtmxLayer::default().layer(Fixed(Some(response)));
    match crate::ready(service.call(request)) {
        Ok(response) => response,
        Err(impossible) => match impossible {},
    }
}

struct Fixed(Option<Response>);

impl Service<Request<()>> for Fixed {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(self.0.take().expect("one request is made")))
    }
}
