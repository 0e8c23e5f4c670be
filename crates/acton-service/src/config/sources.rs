//! Where settings are written: files, then the environment; what comes later wins.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use config::{ConfigError as ReadError, File, FileFormat, Source, Value, ValueKind};

use super::ConfigError;

const PREFIX: &str = "ACTON_";

/// Section → key → value with its origin.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) sections: BTreeMap<String, BTreeMap<String, Setting>>,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) origin: String,
    /// How many sources were read before this one.
    pub(super) rank: usize,
}

impl Sources {
    pub(super) fn new(
        files: &[PathBuf],
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut sources = Self::default();
        for (rank, file) in files.iter().enumerate() {
            sources.add_file(file, rank)?;
        }
        for (name, value) in environment {
            sources.add_variable(&name, value, files.len())?;
        }
        Ok(sources)
    }

    fn add_file(&mut self, path: &Path, rank: usize) -> Result<(), ConfigError> {
        let origin = path.display().to_string();
        let file = File::from(path).format(FileFormat::Toml);
        let sections = file
            .collect()
            .map_err(|error| unreadable(&origin, &error))?;
        for (section, value) in sections {
            let ValueKind::Table(keys) = value.kind else {
                return Err(ConfigError::new(format!(
                    "the setting `{section}` ({origin}) stands outside a section such as [service]"
                )));
            };
            for (key, value) in keys {
                let origin = origin.clone();
                let setting = Setting {
                    value,
                    origin,
                    rank,
                };
                self.set(&section, &key, setting)?;
            }
        }
        Ok(())
    }

    fn add_variable(
        &mut self,
        name: &OsString,
        value: OsString,
        rank: usize,
    ) -> Result<(), ConfigError> {
        let Some(key) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
            return Ok(());
        };
        let origin = format!("environment variable {PREFIX}{key}");
        let Some((section, key)) = key.split_once("__") else {
            return misspelt(key, &origin);
        };
        let value = value
            .into_string()
            .map_err(|_| ConfigError::new(format!("the {origin} is not valid UTF-8")))?;
        // `VARIABLE=` is how compose files and shells say "not set".
        if !value.is_empty() {
            let path: Vec<String> = key.split("__").map(str::to_ascii_lowercase).collect();
            let value = nest(&path[1..], Value::new(Some(&origin), value));
            let setting = Setting {
                value,
                origin,
                rank,
            };
            self.set(&section.to_ascii_lowercase(), &path[0], setting)?;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, key: &str, mut setting: Setting) -> Result<(), ConfigError> {
        let section = self.sections.entry(name.to_owned()).or_default();
        // `key` and `key_file` are two ways to write one setting.
        let other = match key.strip_suffix("_file") {
            Some(key) => key.to_owned(),
            None => format!("{key}_file"),
        };
        if let Some(earlier) = section.remove(&other)
            && earlier.rank == setting.rank
        {
            let (one, two) = (&earlier.origin, &setting.origin);
            let origins = if one == two {
                one.clone()
            } else {
                format!("{one}, {two}")
            };
            return Err(ConfigError::new(format!(
                "the settings `{name}.{other}` and `{name}.{key}` ({origins}) say the same twice; leave one of them out"
            )));
        }
        if let Some(earlier) = section.remove(key) {
            setting.value = merge(earlier.value, setting.value);
        }
        section.insert(key.to_owned(), setting);
        Ok(())
    }
}

/// Where the settings of this user live.
pub(super) fn user_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.filter(|path| path.is_absolute());
    folder.or_else(|| Some(PathBuf::from(set("HOME")?).join(".config")))
}

/// `ACTON_SERVICE_BIND` is surely meant as a setting; `ACTON_HOME` may belong to somebody else.
fn misspelt(key: &str, origin: &str) -> Result<(), ConfigError> {
    let Some((section, rest)) = key.split_once('_') else {
        return Ok(());
    };
    if super::section::NAMES.contains(&section.to_ascii_lowercase().as_str()) {
        return Err(ConfigError::new(format!(
            "the {origin} is not a setting; two underscores part section and key: {PREFIX}{section}__{rest}"
        )));
    }
    Ok(())
}

/// Tables grow, everything else is replaced.
fn merge(earlier: Value, later: Value) -> Value {
    match (earlier.kind, later.kind) {
        (ValueKind::Table(mut table), ValueKind::Table(additions)) => {
            for (key, value) in additions {
                let value = match table.remove(&key) {
                    Some(earlier) => merge(earlier, value),
                    None => value,
                };
                table.insert(key, value);
            }
            Value::new(None, table)
        }
        (_, later) => Value::new(None, later),
    }
}

fn nest(path: &[String], value: Value) -> Value {
    path.iter().rev().fold(value, |value, key| {
        Value::new(
            None,
            ValueKind::Table([(key.clone(), value)].into_iter().collect()),
        )
    })
}

/// A parser's message quotes the line, which may hold a secret; only the place is told.
fn unreadable(origin: &str, error: &ReadError) -> ConfigError {
    let ReadError::FileParse { cause, .. } = error else {
        return ConfigError::new(format!("the file {origin} cannot be read"));
    };
    let message = cause.to_string();
    let place = message.lines().next().filter(|line| line.contains("line"));
    let place = place.map(|line| format!(" ({line})")).unwrap_or_default();
    ConfigError::new(format!("the file {origin} is not valid TOML{place}"))
}
