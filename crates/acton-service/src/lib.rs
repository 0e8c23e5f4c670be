//! The hypermedia web stack for axum: htmx, Askama, sessions, live updates and the service around them.
//!
//! ```no_run
//! use acton_service::prelude::*;
//!
//! #[tokio::main]
//! async fn main() -> Result<()> {
//!     let routes = VersionedApiBuilder::new()
//!         .with_base_path("/api")
//!         .add_version(ApiVersion::V1, |router| router.route("/data", get(|| async { "data" })))
//!         .with_frontend_routes(|router| router.route("/", get(|| async { Html("<h1>Hello</h1>") })))
//!         .build_routes();
//!
//!     ServiceBuilder::new().with_routes(routes).build().serve().await
//! }
//! ```
//!
//! [`versioning`] collects routes, [`ServiceBuilder`] puts the service around them, [`Config`] holds its settings.
//! `layers` is what every request passes; `server` listens, limits and stops.
//!
//! # Features
#![cfg_attr(
    feature = "document-features",
    doc = document_features::document_features!()
)]

extern crate self as acton_service; // lets the derive name this crate from inside it

pub mod prelude;

mod config;
mod service_builder;
pub mod versioning;

mod layers;

mod access_log;
mod admission;
mod bell;
mod cause;
mod content_type;
mod frame;
mod guard;
mod operators;
mod request;
mod reserved;
mod security_headers;
mod server;
mod states;

mod cors;
mod health;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(any(test, not(feature = "askama")))]
mod problem;
mod pulse;
mod rate_limit;
pub mod telemetry;

#[cfg(feature = "openapi")]
mod openapi_document;

#[cfg(any(feature = "database", feature = "sqlite"))]
mod database;
#[cfg(feature = "sse")]
mod live;
mod log;
#[cfg(feature = "cache")]
mod redis;
#[cfg(any(feature = "session-memory", feature = "session-redis"))]
mod sessions;
#[cfg(feature = "auth")]
mod throttle;
#[cfg(feature = "turso")]
mod turso_pool;

mod error;

#[cfg(any(feature = "auth", feature = "jwt"))]
#[doc(inline)]
pub use acton_auth as auth;
#[cfg(feature = "forms")]
#[doc(inline)]
pub use acton_forms as forms;
#[cfg(feature = "htmx")]
#[doc(inline)]
pub use acton_htmx as htmx;
#[cfg(feature = "session")]
#[doc(inline)]
pub use acton_session as session;
#[cfg(feature = "sse")]
#[doc(inline)]
pub use acton_sse as sse;
#[cfg(feature = "askama")]
#[doc(inline)]
pub use acton_templates as templates;
#[cfg(feature = "askama")]
#[doc(no_inline)]
pub use acton_templates::askama;
#[cfg(feature = "cache")]
#[doc(no_inline)]
pub use fred;
#[cfg(any(feature = "database", feature = "sqlite"))]
#[doc(no_inline)]
pub use sqlx;
#[cfg(feature = "turso")]
#[doc(no_inline)]
pub use turso;

/// What handlers and their routes are documented with: utoipa and its router for axum.
///
/// `routes!` and utoipa's macros write `utoipa::` and `axum::`, so a file that uses them names both:
/// `use acton_service::openapi::{OpenApiRouter, axum, routes, utoipa};`.
///
/// See [`VersionedApiBuilder::add_documented_version`].
#[cfg(feature = "openapi")]
pub mod openapi {
    #[doc(no_inline)]
    pub use axum;
    #[doc(no_inline)]
    pub use utoipa;
    #[doc(no_inline)]
    pub use utoipa_axum::{router::OpenApiRouter, routes};
}

pub use config::{Config, ConfigError};
pub use cors::CorsConfig;
#[cfg(any(feature = "database", feature = "sqlite"))]
pub use database::{Database, DatabaseConfig, DatabaseKind};
pub use error::Error;
pub use limits::LimitsConfig;
#[cfg(feature = "metrics")]
pub use metrics::MetricsConfig;
pub use rate_limit::{Rate, RateLimit, RateLimitService};
#[cfg(feature = "cache")]
pub use redis::RedisConfig;
pub use request::{BodyLimit, BodyLimitService, ClientAddr, RequestId};
#[cfg(feature = "tls")]
pub use server::TlsConfig;
pub use server::{Listener, ShutdownConfig};
pub use service_builder::{ActonService, BoundService, ServiceBuilder, ServiceConfig};
#[cfg(feature = "turso")]
pub use turso_pool::{Turso, TursoConfig, TursoConnection, TursoMigration};
pub use versioning::{ApiVersion, VersionedApiBuilder, VersionedRoutes};

/// `Result<()>` for `main` and handlers, and `Result<A, B>` as everywhere.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The guides; their code is compiled and run as doc-tests.
#[cfg(all(
    doctest,
    feature = "htmx-full",
    feature = "auth",
    feature = "jwt",
    feature = "metrics",
    feature = "openapi",
    feature = "otel",
    feature = "sqlite",
    feature = "turso"
))]
mod guides {
    macro_rules! guides {
        ($($name:ident),+ $(,)?) => {
            $(
                #[doc = include_str!(concat!("../../../docs/", stringify!($name), ".md"))]
                mod $name {}
            )+
        };
    }
    guides!(
        api,
        auth,
        configuration,
        database,
        forms,
        htmx,
        observability,
        performance,
        service,
        session,
        sse,
        templates
    );

    #[doc = include_str!("../../../README.md")]
    mod readme {}
}
