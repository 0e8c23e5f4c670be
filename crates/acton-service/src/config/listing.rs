//! What `--print-config` shows.

use std::fmt::{self, Write};

use config::{Value, ValueKind};

/// Every setting, its value unless it may be secret, and where it was written.
#[derive(Default)]
pub(super) struct Listing(String);

impl Listing {
    pub(super) fn section(&mut self, name: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.line(format_args!("{gap}[{name}]"));
    }

    pub(super) fn set(&mut self, key: &str, value: &Value, origin: &str) {
        let value = if is_secret(key) {
            "\"[redacted]\"".to_owned()
        } else {
            shown(value)
        };
        self.line(format_args!("{key} = {value} # {origin}"));
    }

    pub(super) fn unset(&mut self, key: &str) {
        self.line(format_args!("# {key} has its default"));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.trim_end())
    }
}

/// Names that secrets hide under. A URL with a user or a password is hidden under any name.
fn is_secret(key: &str) -> bool {
    key.to_ascii_lowercase().split('.').any(names_secret)
}

fn names_secret(key: &str) -> bool {
    [
        "secret",
        "password",
        "token",
        "url",
        "dsn",
        "credential",
        "private",
        "passphrase",
        "passwd",
        "pwd",
        "pepper",
        "apikey",
        "api_key",
        "bearer",
        "hmac",
    ]
    .iter()
    .any(|word| key.contains(word))
        || ["key", "keys", "pass", "auth", "salt"]
            .iter()
            .any(|word| key == *word || key.ends_with(&format!("_{word}")))
}

fn shown(value: &Value) -> String {
    match &value.kind {
        ValueKind::Array(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        ValueKind::Table(_) => "\"[a table]\"".to_owned(),
        ValueKind::String(text) if super::secrets::in_url(text).is_some() => {
            "\"[redacted]\"".to_owned()
        }
        ValueKind::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn a_name_tells_whether_a_value_may_be_secret() {
        for key in [
            "apiKey",
            "authToken",
            "clientSecret",
            "hmac",
            "key",
            "basic_auth",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in ["author", "keyboard", "compass", "monkeys", "name"] {
            assert!(!is_secret(key), "{key}");
        }
    }
}
