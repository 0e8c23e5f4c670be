//! The log: human-readable while developing, JSON where machines read it; and traces for a collector.

#[cfg(feature = "otel")]
mod export;
#[cfg(feature = "otel")]
mod otel;

use std::io::IsTerminal;

use serde::Deserialize;
use tracing_subscriber::{
    EnvFilter, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt,
};
#[cfg(feature = "otel")]
use tracing_subscriber::{Layer, Registry};

#[cfg(feature = "otel")]
pub use otel::{OtelConfig, inject_trace_context};
#[cfg(feature = "otel")]
pub(crate) use otel::{Traces, begin, end};

#[cfg(feature = "otel")]
use crate::config::Config;
use crate::config::ConfigError;
#[cfg(feature = "otel")]
use crate::log::Lines;
use crate::log::{Format, Log};

/// The `[log]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LogConfig {
    /// What is written when `RUST_LOG` is not set or empty. Default: `info`.
    ///
    /// <https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html#directives>
    pub filter: String,
    /// `pretty` for people, `json` for machines. Default: `pretty`.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            filter: "info".to_owned(),
            format: LogFormat::default(),
        }
    }
}

impl LogConfig {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        match EnvFilter::try_new(&self.filter) {
            Ok(_) => Ok(()),
            Err(_) => Err(ConfigError::new(
                "the setting `log.filter` is not a list of directives such as info,my_app=debug",
            )),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for a person to read.
    #[default]
    Pretty,
    /// One JSON object per line.
    Json,
}

/// Starts the log, unless the application has started its own.
///
/// [`ServiceBuilder`](crate::ServiceBuilder) does it when it listens; call it earlier to see what happens before.
/// A log that was started earlier has no traces: with the feature `otel` and an endpoint, leave it to the builder.
pub fn init(config: &LogConfig) {
    // An application that has set its own subscriber keeps it.
    let _ = match format(config) {
        Some(format) => match quick_filter(config) {
            Some(targets) => {
                let log = Log::new(format).behind(&targets);
                log.with(targets).try_init()
            }
            None => Log::new(format).with(filter(config)).try_init(),
        },
        None => tracing_subscriber::registry()
            .with(filter(config))
            .with(tracing_subscriber::fmt::layer())
            .try_init(),
    };
}

/// Starts the log and, where `[otel]` names a collector, the traces.
#[cfg(feature = "otel")]
pub(crate) fn start<T>(
    config: &Config<T>,
    version: Option<&str>,
) -> Result<Option<Traces>, ConfigError> {
    let Some(traces) = Traces::new(&config.otel, &config.service, version)? else {
        init(&config.log);
        return Ok(None);
    };
    let layers = vec![lines(&config.log), traces.layer(&config.otel)];
    if tracing_subscriber::registry()
        .with(layers)
        .try_init()
        .is_ok()
    {
        return Ok(Some(traces.begun()));
    }
    tracing::warn!("no traces are exported, because the log was started before the service");
    Ok(None)
}

/// What writes lines beside traces.
#[cfg(feature = "otel")]
fn lines(config: &LogConfig) -> Box<dyn Layer<Registry> + Send + Sync> {
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format(config) {
        Some(format) => Lines::new(format).boxed(),
        None => tracing_subscriber::fmt::layer().boxed(),
    };
    lines.with_filter(filter(config)).boxed()
}

/// None for a person, who likes colours and reads no thousand lines a second.
fn format(config: &LogConfig) -> Option<Format> {
    match config.format {
        LogFormat::Pretty if std::io::stdout().is_terminal() => None,
        LogFormat::Pretty => Some(Format::Text),
        LogFormat::Json => Some(Format::Json),
    }
}

/// Sessions open a span for each of their steps, which says nothing that the request's own does not; whoever names the
/// target in a filter has it back.
const QUIETER: &str = "tower_sessions_core=warn";

fn directives(config: &LogConfig) -> String {
    let wanted = std::env::var("RUST_LOG")
        .ok()
        .filter(|directives| !directives.trim().is_empty());
    let wanted = wanted.as_deref().unwrap_or(&config.filter);
    format!("{QUIETER},{wanted}")
}

fn filter(config: &LogConfig) -> EnvFilter {
    EnvFilter::new(directives(config))
}

/// The same without a look at every span; none where a directive names spans or their fields.
fn quick_filter(config: &LogConfig) -> Option<Targets> {
    let directives = directives(config);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_:=,".contains(&byte);
    let is_plain = directives.bytes().all(plain);
    directives.parse().ok().filter(|_| is_plain)
}
