//! The broadcaster of the service.

use std::sync::Arc;

use crate::{
    config::{Config, ConfigError},
    health::Check,
    server::Shutdown,
    sse::{BackplaneKind, SseBroadcaster, SseConfig},
};
#[cfg(feature = "sse-redis")]
use crate::{redis::SharedPool, sse::RedisBackplane};

/// Which broadcaster the service has.
#[derive(Default)]
pub(crate) enum Live {
    #[default]
    Off,
    /// One that is made as `[sse]` says.
    Configured,
    /// One that the application made.
    Given(Arc<SseBroadcaster>),
}

impl Live {
    /// Whether there are no other instances that could be out of reach.
    pub(crate) fn is_alone(&self, config: &Config) -> bool {
        matches!(self, Self::Configured) && config.sse.backplane == BackplaneKind::Memory
    }

    pub(crate) fn broadcaster(
        self,
        config: &Config,
        #[cfg(feature = "sse-redis")] redis: &mut SharedPool<'_>,
    ) -> Result<Option<Arc<SseBroadcaster>>, ConfigError> {
        Ok(match self {
            Self::Off => None,
            Self::Configured => {
                let broadcaster = configured(
                    config,
                    #[cfg(feature = "sse-redis")]
                    redis,
                )?;
                Some(Arc::new(broadcaster))
            }
            Self::Given(broadcaster) => Some(broadcaster),
        })
    }
}

fn configured(
    config: &Config,
    #[cfg(feature = "sse-redis")] redis: &mut SharedPool<'_>,
) -> Result<SseBroadcaster, ConfigError> {
    Ok(match config.sse.backplane {
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
    })
}

/// Closes it with the service.
pub(crate) fn close_with(shutdown: &Shutdown, broadcaster: &Arc<SseBroadcaster>) {
    let closing = Arc::clone(broadcaster);
    shutdown.at_close(move |spread| {
        closing.shutdown_within(spread);
        let left = Left(closing);
        async move { left.0.flushed().await }
    });
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

/// Whether the other instances hear us.
pub(crate) fn check(broadcaster: &Arc<SseBroadcaster>) -> Check {
    let broadcaster = Arc::clone(broadcaster);
    let ask = move || {
        let connected = broadcaster.is_connected();
        async move { connected.then_some(()).ok_or("not connected") }
    };
    Check::new("live updates", ask)
}

/// Tells the pages where their streams begin.
#[cfg(feature = "askama")]
pub(crate) fn cursors(broadcaster: &Arc<SseBroadcaster>) -> crate::templates::CursorSource {
    let broadcaster = Arc::clone(broadcaster);
    crate::templates::CursorSource::new(move || broadcaster.cursor())
}

/// Refuses times of which nothing but a flood would come.
pub(crate) fn check_settings(sse: &SseConfig) -> Result<(), ConfigError> {
    for (key, time) in [
        ("history_age", sse.history_age),
        ("backplane_timeout", sse.backplane_timeout),
        ("keep_alive", sse.keep_alive),
        ("rotate_after", sse.rotate_after),
        ("presence_lease", sse.presence_lease),
    ] {
        if time.is_zero() {
            let message = format!("the setting `sse.{key}` must not be zero");
            return Err(ConfigError::new(message));
        }
    }
    if sse.retry_min > sse.retry_max {
        let message = "the setting `sse.retry_min` is longer than `sse.retry_max`";
        return Err(ConfigError::new(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn refusal(change: impl FnOnce(&mut SseConfig)) -> Option<String> {
        let mut config: Config = Config::default();
        change(&mut config.sse);
        config.check().err().map(|error| error.to_string())
    }

    #[test]
    fn a_stream_of_nothing_but_comments_is_refused() {
        let refused = refusal(|sse| sse.keep_alive = Duration::ZERO);
        assert!(refused.is_some_and(|error| error.contains("`sse.keep_alive`")));
        let refused = refusal(|sse| sse.history_age = Duration::ZERO);
        assert!(refused.is_some_and(|error| error.contains("`sse.history_age`")));
        let refused = refusal(|sse| sse.presence_lease = Duration::ZERO);
        assert!(refused.is_some_and(|error| error.contains("`sse.presence_lease`")));
        let refused = refusal(|sse| sse.retry_min = Duration::from_secs(60));
        assert!(refused.is_some_and(|error| error.contains("`sse.retry_min`")));
        assert_eq!(refusal(|sse| sse.rotate_after = Duration::MAX), None);
    }
}
