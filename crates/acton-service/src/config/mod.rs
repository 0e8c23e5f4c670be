//! The settings of a service: defaults, then files, then the environment.
//!
//! Each section lives beside the code it configures; [`Config`] is their sum.

mod error;
mod listing;
mod reader;
mod reading;
mod rules;
mod secrets;
mod section;
mod shape;
pub(crate) mod size;
mod sources;
mod values;

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;

pub use error::ConfigError;
use section::{Origins, Sections};
use sources::Sources;

use crate::{
    cors::CorsConfig, limits::LimitsConfig, server::ShutdownConfig, service_builder::ServiceConfig,
    telemetry::LogConfig,
};

/// All settings of a service, and under `[app]` those of the application.
///
/// ```no_run
/// use acton_service::prelude::*;
///
/// #[derive(serde::Deserialize)]
/// struct Shop {
///     currency: String,
/// }
///
/// # fn main() -> Result<()> {
/// // `[app] currency = "EUR"` in config.toml, or ACTON_APP__CURRENCY=EUR
/// let config = Config::<Shop>::load()?;
/// println!("prices in {}", config.app.currency);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Config<T = ()> {
    /// `[service]`: where it listens and what it is called.
    pub service: ServiceConfig,
    /// `[tls]`: certificate and key.
    #[cfg(feature = "tls")]
    pub tls: crate::TlsConfig,
    /// `[limits]`: what one request may cost.
    pub limits: LimitsConfig,
    /// `[shutdown]`: how it ends.
    pub shutdown: ShutdownConfig,
    /// `[log]`: what is written down, and how.
    pub log: LogConfig,
    /// `[otel]`: which collector gets traces.
    #[cfg(feature = "otel")]
    pub otel: crate::telemetry::OtelConfig,
    /// `[metrics]`: where numbers are read, and by whom.
    #[cfg(feature = "metrics")]
    pub metrics: crate::MetricsConfig,
    /// `[cors]`: which other origins' scripts may call.
    pub cors: CorsConfig,
    /// `[htmx]`: which htmx, and where errors and messages appear.
    #[cfg(feature = "htmx")]
    pub htmx: crate::htmx::HtmxConfig,
    /// `[jwt]`: bearer tokens.
    #[cfg(feature = "jwt")]
    pub jwt: crate::auth::JwtConfig,
    /// `[session]`: lifetimes, cookie and store.
    #[cfg(feature = "session")]
    pub session: crate::session::SessionConfig,
    /// `[csrf]`: which other origins may send forms.
    #[cfg(feature = "session")]
    pub csrf: crate::session::CsrfConfig,
    /// `[sse]`: event streams.
    #[cfg(feature = "sse")]
    pub sse: crate::sse::SseConfig,
    /// `[redis]`: the one connection pool.
    #[cfg(feature = "cache")]
    pub redis: crate::redis::RedisConfig,
    /// `[database]`: where rows live.
    #[cfg(any(feature = "database", feature = "sqlite"))]
    pub database: crate::database::DatabaseConfig,
    /// `[turso]`: where rows live, in Turso.
    #[cfg(feature = "turso")]
    pub turso: crate::TursoConfig,
    /// `[password]`: what a hash costs, and how many at once.
    #[cfg(feature = "auth")]
    pub password: crate::auth::PasswordConfig,
    /// `[throttle]`: how many logins may fail.
    #[cfg(feature = "auth")]
    pub throttle: crate::auth::ThrottleConfig,
    /// `[app]`: the application's own section.
    pub app: T,
    pub(crate) origins: Origins,
}

impl<T: DeserializeOwned> Config<T> {
    /// Reads `config.toml` in the working directory, if there is one, and the environment.
    ///
    /// What is written nowhere has its default; the environment wins over the file.
    /// A program started with `--print-config` prints every setting and where it was written, and ends.
    /// `ACTON_SERVICE__BIND` is the key `bind` of the section `[service]`.
    /// A secret can be read from a file: `ACTON_JWT__SECRET_FILE=/run/secrets/jwt`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or parsed, a key that does not exist, a value that does not fit, values that contradict
    /// each other: one sentence that names key and source, and never the value.
    pub fn load() -> Result<Self, ConfigError> {
        Self::load_files(vec![PathBuf::from("config.toml")])
    }

    /// As [`Config::load`], and before `config.toml` also `/etc/<name>/config.toml` and
    /// `$XDG_CONFIG_HOME/<name>/config.toml` (`~/.config` when not set); a later file wins over an earlier one.
    ///
    /// <https://specifications.freedesktop.org/basedir-spec/latest/>
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn load_for(name: &str) -> Result<Self, ConfigError> {
        Self::load_files(sources::files_for(name, |name| std::env::var_os(name)))
    }

    /// Reads this file instead of `config.toml`, and the environment.
    ///
    /// # Errors
    ///
    /// As [`Config::load`], and when the file does not exist.
    pub fn load_from(file: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let files = [file.as_ref().to_owned()];
        Self::read(Sources::new(&files, std::env::vars_os())?)
    }

    fn load_files(mut files: Vec<PathBuf>) -> Result<Self, ConfigError> {
        // What is there and cannot be read stops the start; only what is not there is left out.
        let is_absent = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        files.retain(|file| !file.symlink_metadata().is_err_and(is_absent));
        Self::read(Sources::new(&files, std::env::vars_os())?)
    }

