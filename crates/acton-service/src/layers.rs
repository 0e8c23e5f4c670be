//! What every request passes on its way in, and every answer on its way out, in one place.

use axum::Router;
#[cfg(any(
    feature = "session",
    feature = "session-memory",
    feature = "session-redis"
))]
use tower::util::option_layer;

use crate::{
    admission::AdmissionLayer, config::Config, frame::FrameLayer, guard::GuardLayer,
    operators::Operators, server::Shutdown, states::States, versioning::Notices,
};

/// What the builder adds to the stack.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) admission: AdmissionLayer,
    pub(crate) notices: Notices,
    pub(crate) operators: Operators,
    pub(crate) states: States,
    #[cfg(not(feature = "askama"))]
    pub(crate) api: Vec<String>,
    #[cfg(feature = "askama")]
    pub(crate) error_pages: crate::templates::ErrorPages,
    #[cfg(feature = "metrics")]
    pub(crate) metrics: Option<crate::metrics::Metrics>,
    #[cfg(feature = "compression")]
    pub(crate) compression: bool,
    #[cfg(any(feature = "session-memory", feature = "session-redis"))]
    pub(crate) sessions: Option<crate::session::SessionLayer>,
}

/// Puts the whole stack around every route and fallback; outermost first.
///
/// It is one `Router::layer`, so that axum boxes each route once more and not once per line; and what the layers do on the
/// way in is inlined, so that a request and its future are not copied from line to line.
pub(crate) fn apply(routes: Router, config: &Config, shutdown: Shutdown, parts: Parts) -> Router {
    let routes = routes.layer((
        // Every answer has an id, a log line and careful headers, whoever made it.
        FrameLayer::new(
            config,
            parts.notices,
            parts.states,
            shutdown,
            #[cfg(feature = "metrics")]
            parts.metrics,
        ),
        // Preflights are answered before anything asks who is calling.
        config.cors.layer(),
        // Sees the final answer, and says it in the htmx that asked.
        #[cfg(feature = "htmx")]
        crate::htmx::HtmxLayer::new(config.htmx.clone()),
        // A bare status becomes a page, a fragment or JSON; also those of the line below.
        #[cfg(feature = "askama")]
        parts.error_pages.layer(),
        #[cfg(not(feature = "askama"))]
        axum::middleware::from_fn_with_state(
            crate::problem::ApiPaths::new(parts.api),
            crate::problem::describe,
        ),
        // A service that is too busy, or asked too often, says so at once.
        parts.admission,
        // Limits and panics, around everything that belongs to the application.
        GuardLayer::new(config, parts.operators.clone()),
        // Innermost, so that a refused or timed-out request has saved nothing.
        #[cfg(any(feature = "session-memory", feature = "session-redis"))]
        option_layer(parts.sessions),
        // Inside the sessions, because they know who asks.
        #[cfg(feature = "session")]
        option_layer(user_limit(config, parts.operators)),
    ));
    // Outermost, and only where it is asked for, because it has to look at every body.
    #[cfg(feature = "compression")]
    if parts.compression {
        return routes.layer(tower_http::compression::CompressionLayer::new());
    }
    routes
}

#[cfg(feature = "session")]
fn user_limit(config: &Config, operators: Operators) -> Option<crate::RateLimit> {
    let limit = config
        .limits
        .requests_per_user
        .map(crate::RateLimit::per_user);
    limit.map(|limit| limit.sparing(operators))
}
