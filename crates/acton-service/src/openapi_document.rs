//! What a version of the API offers, as an OpenAPI document.
//!
//! <https://spec.openapis.org/oas/v3.1.0>

use axum::{Router, routing::get};
use bytes::Bytes;
use http::header;
use utoipa::openapi::{Deprecated, OpenApi, PathItem, Server, path::Operation};
use utoipa_axum::router::OpenApiRouter;

use crate::versioning::ApiVersion;

/// Adds what a second call documents to what is there.
pub(crate) fn merge(earlier: Option<OpenApi>, document: OpenApi) -> OpenApi {
    match earlier {
        Some(earlier) => earlier.merge_from(document),
        None => document,
    }
}

/// Takes routes and their documents apart.
pub(crate) fn split<S: Clone + Send + Sync + 'static>(
    router: OpenApiRouter<S>,
) -> (Router<S>, OpenApi) {
    router.split_for_parts()
}

/// The route `/openapi.json` of a version, which lives under `path`.
pub(crate) fn route<S: Clone + Send + Sync + 'static>(
    mut document: OpenApi,
    version: ApiVersion,
    path: &str,
    is_deprecated: bool,
) -> Router<S> {
    if document.info.title.is_empty() {
        document.info.title = "API".to_owned();
    }
    if document.info.version.is_empty() {
        document.info.version = version.to_string();
    }
    // The paths of the document are those of its routes; where they live is said once.
    let server = || match path.contains('{') {
        // Seen from the document, because each client puts something else into the path.
        true => Server::new(format!("../{version}")),
        false => Server::new(path),
    };
    document.servers.get_or_insert_with(|| vec![server()]);
    if is_deprecated {
        document.paths.paths.values_mut().for_each(deprecate);
    }
    let json = document.to_json().map(Bytes::from);
    let json = json.expect("texts, lists and maps with texts for keys become JSON");
    let answer = move || {
        let json = json.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], json) }
    };
    Router::new().route("/openapi.json", get(answer))
}

fn deprecate(path: &mut PathItem) {
    let operations: [&mut Option<Operation>; 8] = [
        &mut path.get,
        &mut path.put,
        &mut path.post,
        &mut path.delete,
        &mut path.options,
        &mut path.head,
        &mut path.patch,
        &mut path.trace,
    ];
    for operation in operations.into_iter().flatten() {
        operation.deprecated = Some(Deprecated::True);
    }
}
