//! What happens to those who ask too often, and to everybody when too much is asked.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod load;
#[cfg(feature = "metrics")]
mod operators;
mod rates;
#[cfg(feature = "jwt")]
mod tokens;

use std::net::{IpAddr, SocketAddr};

use acton_service::prelude::*;
use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, Request},
};
use tower::ServiceExt;

fn service(change: impl FnOnce(&mut Config), routes: VersionedRoutes) -> ServiceBuilder {
    let mut config = Config::default();
    change(&mut config);
    ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes)
}

fn get_from(address: &str, path: &str) -> http::request::Builder {
    let address: IpAddr = address.parse().unwrap();
    Request::get(path)
        .header("host", "localhost")
        .extension(ConnectInfo(SocketAddr::new(address, 40_000)))
}

async fn ask(router: &Router, request: http::request::Builder) -> Response {
    let request = request.body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

async fn status(router: &Router, request: http::request::Builder) -> u16 {
    ask(router, request).await.status().as_u16()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}
