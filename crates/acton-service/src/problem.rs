//! Errors of the API as problem details, where no error pages do it.
//!
//! With the feature `askama` the error pages give the same answers, and pages to browsers besides.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::{RequestId, versioning::below};

const TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The paths under which errors are problem details.
#[derive(Clone)]
pub(crate) struct ApiPaths(Arc<[String]>);

impl ApiPaths {
    pub(crate) fn new(paths: Vec<String>) -> Self {
        Self(paths.into())
    }

    fn contain(&self, path: &str) -> bool {
        self.0.iter().any(|api| below(path, api).is_some())
    }
}

/// Gives bare errors of the API a body.
///
/// <https://www.rfc-editor.org/rfc/rfc9457>
pub(crate) async fn describe(
    State(paths): State<ApiPaths>,
    request: Request,
    next: Next,
) -> Result<Response, Infallible> {
    let is_api = paths.contain(request.uri().path());
    let id = request.extensions().get::<RequestId>().cloned();
    let response = next.run(request).await;
    Ok(if is_api && is_bare(&response) {
        dress(response, id)
    } else {
        response
    })
}

/// An error without a body of its own; axum's own complaints are plain text.
fn is_bare(response: &Response) -> bool {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    (status.is_client_error() || status.is_server_error())
        && kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}

fn dress(response: Response, id: Option<RequestId>) -> Response {
    let (mut parts, _) = response.into_parts();
    let problem = json!({
        "type": "about:blank",
        "title": parts.status.canonical_reason().unwrap_or("Error"),
        "status": parts.status.as_u16(),
        "detail": detail(parts.status),
        "request_id": id.map(|id| id.to_string()),
    });
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, TYPE);
    parts
        .headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    Response::from_parts(parts, Body::from(problem.to_string()))
}

fn detail(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request could not be understood.",
        StatusCode::UNAUTHORIZED => "A valid token is required.",
        StatusCode::FORBIDDEN => "You may not do this.",
        StatusCode::NOT_FOUND => "There is nothing here.",
        StatusCode::METHOD_NOT_ALLOWED => "This cannot be done here.",
        StatusCode::PAYLOAD_TOO_LARGE => "This is too large.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "The body is of a kind that is not taken here.",
        StatusCode::UNPROCESSABLE_ENTITY => "The body does not fit.",
        StatusCode::TOO_MANY_REQUESTS => "That was too often. Please try again later.",
        StatusCode::SERVICE_UNAVAILABLE => "The service is busy. Please try again later.",
        status if status.is_client_error() => "The request cannot be answered.",
        _ => "Something went wrong on our side.",
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, body::to_bytes, middleware, routing::post};
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn ask(request: http::request::Builder, body: &'static str) -> (u16, String, String) {
        let take = |_: Json<u8>| async { "taken" };
        let own = || async { (StatusCode::CONFLICT, Json("mine")) };
        let paths = ApiPaths::new(vec!["/api/v1".to_owned()]);
        let router = Router::new()
            .route("/api/v1/take", post(take))
            .route("/api/v1/own", post(own))
            .layer(middleware::from_fn_with_state(paths, describe));
        let request = request.body(Body::from(body)).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let kind = response.headers().get(header::CONTENT_TYPE);
        let kind = kind.map(|kind| kind.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        (status, kind.unwrap_or_default(), body)
    }

    fn json(path: &str) -> http::request::Builder {
        Request::post(path).header("content-type", "application/json")
    }

    #[tokio::test]
    async fn a_bare_error_of_the_api_is_a_problem_and_nothing_else_is_touched() {
        for (request, body, expected) in [
            (Request::get("/api/v1/take"), "", 405),
            (Request::post("/api/v1/take"), "7", 415),
            (json("/api/v1/take"), "]", 400),
            (json("/api/v1/take"), "\"seven\"", 422),
            (Request::get("/api/v1/nowhere"), "", 404),
        ] {
            let (status, kind, body) = ask(request, body).await;
            assert_eq!(
                (status, kind.as_str()),
                (expected, "application/problem+json")
            );
            let problem: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(problem["status"], expected);
            assert!(problem["title"].is_string() && problem["detail"].is_string());
            assert!(!body.contains("seven"), "{body}");
        }
        assert_eq!(ask(json("/api/v1/take"), "7").await.2, "taken");
        assert_eq!(ask(json("/api/v1/own"), "").await.2, "\"mine\"");
        let (status, kind, _) = ask(Request::get("/api/v11/take"), "").await;
        assert_eq!((status, kind.as_str()), (404, ""));
    }
}
