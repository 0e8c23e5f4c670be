//! Values with which a part of the service could never work.

use super::{Config, ConfigError};

#[cfg_attr(
    not(any(
        feature = "auth",
        feature = "cache",
        feature = "database",
        feature = "sqlite",
        feature = "turso"
    )),
    expect(unused_variables, reason = "without these features every value works")
)]
pub(super) fn check<T>(config: &Config<T>) -> Result<(), ConfigError> {
    #[cfg(any(feature = "database", feature = "sqlite"))]
    {
        zero("database.connections", config.database.connections == 0)?;
        let wait = config.database.acquire_timeout;
        zero("database.acquire_timeout", wait.is_zero())?;
    }
    #[cfg(feature = "turso")]
    {
        zero("turso.connections", config.turso.connections == 0)?;
        let wait = config.turso.acquire_timeout;
        zero("turso.acquire_timeout", wait.is_zero())?;
    }
    #[cfg(feature = "cache")]
    {
        zero("redis.connections", config.redis.connections == 0)?;
        let wait = config.redis.command_timeout;
        zero("redis.command_timeout", wait.is_zero())?;
    }
    #[cfg(feature = "auth")]
    if config.password.min_bytes > config.password.max_bytes {
        let sentence = "the setting `password.min_bytes` is more than `password.max_bytes`";
        return Err(ConfigError::new(sentence));
    }
    Ok(())
}

#[cfg(any(
    feature = "cache",
    feature = "database",
    feature = "sqlite",
    feature = "turso"
))]
fn zero(path: &str, is_zero: bool) -> Result<(), ConfigError> {
    if is_zero {
        let sentence = format!("the setting `{path}` must not be zero");
        return Err(ConfigError::new(sentence));
    }
    Ok(())
}
