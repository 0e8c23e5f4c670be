//! From routes and settings to a running service.

mod assemble;
mod config;
mod service;

use std::fmt::Display;
#[cfg(feature = "sse")]
use std::sync::Arc;

use axum::{Router, extract::Request, response::IntoResponse, routing::Route};
use tower::{Layer, Service};

pub use config::ServiceConfig;
#[cfg(feature = "metrics")]
pub(crate) use config::{address, networks};
pub use service::{ActonService, BoundService};

use crate::{
    Result,
    config::Config,
    health::Check,
    layers,
    server::{Listener, Trigger},
    versioning::VersionedRoutes,
};

/// Puts routes, settings and everything around them together.
///
/// ```no_run
/// use acton_service::prelude::*;
/// use acton_service::versioning::VersionedApiBuilder;
///
/// #[tokio::main]
/// async fn main() -> Result<()> {
///     let routes = VersionedApiBuilder::new()
///         .with_frontend_routes(|router| router.route("/", get(|| async { Html("<h1>Hello</h1>") })))
///         .build_routes();
///
///     ServiceBuilder::new().with_routes(routes).build().serve().await
/// }
/// ```
#[must_use = "nothing is served before build().serve().await"]
pub struct ServiceBuilder {
    config: Option<Config>,
    routes: Router,
    checks: Vec<Check>,
    layers: Vec<Box<dyn FnOnce(Router) -> Router + Send>>,
    listener: Option<Listener>,
    trigger: Trigger,
    version: Option<String>,
    parts: layers::Parts,
    #[cfg(feature = "metrics")]
    metrics: bool,
    #[cfg(feature = "metrics")]
    gauges: Vec<crate::metrics::Gauge>,
    api: Vec<String>,
    #[cfg(feature = "cache")]
    redis: bool,
    #[cfg(feature = "auth")]
    throttle: bool,
    #[cfg(any(feature = "session-memory", feature = "session-redis"))]
    sessions: bool,
    #[cfg(feature = "sse")]
    live: crate::live::Live,
}

impl ServiceBuilder {
    /// No routes yet; the configuration is loaded when built.
    pub fn new() -> Self {
        Self {
            config: None,
            routes: Router::new(),
            checks: Vec::new(),
            layers: Vec::new(),
            listener: None,
            trigger: Trigger::Signals,
            version: None,
            parts: layers::Parts::default(),
            #[cfg(feature = "metrics")]
            metrics: false,
            #[cfg(feature = "metrics")]
            gauges: Vec::new(),
            api: Vec::new(),
            #[cfg(feature = "cache")]
            redis: false,
            #[cfg(feature = "auth")]
            throttle: false,
            #[cfg(any(feature = "session-memory", feature = "session-redis"))]
            sessions: false,
            #[cfg(feature = "sse")]
            live: crate::live::Live::default(),
        }
    }

    /// Uses these settings instead of loading them.
    pub fn with_config<T>(mut self, config: Config<T>) -> Self {
        self.config = Some(config.without_app());
        self
    }

    /// Serves these routes; a second call replaces those of the first.
    ///
    /// [`VersionedApiBuilder`](crate::versioning::VersionedApiBuilder) merges what it is given in several calls.
    pub fn with_routes(mut self, routes: VersionedRoutes) -> Self {
        self.routes = routes.router;
        self.api = routes.api;
        self.parts.notices = routes.notices;
        self
    }

