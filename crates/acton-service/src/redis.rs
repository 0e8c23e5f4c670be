//! The one Redis connection pool, shared by sessions, event streams and the application.

use std::{fmt, time::Duration};

use fred::{
    clients::Pool,
    error::ErrorKind,
    interfaces::ClientLike,
    rustls::crypto::aws_lc_rs,
    types::{Builder, config::Config as ClientConfig, config::ReconnectPolicy},
};
use serde::Deserialize;

use crate::{config::ConfigError, health::Check};

/// The `[redis]` section.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RedisConfig {
    /// Where Redis listens. Default: `redis://127.0.0.1:6379`.
    ///
    /// User, password and database number may stand in it: `redis://user:password@host:6379/1`.
    /// `rediss://` speaks TLS and checks the certificate against the system's, or those in the file that the
    /// environment variable `SSL_CERT_FILE` names.
    pub url: String,
    /// Connections in the pool. Default: 4; each carries many commands at once.
    pub connections: usize,
    /// Time for one command; then it fails. Default: 1 second.
    #[serde(with = "humantime_serde")]
    pub command_timeout: Duration,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".to_owned(),
            connections: 4,
            command_timeout: Duration::from_secs(1),
        }
    }
}

/// The URL may hold a password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisConfig")
            .field("url", &"[redacted]")
            .field("connections", &self.connections)
            .field("command_timeout", &self.command_timeout)
            .finish()
    }
}

impl RedisConfig {
    /// Whether the URL is one that can be connected to.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        // fred takes every scheme that it does not know for Redis without TLS.
        match self.url.split_once("://") {
            Some(("redis" | "valkey" | "rediss" | "valkeys", _)) => Ok(()),
            Some(_) => Err(unknown_scheme()),
            None => Err(unusable()),
        }
    }

    /// Makes the pool and begins to connect; a Redis that is down now is connected to as soon as it is there.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// A URL that is none or of another kind, no tokio runtime, or under `rediss://` certificates of the system that
    /// cannot be read.
    pub fn pool(&self) -> Result<Pool, ConfigError> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(ConfigError::new(
                "Redis can only be used inside a tokio runtime",
            ));
        }
        let mut client = self.client()?;
        // A service that starts before Redis must not give up at the first attempt.
        client.fail_fast = false;
        let pool = Builder::from_config(client)
            .with_performance_config(|config| config.default_command_timeout = self.command_timeout)
            .with_connection_config(|config| config.connection_timeout = Duration::from_secs(2))
            // Without a policy the first lost connection stays lost.
            .set_policy(ReconnectPolicy::new_exponential(0, 100, 1_000, 2))
            .build_pool(self.connections.max(1))
            .map_err(|_| unusable())?;
        pool.connect();
        Ok(pool)
    }

    fn client(&self) -> Result<ClientConfig, ConfigError> {
        self.check()?;
        if matches!(self.url.split_once("://"), Some(("rediss" | "valkeys", _))) {
            // With a second provider in the build rustls has no default; one that the application set stays.
            drop(aws_lc_rs::default_provider().install_default());
        }
        ClientConfig::from_url(&self.url).map_err(|error| match error.kind() {
            ErrorKind::Tls => without_certificates(error.details()),
            _ => unusable(),
        })
    }
}

/// The pool of one service, made when somebody first needs it.
pub(crate) struct SharedPool<'a> {
    config: &'a RedisConfig,
    pool: Option<Pool>,
}

impl<'a> SharedPool<'a> {
    pub(crate) fn new(config: &'a RedisConfig) -> Self {
        Self { config, pool: None }
    }

    pub(crate) fn get(&mut self) -> Result<Pool, ConfigError> {
        let pool = match self.pool.take() {
            Some(pool) => pool,
            None => self.config.pool()?,
        };
        Ok(self.pool.insert(pool).clone())
    }
}

/// Whether Redis answers.
pub(crate) fn check(pool: &Pool) -> Check {
    let pool = pool.clone();
    let ping = move || {
        let pool = pool.clone();
        async move { pool.ping::<()>(None).await }
    };
    Check::new("redis", ping)
}

fn unusable() -> ConfigError {
    ConfigError::new("the setting `redis.url` is not a URL such as redis://127.0.0.1:6379")
}

fn unknown_scheme() -> ConfigError {
    ConfigError::new("the setting `redis.url` must begin with redis:// or, for TLS, rediss://")
}

fn without_certificates(reason: &str) -> ConfigError {
    ConfigError::new(format!(
        "the setting `redis.url` asks for TLS, but the certificates of this system cannot be read: {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, net::TcpListener};

    use super::*;

    fn config(url: &str) -> RedisConfig {
        RedisConfig {
            url: url.to_owned(),
            ..RedisConfig::default()
        }
    }

    fn refusal(url: &str) -> String {
        let told = config(url).pool().err().map(|error| error.to_string());
        told.unwrap_or_default()
    }

    /// The first byte that a server hears from a pool.
    async fn first_byte(scheme: &str) -> u8 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let _pool = config(&format!("{scheme}://{address}")).pool().unwrap();
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_u8().await.unwrap()
    }

    #[tokio::test]
    async fn the_scheme_with_two_s_speaks_tls_from_the_first_byte() {
        const TLS_HANDSHAKE: u8 = 22;
        for scheme in ["rediss", "valkeys"] {
            let client = config(&format!("{scheme}://localhost")).client().unwrap();
            assert!(client.uses_rustls(), "{scheme}");
            assert_eq!(first_byte(scheme).await, TLS_HANDSHAKE, "{scheme}");
        }
    }

    #[tokio::test]
    async fn the_scheme_with_one_s_speaks_plain_redis() {
        for scheme in ["redis", "valkey"] {
            assert_eq!(first_byte(scheme).await, b'*', "{scheme}");
        }
    }

    #[tokio::test]
    async fn a_scheme_that_is_not_known_is_refused_without_being_shown() {
        for url in [
            "http://:hunter2@localhost",
            "REDISS://:hunter2@localhost",
            "hunter2://localhost",
            "redisss://:hunter2@localhost",
        ] {
            let told = refusal(url);
            assert!(
                told.contains("redis.url") && told.contains("rediss://"),
                "{told}"
            );
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_dump_does_not_show_the_password() {
        let config = config("redis://:hunter2@localhost");
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn what_is_no_url_is_refused_without_being_shown() {
        let told = refusal("hunter2");
        assert!(
            told.contains("redis.url") && !told.contains("hunter2"),
            "{told}"
        );
    }
}