    fn read(sources: Sources) -> Result<Self, ConfigError> {
        let listing = is_asked("--print-config");
        let mut sections = Sections::new(sources);
        let mut config = Self {
            service: sections.take("service")?,
            #[cfg(feature = "tls")]
            tls: sections.take("tls")?,
            limits: sections.take("limits")?,
            shutdown: sections.take("shutdown")?,
            log: sections.take("log")?,
            #[cfg(feature = "otel")]
            otel: sections.take("otel")?,
            #[cfg(feature = "metrics")]
            metrics: sections.take("metrics")?,
            cors: sections.take("cors")?,
            #[cfg(feature = "htmx")]
            htmx: sections.take("htmx")?,
            #[cfg(feature = "jwt")]
            jwt: sections.take("jwt")?,
            #[cfg(feature = "session")]
            session: sections.take("session")?,
            #[cfg(feature = "session")]
            csrf: sections.take("csrf")?,
            #[cfg(feature = "sse")]
            sse: sections.take("sse")?,
            #[cfg(feature = "cache")]
            redis: sections.take("redis")?,
            #[cfg(any(feature = "database", feature = "sqlite"))]
            database: sections.take("database")?,
            #[cfg(feature = "turso")]
            turso: sections.take("turso")?,
            #[cfg(feature = "auth")]
            password: sections.take("password")?,
            #[cfg(feature = "auth")]
            throttle: sections.take("throttle")?,
            app: sections.take_app()?,
            origins: Origins::default(),
        };
        let (listed, origins) = sections.finish()?;
        config.origins = origins;
        config.check()?;
        if listing {
            println!("{listed}");
            std::process::exit(0);
        }
        Ok(config)
    }
}

impl<T> Config<T> {
    /// The same settings without the application's section.
    pub fn without_app(self) -> Config {
        self.with_app(())
    }

    /// The same settings with another application's section.
    pub fn with_app<U>(self, app: U) -> Config<U> {
        Config {
            service: self.service,
            #[cfg(feature = "tls")]
            tls: self.tls,
            limits: self.limits,
            shutdown: self.shutdown,
            log: self.log,
            #[cfg(feature = "otel")]
            otel: self.otel,
            #[cfg(feature = "metrics")]
            metrics: self.metrics,
            cors: self.cors,
            #[cfg(feature = "htmx")]
            htmx: self.htmx,
            #[cfg(feature = "jwt")]
            jwt: self.jwt,
            #[cfg(feature = "session")]
            session: self.session,
            #[cfg(feature = "session")]
            csrf: self.csrf,
            #[cfg(feature = "sse")]
            sse: self.sse,
            #[cfg(feature = "cache")]
            redis: self.redis,
            #[cfg(any(feature = "database", feature = "sqlite"))]
            database: self.database,
            #[cfg(feature = "turso")]
            turso: self.turso,
            #[cfg(feature = "auth")]
            password: self.password,
            #[cfg(feature = "auth")]
            throttle: self.throttle,
            app,
            origins: self.origins,
        }
    }

    /// Makes what checks bearer tokens, as `[jwt]` says; reads the file of the key or keys.
    ///
    /// # Errors
    ///
    /// A setting that is missing or does not fit, or a key that cannot be read.
    #[cfg(feature = "jwt")]
    pub fn jwt_verifier(&self) -> Result<crate::auth::JwtVerifier, ConfigError> {
        use crate::auth::JwtVerifier;

        let verifier = if let Some(file) = self.jwt.keys_file.clone() {
            JwtVerifier::with_key_set(&self.jwt, move || std::fs::read(&file))
        } else {
            let read = |path: &PathBuf| {
                std::fs::read(path).map_err(|error| {
                    let kind = error.kind();
                    self.name_in(ConfigError::new(format!(
                        "the setting `jwt.public_key_file` names a file that cannot be read: {kind}"
                    )))
                })
            };
            let key = self.jwt.public_key_file.as_ref().map(read).transpose()?;
            JwtVerifier::new(&self.jwt, key.as_deref())
        };
        let named = |error| match error {
            crate::auth::Error::Config { key, reason } => format!("the setting `{key}`: {reason}"),
            error => format!("the section [jwt] cannot be used: {error}"),
        };
        verifier.map_err(|error| self.name_in(ConfigError::new(named(error))))
    }

    /// Looks for values that contradict each other, and for secrets that are easily guessed.
    ///
    /// # Errors
    ///
    /// The first that is found.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.find_fault().map_err(|error| self.name_in(error))
    }

    fn find_fault(&self) -> Result<(), ConfigError> {
        secrets::check(self)?;
        rules::check(self)?;
        self.service.check()?;
        #[cfg(feature = "tls")]
        self.tls.check(self.service.is_https())?;
        self.limits.check()?;
        self.shutdown.check()?;
        self.log.check()?;
        self.cors.check()?;
        #[cfg(feature = "sse")]
        crate::live::check_settings(&self.sse)?;
        #[cfg(feature = "cache")]
        self.redis.check()?;
        #[cfg(any(feature = "database", feature = "sqlite"))]
        self.database.check()?;
        #[cfg(feature = "otel")]
        self.otel.check()?;
        Ok(())
    }

    /// The sentence, with where the settings were written that it names.
    pub(crate) fn name_in(&self, error: ConfigError) -> ConfigError {
        self.origins.name_in(error)
    }
}

/// Whether the program was started with this argument.
pub(crate) fn is_asked(argument: &str) -> bool {
    std::env::args_os().any(|given| given == argument)
}

/// Ends a program that was started to migrate and nothing else.
#[cfg(any(feature = "database", feature = "sqlite", feature = "turso"))]
pub(crate) fn end_after_migration() {
    if is_asked("--migrate") {
        println!("the database is up to date");
        std::process::exit(0);
    }
}

#[cfg(test)]
mod tests;
