//! The session layer that the configuration asks for.

#[cfg(feature = "session-redis")]
use crate::redis::SharedPool;
use crate::{
    config::{Config, ConfigError},
    health::Check,
    session::{self, SessionLayer, Storage, Store},
};

/// The layer, with its store connected or connecting.
pub(crate) fn layer(
    config: &Config,
    #[cfg(feature = "session-redis")] redis: &mut SharedPool<'_>,
) -> Result<SessionLayer, ConfigError> {
    let origin = Some(config.service.public_origin.as_str());
    let store = match config.session.storage {
        #[cfg(feature = "session-memory")]
        Storage::Memory => Store::memory(),
        #[cfg(feature = "session-redis")]
        Storage::Redis => Store::redis(redis.get()?),
        _ => {
            return Err(ConfigError::new(
                "the setting `session.storage` names a store whose feature is off; \
             `memory` needs `session-memory`, `redis` needs `session-redis`",
            ));
        }
    };
    SessionLayer::try_new(&config.session, &config.csrf, origin, store).map_err(sentence)
}

/// Whether the store is there; nothing to ask where it is this process.
pub(crate) fn check(config: &Config, layer: &SessionLayer) -> Option<Check> {
    let store = layer.store().clone();
    let ping = move || {
        let store = store.clone();
        async move { store.ping().await }
    };
    (config.session.storage != Storage::Memory).then(|| Check::new("sessions", ping))
}

/// How the store answers; nothing where sessions are in this process.
#[cfg(feature = "metrics")]
pub(crate) fn counters(layer: &SessionLayer) -> [crate::metrics::Gauge; 4] {
    use crate::{metrics::Gauge, session::StoreStats};

    let counter = |name, help, read: fn(StoreStats) -> f64| {
        let store = layer.store().clone();
        Gauge::counter(name, help, move || read(store.stats()))
    };
    [
        counter(
            "acton_session_store_operations_total",
            "Sessions read from the store, written or deleted.",
            |stats| stats.operations as f64,
        ),
        counter(
            "acton_session_store_failures_total",
            "Those of them that failed.",
            |stats| stats.failures as f64,
        ),
        counter(
            "acton_session_store_seconds_total",
            "Seconds that they took together.",
            |stats| stats.time.as_secs_f64(),
        ),
        latency(layer.store().clone()),
    ]
}

#[cfg(feature = "metrics")]
fn latency(store: Store) -> crate::metrics::Gauge {
    use crate::{
        metrics::{Buckets, Gauge},
        session::StoreStats,
    };

    let bounds = StoreStats::BOUNDS.map(|bound| bound.as_secs_f64());
    Gauge::histogram(
        "acton_session_store_duration_seconds",
        "How long the store took for one session.",
        move || {
            let stats = store.stats();
            let bounds = bounds.into_iter().chain([f64::INFINITY]);
            Buckets {
                counts: bounds.zip(stats.buckets).collect(),
                seconds: stats.time.as_secs_f64(),
            }
        },
    )
}

/// The value stays untold, as everywhere.
fn sentence(error: session::ConfigError) -> ConfigError {
    let problem = match error {
        session::ConfigError::Origin { key, .. } => {
            format!("`{key}` is not an origin such as https://example.org")
        }
        session::ConfigError::Path { key, .. } => format!("`{key}` is not a path of this site"),
        session::ConfigError::ZeroLifetime(key) => format!("`session.{key}` must not be zero"),
        session::ConfigError::SameSiteNone => {
            "`session.same_site` lets other sites send the cookie, which needs a \
             `service.public_origin` with https"
                .to_owned()
        }
        other => return ConfigError::new(other.to_string()),
    };
    ConfigError::new(format!("the setting {problem}"))
}
