//! The throttle for logins that the configuration asks for.

#[cfg(feature = "cache")]
use crate::redis::SharedPool;
use crate::{
    auth::{Throttle, ThrottleStorage},
    config::{Config, ConfigError},
};

/// The throttle, with its store connected or connecting.
pub(crate) fn throttle(
    config: &Config,
    #[cfg(feature = "cache")] redis: &mut SharedPool<'_>,
) -> Result<Throttle, ConfigError> {
    match config.throttle.storage {
        ThrottleStorage::Memory => Ok(Throttle::new(&config.throttle)),
        #[cfg(feature = "cache")]
        ThrottleStorage::Redis => {
            let failures = crate::auth::RedisFailures::new(redis.get()?);
            Ok(Throttle::with_store(&config.throttle, failures))
        }
        _ => Err(ConfigError::new(
            "the setting `throttle.storage` names a store whose feature is off; `redis` needs `cache`",
        )),
    }
}

/// What the throttle counts.
#[cfg(feature = "metrics")]
pub(crate) fn counters(throttle: &Throttle) -> [crate::metrics::Gauge; 2] {
    use crate::metrics::Gauge;

    let (failed, refused) = (throttle.clone(), throttle.clone());
    [
        Gauge::counter(
            "acton_login_failures_total",
            "Logins that failed.",
            move || failed.failures() as f64,
        ),
        Gauge::counter(
            "acton_login_refusals_total",
            "Logins that were refused because too many had failed.",
            move || refused.refusals() as f64,
        ),
    ]
}
