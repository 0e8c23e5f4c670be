//! One setting against the type that reads it.

use std::fs;

use config::{ConfigError as ReadError, Value, ValueKind};
use serde::de::DeserializeOwned;

use super::{ConfigError, sources::Setting};

/// Asks a section for a key that cannot exist, and hears which keys do.
pub(super) fn known_keys<S: DeserializeOwned>() -> Vec<String> {
    match read::<S>("\0", Value::new(None, true)) {
        Err(error) => backticked(&error.to_string()),
        Ok(_) => Vec::new(),
    }
}

/// Finds the form of this setting that its section accepts, and the key it belongs to.
pub(super) fn fit<S: DeserializeOwned>(
    section: &str,
    key: &str,
    setting: Setting,
) -> Result<(String, Value), ConfigError> {
    let path = format!("{section}.{key}");
    let error = match read::<S>(key, setting.value.clone()) {
        Ok(_) => return Ok((key.to_owned(), setting.value)),
        Err(error) => error,
    };
    if is_unknown(&error) {
        return from_file::<S>(section, key, &setting).unwrap_or_else(|| {
            Err(ConfigError::unknown(
                &path,
                &setting.origin,
                &known_keys::<S>(),
            ))
        });
    }
    if is_missing(&error) {
        // The section needs other keys too; they are checked together.
        return Ok((key.to_owned(), setting.value));
    }
    match list(&setting.value).filter(|list| accepts::<S>(key, list)) {
        Some(list) => Ok((key.to_owned(), list)),
        None => Err(ConfigError::unfit(
            &path,
            &setting.origin,
            expected(&error).as_deref(),
        )),
    }
}

/// `secret_file = "/run/secrets/jwt"` is `secret = "…"` with the content of that file.
fn from_file<S: DeserializeOwned>(
    section: &str,
    key: &str,
    setting: &Setting,
) -> Option<Result<(String, Value), ConfigError>> {
    let target = key.strip_suffix("_file")?;
    if !known_keys::<S>().iter().any(|known| known == target) {
        return None;
    }
    let path = setting.value.clone().into_string().ok()?;
    let origin = format!("the file named by {}", setting.origin);
    Some(match fs::read_to_string(path) {
        Ok(text) => {
            let value = Value::new(Some(&origin), text.trim_end_matches(['\r', '\n']));
            let rank = setting.rank;
            let setting = Setting {
                value,
                origin,
                rank,
            };
            fit::<S>(section, target, setting)
        }
        Err(error) => Err(ConfigError::new(format!(
            "the setting `{section}.{key}` ({}) names a file that cannot be read: {}",
            setting.origin,
            error.kind(),
        ))),
    })
}

fn read<S: DeserializeOwned>(key: &str, value: Value) -> Result<S, ReadError> {
    let table = [(key.to_owned(), value)].into_iter().collect();
    Value::new(None, ValueKind::Table(table)).try_deserialize()
}

/// Whether nothing is wrong with this value, whatever else the section needs.
fn accepts<S: DeserializeOwned>(key: &str, value: &Value) -> bool {
    read::<S>(key, value.clone()).map_or_else(|error| is_missing(&error), |_| true)
}

/// Environment variables can only say text: `a, b` is a list where a list is wanted.
fn list(value: &Value) -> Option<Value> {
    let ValueKind::String(text) = &value.kind else {
        return None;
    };
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    let origin = value.origin().map(ToOwned::to_owned);
    let items: Vec<Value> = items
        .map(|item| Value::new(origin.as_ref(), item))
        .collect();
    Some(Value::new(origin.as_ref(), items))
}

fn is_unknown(error: &ReadError) -> bool {
    error.to_string().starts_with("unknown field")
}

pub(super) fn is_missing(error: &ReadError) -> bool {
    error.to_string().starts_with("missing ")
}

/// What a reader expected; the text before it may hold the value and is left out.
pub(super) fn expected(error: &ReadError) -> Option<String> {
    match error {
        ReadError::Type { expected, .. } => Some((*expected).to_owned()),
        ReadError::At { error, .. } => expected(error),
        other => {
            let message = other.to_string();
            let (_, wanted) = message.rsplit_once("expected ")?;
            Some(wanted.split(" for key").next().unwrap_or(wanted).to_owned())
        }
    }
}

/// "unknown field `x`, expected one of `a`, `b`" → a, b.
fn backticked(message: &str) -> Vec<String> {
    message
        .split('`')
        .skip(1)
        .step_by(2)
        .skip(1)
        .map(ToOwned::to_owned)
        .collect()
}
