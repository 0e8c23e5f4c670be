//! Where settings are written: files, then the environment; what comes later wins.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use config::{ConfigError as ReadError, File, FileFormat, Source, Value, ValueKind};

use super::ConfigError;

const PREFIX: &str = "ACTON_";

/// Section → key → what was written there.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) sections: BTreeMap<String, BTreeMap<String, Node>>,
}

/// A setting, or a table of them, as an application's section may have.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Setting(Setting),
    Table(Table),
}

/// Settings below one key, and where that was written first.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) keys: BTreeMap<String, Node>,
    origin: String,
}

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) origin: String,
    /// How many sources were read before this one.
    pub(super) rank: usize,
    /// Whether it was written where everything is text.
    pub(super) is_text: bool,
}

impl Node {
    fn new(value: Value, origin: &str, rank: usize) -> Self {
        match value.kind {
            ValueKind::Table(table) => {
                let below = |(key, value)| (key, Self::new(value, origin, rank));
                Self::table(table.into_iter().map(below).collect(), origin)
            }
            kind => Self::Setting(Setting {
                value: Value::new(None, kind),
                origin: origin.to_owned(),
                rank,
                is_text: false,
            }),
        }
    }

    fn table(keys: BTreeMap<String, Self>, origin: &str) -> Self {
        let origin = origin.to_owned();
        Self::Table(Table { keys, origin })
    }

    /// Where it was written; of a table, its first setting.
    pub(super) fn origin(&self) -> &str {
        match self {
            Self::Setting(setting) => &setting.origin,
            Self::Table(table) => {
                let first = table.keys.values().next();
                first.map_or(&table.origin, Self::origin)
            }
        }
    }

    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Setting(setting) => setting.value,
            Self::Table(table) => {
                let below = |(key, node): (_, Self)| (key, node.into_value());
                let table = table.keys.into_iter().map(below).collect();
                Value::new(None, ValueKind::Table(table))
            }
        }
    }
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
                self.set(&section, &key, Node::new(value, &origin, rank));
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
            let setting = Node::Setting(Setting {
                value: Value::new(None, value),
                origin: origin.clone(),
                rank,
                is_text: true,
            });
            let below = |node, key: &String| Node::table([(key.clone(), node)].into(), &origin);
            let node = path[1..].iter().rev().fold(setting, below);
            self.set(&section.to_ascii_lowercase(), &path[0], node);
        }
        Ok(())
    }

    fn set(&mut self, section: &str, key: &str, node: Node) {
        let section = self.sections.entry(section.to_owned()).or_default();
        merge(section, key.to_owned(), node);
    }
}

/// The files that a program of this name reads, the later ones over the earlier ones.
pub(super) fn files_for(name: &str, variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let own = |folder: PathBuf| folder.join(name).join("config.toml");
    let folders = [Some(PathBuf::from("/etc")), user_folder(variable)];
    let files = folders.into_iter().flatten().map(own);
    files.chain([PathBuf::from("config.toml")]).collect()
}

/// Where the settings of this user live.
fn user_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
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
fn merge(keys: &mut BTreeMap<String, Node>, key: String, later: Node) {
    match (keys.get_mut(&key), later) {
        (Some(Node::Table(earlier)), Node::Table(later)) => {
            for (key, node) in later.keys {
                merge(&mut earlier.keys, key, node);
            }
        }
        (_, later) => drop(keys.insert(key, later)),
    }
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
