//! The broadcaster that the configuration asks for.

use std::sync::Arc;

use crate::{
    config::{Config, ConfigError},
    health::Check,
    server::Shutdown,
    sse::{BackplaneKind, SseBroadcaster},
};
#[cfg(feature = "sse-redis")]
use crate::{redis::SharedPool, sse::RedisBackplane};

/// A broadcaster that closes with the service.
pub(crate) fn broadcaster(
    config: &Config,
    shutdown: &Shutdown,
    #[cfg(feature = "sse-redis")] redis: &mut SharedPool<'_>,
) -> Result<Arc<SseBroadcaster>, ConfigError> {
    let broadcaster = match config.sse.backplane {
        BackplaneKind::Memory => SseBroadcaster::from_config(&config.sse),
        #[cfg(feature = "sse-redis")]
        BackplaneKind::Redis => {
            let backplane = RedisBackplane::new(redis.get()?, &config.sse);
            SseBroadcaster::with_backplane(&config.sse, backplane)
        }
        _ => {
            return Err(ConfigError::new(
                "the setting `sse.backplane` names a backplane whose feature is off; `redis` needs `sse-redis`",
            ));
        }
    };
    let broadcaster = Arc::new(broadcaster);
    let closing = Arc::clone(&broadcaster);
    shutdown.at_close(move |spread| {
        closing.shutdown_within(spread);
        let left = Left(closing);
        async move { left.0.flushed().await }
    });
    Ok(broadcaster)
}

/// Says at the end how many messages only this instance has heard.
struct Left(Arc<SseBroadcaster>);

impl Drop for Left {
    fn drop(&mut self) {
        let lost = self.0.unsent();
        if lost > 0 {
            tracing::error!(lost, "messages are lost to the browsers of other instances");
        }
    }
}

/// Whether the other instances hear us; nothing to ask where there is only this one.
pub(crate) fn check(config: &Config, broadcaster: &Arc<SseBroadcaster>) -> Option<Check> {
    let broadcaster = Arc::clone(broadcaster);
    let ask = move || {
        let connected = broadcaster.is_connected();
        async move { connected.then_some(()).ok_or("not connected") }
    };
    (config.sse.backplane != BackplaneKind::Memory).then(|| Check::new("live updates", ask))
}
