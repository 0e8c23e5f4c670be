use acton_htmx::{Htmx, HtmxContext};
use axum_core::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::request::Parts;

use super::{CspNonce, CursorSource, TemplateContext};

#[cfg(feature = "session")]
use super::flash::Flash;

/// The session store is down, so the context cannot say who is logged in: 503 with `Retry-After`.
#[derive(Debug)]
pub struct ContextRejection(#[cfg(feature = "session")] acton_session::Error);

impl IntoResponse for ContextRejection {
    #[cfg(feature = "session")]
    fn into_response(self) -> Response {
        self.0.into_response()
    }

    #[cfg(not(feature = "session"))]
    fn into_response(self) -> Response {
        http::StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for TemplateContext {
    type Rejection = ContextRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ContextRejection> {
        let context = TemplateContext::of(parts);
        session(context, parts, state).await
    }
}

impl TemplateContext {
    /// What a request says without its session.
    fn of(parts: &Parts) -> Self {
        let htmx = HtmxContext::of(&parts.extensions);
        let uri = htmx.map_or(&parts.uri, HtmxContext::original_uri);
        Self {
            path: uri.path().to_owned(),
            nonce: CspNonce::of(parts),
            cursor: CursorSource::now(&parts.extensions),
            htmx: Htmx::from_headers(&parts.headers),
            request: htmx.cloned(),
            ..Self::default()
        }
    }
}

#[cfg(feature = "session")]
async fn session<S: Send + Sync>(
    context: TemplateContext,
    parts: &mut Parts,
    state: &S,
) -> Result<TemplateContext, ContextRejection> {
    use acton_htmx::HtmxConfig;
    use acton_session::PageSession;
    use axum_core::extract::OptionalFromRequestParts;

    let config = HtmxContext::of(&parts.extensions).map(HtmxContext::config);
    let target = config.map_or_else(
        || HtmxConfig::default().flash_target,
        |config| config.flash_target.clone(),
    );
    let page = <PageSession as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await;
    Ok(match page.map_err(ContextRejection)? {
        None => context,
        Some(page) => TemplateContext {
            user: page.user_id().map(ToOwned::to_owned),
            roles: page.roles().to_vec(),
            csrf: Some(page.csrf().into()),
            flash: Flash::waiting(page.flash(), target),
            ..context
        },
    })
}

#[cfg(not(feature = "session"))]
async fn session<S: Send + Sync>(
    context: TemplateContext,
    _: &mut Parts,
    _: &S,
) -> Result<TemplateContext, ContextRejection> {
    Ok(context)
}
