//! A service in twenty lines: one page, one versioned API route, and `/health` and `/ready` for free.
//!
//! ```sh
//! cargo run -p acton-service --example hello
//! curl http://localhost:3000/ http://localhost:3000/api/v1/hello http://localhost:3000/health
//! ```

use acton_service::prelude::*;

fn app() -> ActonService {
    let routes = VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| {
            router.route("/hello", get(|| async { Json("Hello") }))
        })
        .with_frontend_routes(|router| router.route("/", get(|| async { Html("<h1>Hello</h1>") })))
        .build_routes();
    ServiceBuilder::new().with_routes(routes).build()
}

#[tokio::main]
async fn main() -> Result<()> {
    app().serve().await
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use tower::ServiceExt;

    use super::*;

    async fn status(path: &str) -> StatusCode {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = app().into_router().oneshot(request).await;
        answer.unwrap().status()
    }

    #[tokio::test]
    async fn the_page_the_api_and_the_probes_answer() {
        for path in ["/", "/api/v1/hello", "/health", "/ready"] {
            assert_eq!(status(path).await, StatusCode::OK, "{path}");
        }
    }

    #[tokio::test]
    async fn what_does_not_exist_is_not_found() {
        assert_eq!(status("/nowhere").await, StatusCode::NOT_FOUND);
    }
}
