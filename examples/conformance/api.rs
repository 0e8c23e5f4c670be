//! An API for programs, which carry a bearer token and no cookie.

use acton_service::auth::{BearerLayer, Claims};
use acton_service::prelude::*;
use serde_json::{Value, json};

pub(crate) fn routes(router: Router) -> Router {
    router.route("/me", get(me))
}

/// The layer that the `[jwt]` section describes.
pub(crate) fn bearer(config: &Config) -> Result<BearerLayer> {
    Ok(BearerLayer::new(config.jwt_verifier()?))
}

async fn me(claims: Claims) -> Json<Value> {
    Json(json!({ "sub": claims.sub }))
}