    /// Hands a value to every handler, as `Extension<S>`.
    ///
    /// For axum's `State<S>` give it to [`VersionedApiBuilder::with_state`](crate::versioning::VersionedApiBuilder::with_state).
    pub fn with_state<S: Clone + Send + Sync + 'static>(mut self, state: S) -> Self {
        self.parts.states.add(state);
        self
    }

    /// Puts a layer around all routes and the fallback, inside the service's own layers; a later one goes around the
    /// earlier ones.
    pub fn with_layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<std::convert::Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.layers.push(Box::new(|router| router.layer(layer)));
        self
    }

    /// Makes `/ready` ask for something the service depends on.
    ///
    /// `name` is shown to whoever asks; the error is only logged. No answer within 2 seconds counts as an error.
    pub fn with_readiness_check<F, Fut, E>(mut self, name: &str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        self.checks.push(Check::new(name, check));
        self
    }

    /// Puts sessions and CSRF protection around all routes, as `[session]` and `[csrf]` say.
    ///
    /// The store becomes a readiness check.
    ///
    /// It takes the place of a `session_layer` around the routes. With both, one of the two needs its CSRF protection
    /// switched off, because each knows the tokens of its own sessions alone.
    #[cfg(any(feature = "session-memory", feature = "session-redis"))]
    pub fn with_sessions(mut self) -> Self {
        self.sessions = true;
        self
    }

    /// Makes a broadcaster as `[sse]` says and hands it to every handler, as `Extension<Arc<SseBroadcaster>>`.
    ///
    /// It closes when the service stops. A `TemplateContext` that a handler takes knows where its topics stood before:
    /// `ctx.cursor()`.
    #[cfg(feature = "sse")]
    pub fn with_sse(mut self) -> Self {
        self.live = crate::live::Live::Configured;
        self
    }

    /// As [`with_sse`](Self::with_sse), with a broadcaster that the application made, for what is published outside of
    /// handlers. `[sse]` says nothing about it.
    ///
    /// ```
    /// use acton_service::prelude::*;
    ///
    /// # fn tick(_: Arc<SseBroadcaster>) {}
    /// let broadcaster = Arc::new(SseBroadcaster::new());
    /// tick(Arc::clone(&broadcaster));
    /// let service = ServiceBuilder::new().with_broadcaster(broadcaster);
    /// ```
    #[cfg(feature = "sse")]
    pub fn with_broadcaster(mut self, broadcaster: Arc<crate::sse::SseBroadcaster>) -> Self {
        self.live = crate::live::Live::Given(broadcaster);
        self
    }

    /// Makes a throttle for logins as `[throttle]` says and hands it to every handler, as `Extension<Throttle>`.
    #[cfg(feature = "auth")]
    pub fn with_throttle(mut self) -> Self {
        self.throttle = true;
        self
    }

    /// Hands the Redis pool to every handler, as `Extension<fred::clients::Pool>`, and to `/ready`.
    ///
    /// It is the pool that sessions and live updates use too.
    #[cfg(feature = "cache")]
    pub fn with_redis(mut self) -> Self {
        self.redis = true;
        self
    }

    /// Hands the database to every handler, as the extractor [`Database`](crate::Database), and to `/ready`.
    #[cfg(any(feature = "database", feature = "sqlite"))]
    pub fn with_database(self, database: crate::Database) -> Self {
        let pinged = database.clone();
        let ping = move || {
            let database = pinged.clone();
            async move { database.ping().await }
        };
        self.with_readiness_check("database", ping)
            .with_state(database)
    }

    /// Hands the Turso database to every handler, as the extractor [`Turso`](crate::Turso), and to `/ready`.
    #[cfg(feature = "turso")]
    pub fn with_turso(self, database: crate::Turso) -> Self {
        let pinged = database.clone();
        let ping = move || {
            let database = pinged.clone();
            async move { database.ping().await }
        };
        self.with_readiness_check("turso", ping)
            .with_state(database)
    }

    /// Hands the queue for passwords to every handler, as `Extension<Passwords>`, and to `/metrics`.
    #[cfg(feature = "auth")]
    pub fn with_passwords(mut self, passwords: crate::auth::Passwords) -> Self {
        #[cfg(feature = "metrics")]
        {
            let asked = passwords.clone();
            self.gauges.push(crate::metrics::Gauge::new(
                "acton_password_queue",
                "Passwords being hashed or waiting for it.",
                move || asked.waiting() as f64,
            ));
        }
        self = self.with_state(passwords);
        self
    }

    /// Shows errors in the application's own words and design.
    #[cfg(feature = "askama")]
    pub fn with_error_pages(mut self, pages: crate::templates::ErrorPages) -> Self {
        self.parts.error_pages = pages;
        self
    }

    /// Answers `/metrics` as Prometheus reads it: requests by route, how long they took, what is open, and what the
    /// session store, the throttle and the passwords of this service count.
    ///
    /// `[metrics]` says where, and to whom.
    #[cfg(feature = "metrics")]
    pub fn with_metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    /// Adds a number to `/metrics`, asked for each time it is shown.
    #[cfg(feature = "metrics")]
    pub fn with_gauge(
        mut self,
        name: &str,
        help: &str,
        number: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.metrics = true;
        self.gauges
            .push(crate::metrics::Gauge::new(name, help, number));
        self
    }

    /// Compresses answers for browsers that ask for it; event streams stay as they are.
    ///
    /// Answers shorter than 32 bytes, images, and what is already encoded are sent as they are.
    #[cfg(feature = "compression")]
    pub fn with_compression(mut self) -> Self {
        self.parts.compression = true;
        self
    }

    /// Listens here instead of where `[service]` says: tokio's `TcpListener`, or on Unix its `UnixListener`.
    pub fn with_listener(mut self, listener: impl Into<Listener>) -> Self {
        self.listener = Some(listener.into());
        self
    }

    /// Stops when this future resolves, instead of at SIGTERM or Ctrl-C.
    ///
    /// The process is then the application's own: work that blocks is not cut off by leaving it.
    pub fn with_shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.trigger = Trigger::Future(Box::pin(signal));
        self
    }

    /// Tells `/health` the version of the application: `.with_version(env!("CARGO_PKG_VERSION"))`.
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Puts everything together; what is wrong is told by [`ActonService::serve`].
    pub fn build(self) -> ActonService {
        ActonService(self.assemble())
    }

    /// As [`ServiceBuilder::build`], and tells at once what is wrong.
    ///
    /// # Errors
    ///
    /// A configuration that cannot be used, or routes that cannot be served together.
    pub fn try_build(self) -> Result<ActonService> {
        Ok(ActonService(Ok(self.assemble()?)))
    }
}

impl Default for ServiceBuilder {
    fn default() -> Self {
        Self::new()
    }
}
