//! One sentence that names key and source, and never the value.

use std::{error::Error, fmt};

/// What is wrong with the configuration, as one readable sentence.
///
/// It names the key and where it was written; the value is never shown, because it may be a secret.
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    pub(super) fn unknown(key: &str, origin: &str, known: &[&str]) -> Self {
        let known = match known {
            [] => "no settings are read here".to_owned(),
            known => format!("known here: {}", known.join(", ")),
        };
        Self(format!(
            "the setting `{key}` ({origin}) does not exist; {known}"
        ))
    }

    pub(super) fn unfit(key: &str, origin: &str, expected: Option<&str>) -> Self {
        let wanted = expected
            .map(|what| format!("; expected {what}"))
            .unwrap_or_default();
        Self(format!(
            "the setting `{key}` ({origin}) has a value that does not fit{wanted}"
        ))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The sentence, because that is what `main` prints.
impl fmt::Debug for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for ConfigError {}
