//! Versions of an API beside pages.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use acton_service::{
    prelude::*,
    versioning::{Date, Deprecation},
};
use axum::{
    body::{Body, to_bytes},
    extract::Request,
};
use tower::ServiceExt;

async fn ask(routes: VersionedRoutes, path: &str) -> Response {
    let service = ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_routes(routes);
    let request = Request::get(path).body(Body::empty()).unwrap();
    service
        .build()
        .into_router()
        .oneshot(request)
        .await
        .unwrap()
}

async fn body(routes: VersionedRoutes, path: &str) -> String {
    let response = ask(routes, path).await;
    let bytes = to_bytes(response.into_body(), 1 << 16).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn twice() -> VersionedRoutes {
    VersionedApiBuilder::new()
        .with_base_path("api/")
        .add_version(ApiVersion::V1, |router| {
            router.route("/a", get(|| async { "a" }))
        })
        .add_version(ApiVersion::V1, |router| {
            router.route("/b", get(|| async { "b" }))
        })
        .add_version(ApiVersion::new(12), |router| {
            router.route("/a", get(|| async { "a12" }))
        })
        .with_frontend_routes(|router| router.route("/c", get(|| async { "c" })))
        .with_frontend_routes(|router| router.route("/d", get(|| async { "d" })))
        .with_fallback(|| async { "elsewhere" })
        .build_routes()
}

#[tokio::test]
async fn routes_added_twice_are_all_there() {
    for (path, expected) in [
        ("/api/v1/a", "a"),
        ("/api/v1/b", "b"),
        ("/c", "c"),
        ("/d", "d"),
    ] {
        assert_eq!(body(twice(), path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn there_may_be_any_number_of_versions() {
    assert_eq!(body(twice(), "/api/v12/a").await, "a12");
}

#[tokio::test]
async fn what_no_route_matches_goes_to_the_fallback() {
    for path in ["/nowhere", "/api/v1/nowhere", "/api/v3/a"] {
        assert_eq!(body(twice(), path).await, "elsewhere", "{path}");
    }
}

#[tokio::test]
async fn state_reaches_the_routes_added_after_it() {
    let routes = VersionedApiBuilder::new()
        .with_frontend_routes(|router| router.route("/before", get(|| async { "before" })))
        .with_state("state")
        .with_frontend_routes(|router| {
            router.route(
                "/after",
                get(|State(state): State<&'static str>| async move { state }),
            )
        })
        .build_routes();
    assert_eq!(body(routes.clone(), "/before").await, "before");
    assert_eq!(body(routes, "/after").await, "state");
}

#[tokio::test]
async fn a_deprecated_version_says_since_when_until_when_and_what_instead() {
    let notice = Deprecation::since(Date::new(2027, 1, 1))
        .sunset(Date::new(2027, 7, 1))
        .successor(ApiVersion::V2);
    let routes = VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| {
            router.route("/a", get(|| async { "a" }))
        })
        .add_version(ApiVersion::V2, |router| {
            router.route("/a", get(|| async { "a" }))
        })
        .deprecated(ApiVersion::V1, notice)
        .build_routes();
    let old = ask(routes.clone(), "/api/v1/a").await;
    assert_eq!(old.headers()["deprecation"], "@1798761600");
    assert_eq!(old.headers()["sunset"], "Thu, 01 Jul 2027 00:00:00 GMT");
    assert_eq!(
        old.headers()["link"],
        "</api/v2>; rel=\"successor-version\""
    );
    assert!(
        !ask(routes, "/api/v2/a")
            .await
            .headers()
            .contains_key("deprecation")
    );
}

#[tokio::test(start_paused = true)]
async fn every_answer_of_a_deprecated_version_says_so_whatever_became_of_the_request() {
    let notice = Deprecation::since(Date::new(2027, 1, 1)).successor(ApiVersion::V2);
    let version = |router: Router| {
        router
            .route("/panics", get(panics))
            .route("/late", get(std::future::pending::<()>))
            .route("/length", post(|body: String| async move { body }))
            .route("/links", get(|| async { [("link", "</style.css>")] }))
    };
    let routes = VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, version)
        .add_version(ApiVersion::new(10), version)
        .deprecated(ApiVersion::V1, notice)
        .with_frontend_routes(|router| router.route("/panics", get(panics)));
    let router = ServiceBuilder::new()
        .with_config(Config::<()>::default())
        .with_routes(routes.build_routes())
        .build()
        .into_router();
    let ask = async |method: &str, path: &str, status: u16, body: String| {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::from(body)).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
        let headers = response.headers();
        let links = headers.get_all("link").iter();
        let links: Vec<_> = links
            .map(|link| link.to_str().unwrap().to_owned())
            .collect();
        (headers.contains_key("deprecation"), links.join(", "))
    };
    let successor = "</api/v2>; rel=\"successor-version\"";
    for (method, path, status, length) in [
        ("GET", "/api/v1/panics", 500, 0),
        ("GET", "/api/v1/late", 503, 0),
        ("GET", "/api/v1/nowhere", 404, 0),
        ("GET", "/api/v1", 404, 0),
        ("DELETE", "/api/v1/panics", 405, 0),
        ("POST", "/api/v1/length", 200, 1),
        ("POST", "/api/v1/length", 413, 3 << 20),
    ] {
        let told = ask(method, path, status, "x".repeat(length)).await;
        assert_eq!(told, (true, successor.to_owned()), "{path}");
        let path = path.replace("v1", "v10");
        let told = ask(method, &path, status, "x".repeat(length)).await;
        assert_eq!(told, (false, String::new()), "{path}");
    }
    let (_, links) = ask("GET", "/api/v1/links", 200, String::new()).await;
    assert_eq!(links, format!("</style.css>, {successor}"));
    let (deprecated, _) = ask("GET", "/panics", 500, String::new()).await;
    assert!(!deprecated);
}

fn of_tenants() -> VersionedRoutes {
    let notice = Deprecation::since(Date::new(2027, 1, 1)).successor(ApiVersion::V2);
    let hello =
        |router: Router| router.route("/a", get(|Path(tenant): Path<String>| async { tenant }));
    VersionedApiBuilder::new()
        .with_base_path("/{tenant}/api")
        .add_version(ApiVersion::V1, hello)
        .add_version(ApiVersion::V2, hello)
        .deprecated(ApiVersion::V1, notice)
        .build_routes()
}

/// Status, body type, `Deprecation` and `Link`.
fn told(response: &Response) -> (u16, &str, bool, &str) {
    let text = |name| {
        let value = response.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap())
    };
    let is_deprecated = response.headers().contains_key("deprecation");
    let status = response.status().as_u16();
    (status, text("content-type"), is_deprecated, text("link"))
}

const PROBLEM: &str = "application/problem+json";

#[tokio::test]
async fn a_base_path_may_have_parameters() {
    assert_eq!(body(of_tenants(), "/acme/api/v1/a").await, "acme");
    let to_v2 = "</acme/api/v2>; rel=\"successor-version\"";
    for (path, status, is_deprecated, link) in [
        ("/acme/api/v1/a", 200, true, to_v2),
        ("/acme/api/v1/nowhere", 404, true, to_v2),
        ("/acme/api/v1", 404, true, to_v2),
        ("/acme/api/v2/a", 200, false, ""),
        ("/acme/api/v2/nowhere", 404, false, ""),
    ] {
        let response = ask(of_tenants(), path).await;
        let kind = if status == 200 {
            "text/plain; charset=utf-8"
        } else {
            PROBLEM
        };
        assert_eq!(
            told(&response),
            (status, kind, is_deprecated, link),
            "{path}"
        );
    }
    for path in [
        "/acme/api/v10/a",
        "//api/v1/a",
        "/acme/apis/v1/a",
        "/acme/x/api/v1/a",
    ] {
        let response = ask(of_tenants(), path).await;
        assert!(!told(&response).2, "{path}");
        assert_ne!(told(&response).1, PROBLEM, "{path}");
    }
}

#[tokio::test]
async fn an_api_inside_another_application_is_still_one() {
    let inner = |routes| {
        let service = ServiceBuilder::new().with_config(Config::<()>::default());
        service.with_routes(routes).build().into_router()
    };
    let outer = Router::new()
        .nest("/inside", inner(of_tenants()))
        .nest("/failing", inner(failing()));
    let ask = async |path: &str| {
        let request = Request::get(path).header("accept", "*/*");
        let request = request.body(Body::empty()).unwrap();
        outer.clone().oneshot(request).await.unwrap()
    };
    let to_v2 = "</inside/acme/api/v2>; rel=\"successor-version\"";
    let response = ask("/inside/acme/api/v1/a").await;
    let text = "text/plain; charset=utf-8";
    assert_eq!(told(&response), (200, text, true, to_v2));
    let response = ask("/failing/api/v1/panics").await;
    assert_eq!(told(&response), (500, PROBLEM, false, ""));
}

#[cfg(feature = "jwt")]
#[tokio::test]
async fn tokens_of_the_api_lock_no_page_and_pages_open_no_api() {
    use acton_service::auth::{BearerLayer, JwtConfig, JwtVerifier};

    let hello = || get(|| async { "hello" });
    // Without a key every token is refused.
    let bearer = BearerLayer::new(JwtVerifier::new(&JwtConfig::default(), None).unwrap());
    let routes = VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| {
            router.route("/me", hello()).layer(bearer)
        })
        .add_version(ApiVersion::V2, |router| router.route("/open", hello()))
        .with_frontend_routes(|router| router.route("/", hello()).route("/api-docs", hello()))
        .build_routes();
    for (path, status) in [
        ("/", 200),
        ("/api-docs", 200),
        ("/api/v1/me", 401),
        ("/api/v2/open", 200),
        ("/health", 200),
    ] {
        let response = ask(routes.clone(), path).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
}

/// An API with every kind of failure, beside a page that fails too.
fn failing() -> VersionedRoutes {
    let fail = |status: StatusCode| get(move || std::future::ready(status));
    VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| {
            router
                .route(
                    "/number",
                    post(|Json(number): Json<u8>| async move { Json(number) }),
                )
                .route("/forbidden", fail(StatusCode::FORBIDDEN))
                .route("/unknown", fail(StatusCode::UNAUTHORIZED))
                .route("/often", fail(StatusCode::TOO_MANY_REQUESTS))
                .route(
                    "/broken",
                    get(|| async { Error::other("SECRET").into_response() }),
                )
                .route("/panics", get(panics))
                .route("/slow", get(stream_of_nothing))
        })
        .with_frontend_routes(|router| router.route("/panics", get(panics)))
        .build_routes()
}

async fn panics() {
    panic!("SECRET");
}

async fn stream_of_nothing() {
    std::future::pending().await
}

async fn answer(request: Request) -> Response {
    let mut config = Config::<()>::default();
    config.limits.request_timeout = std::time::Duration::from_millis(200);
    config.limits.body = 1000;
    let service = ServiceBuilder::new()
        .with_config(config)
        .with_routes(failing());
    service
        .build()
        .into_router()
        .oneshot(request)
        .await
        .unwrap()
}

fn asked(method: &str, path: &str, kind: &str, body: impl Into<Body>) -> Request {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("accept", "*/*");
    request
        .header("content-type", kind)
        .body(body.into())
        .unwrap()
}

#[tokio::test]
async fn every_error_of_the_api_is_a_problem_that_names_the_request() {
    const JSON: &str = "application/json";
    let get = |path| asked("GET", path, JSON, "");
    let post = |kind, body: String| asked("POST", "/api/v1/number", kind, body);
    for (request, expected) in [
        (get("/api/v1/nowhere"), 404),
        (get("/api/v1/number"), 405),
        (post(JSON, "1".repeat(2000)), 413),
        (post("text/csv", "7".into()), 415),
        (post(JSON, "]".into()), 400),
        (post(JSON, "\"SECRET\"".into()), 422),
        (get("/api/v1/unknown"), 401),
        (get("/api/v1/forbidden"), 403),
        (get("/api/v1/often"), 429),
        (get("/api/v1/broken"), 500),
        (get("/api/v1/panics"), 500),
        (get("/api/v1/slow"), 503),
    ] {
        let response = answer(request).await;
        assert_eq!(response.status(), expected);
        let headers = response.headers().clone();
        assert_eq!(
            headers["content-type"], "application/problem+json",
            "{expected}"
        );
        let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
        assert!(
            !String::from_utf8_lossy(&body).contains("SECRET"),
            "{expected}"
        );
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["status"], expected);
        assert_eq!(
            problem["request_id"],
            headers["x-request-id"].to_str().unwrap()
        );
        assert!(problem["title"].is_string() && problem["type"].is_string());
    }
}

#[tokio::test]
async fn a_page_beside_the_api_fails_as_a_page() {
    let request = Request::get("/panics").header("accept", "text/html");
    let response = answer(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/html"), "{kind}");
}

#[cfg(feature = "openapi")]
mod documented {
    use acton_service::openapi::{axum, routes, utoipa};

    use super::*;

    #[derive(serde::Serialize, utoipa::ToSchema)]
    struct Task {
        title: String,
    }

    /// All tasks.
    #[utoipa::path(get, path = "/tasks", responses((status = 200, body = [Task])))]
    async fn list() -> Json<Vec<Task>> {
        let title = "Milk".to_owned();
        Json(vec![Task { title }])
    }

    #[utoipa::path(delete, path = "/tasks/{id}", params(("id" = u32, Path)), responses((status = 204)))]
    async fn remove(Path(id): Path<u32>) -> StatusCode {
        assert_eq!(id, 7);
        StatusCode::NO_CONTENT
    }

    fn documented() -> VersionedRoutes {
        VersionedApiBuilder::new()
            .with_base_path("/api")
            .add_documented_version(ApiVersion::V1, |router| router.routes(routes!(list)))
            .add_documented_version(ApiVersion::V1, |router| router.routes(routes!(remove)))
            .add_documented_version(ApiVersion::V2, |router| router.routes(routes!(list)))
            .deprecated(ApiVersion::V1, Deprecation::since(Date::new(2027, 1, 1)))
            .build_routes()
    }

    async fn document(version: &str) -> serde_json::Value {
        let path = format!("/api/{version}/openapi.json");
        serde_json::from_str(&body(documented(), &path).await).unwrap()
    }

    #[tokio::test]
    async fn a_version_describes_the_routes_that_it_has() {
        assert!(body(documented(), "/api/v1/tasks").await.contains("Milk"));
        let document = document("v1").await;
        assert!(
            document["openapi"].as_str().unwrap().starts_with("3."),
            "{document}"
        );
        assert_eq!(document["info"]["version"], "v1");
        assert_eq!(document["servers"][0]["url"], "/api/v1");
        assert_eq!(document["paths"]["/tasks"]["get"]["summary"], "All tasks.");
        assert!(
            document["paths"]["/tasks/{id}"]["delete"].is_object(),
            "{document}"
        );
        assert!(
            document["components"]["schemas"]["Task"].is_object(),
            "{document}"
        );
    }

    #[tokio::test]
    async fn a_document_below_a_parameter_names_its_server_as_seen_from_there() {
        let routes = VersionedApiBuilder::new()
            .with_base_path("/{tenant}/api")
            .add_documented_version(ApiVersion::V1, |router| router.routes(routes!(list)))
            .build_routes();
        let document = body(routes, "/acme/api/v1/openapi.json").await;
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["servers"][0]["url"], "../v1");
    }

    #[tokio::test]
    async fn operations_of_a_deprecated_version_are_marked() {
        let marked = |document: serde_json::Value| {
            document["paths"]["/tasks"]["get"]["deprecated"] == serde_json::json!(true)
        };
        assert!(marked(document("v1").await));
        assert!(!marked(document("v2").await));
    }

    #[tokio::test]
    async fn the_document_is_json_and_passes_the_same_layers_as_the_rest() {
        let response = ask(documented(), "/api/v1/openapi.json").await;
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["deprecation"], "@1798761600");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
}
