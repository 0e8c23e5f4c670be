//! The settings of one section, brought into the form that its type reads.

use std::{collections::BTreeMap, fs};

use config::{ConfigError as ReadError, Map, Value, ValueKind};
use serde::de::DeserializeOwned;

use super::{
    ConfigError,
    shape::{Shape, shape},
    sources::{Node, Setting},
};

/// The keys of a section; none where it takes any.
pub(super) fn known_keys<S: DeserializeOwned>() -> Vec<String> {
    match shape::<S>(&[]) {
        Shape::Keys(keys) => keys.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// A setting, where it stands in its section, and where it was written.
pub(super) struct Given {
    pub(super) path: Vec<String>,
    pub(super) value: Value,
    pub(super) origin: String,
}

impl Given {
    /// `mail.host`
    pub(super) fn key(&self) -> String {
        self.path.join(".")
    }
}

/// Finds keys that do not exist, reads what stands in files, and takes `a, b` for a list where one is wanted.
pub(super) fn settle<S: DeserializeOwned>(
    section: &str,
    keys: BTreeMap<String, Node>,
) -> Result<Vec<Given>, ConfigError> {
    let mut given = Vec::new();
    settle_below::<S>(section, &mut Vec::new(), keys, &mut given)?;
    Ok(given)
}

fn settle_below<S: DeserializeOwned>(
    section: &str,
    path: &mut Vec<String>,
    mut keys: BTreeMap<String, Node>,
    given: &mut Vec<Given>,
) -> Result<(), ConfigError> {
    if let Shape::Keys(known) = wanted::<S>(path) {
        let place = named(section, path);
        read_files(&place, known, &mut keys)?;
        if let Some((key, node)) = keys.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            let key = format!("{place}.{key}");
            return Err(ConfigError::unknown(&key, node.origin(), known));
        }
    }
    for (key, node) in keys {
        path.push(key);
        match (node, wanted::<S>(path)) {
            (Node::Table(keys), Shape::Keys(_) | Shape::Table) if !keys.is_empty() => {
                settle_below::<S>(section, path, keys, given)?;
            }
            (node, shape) => given.push(settle_one::<S>(section, path, node, shape)?),
        }
        path.pop();
    }
    Ok(())
}

fn settle_one<S: DeserializeOwned>(
    section: &str,
    path: &[String],
    node: Node,
    shape: Shape,
) -> Result<Given, ConfigError> {
    let origin = node.origin().to_owned();
    let mut value = node.into_value();
    if shape == Shape::List {
        match value.kind {
            ValueKind::String(text) => value = list(&text),
            _ => check_items::<S>(section, path, &value, &origin)?,
        }
    }
    Ok(Given {
        path: path.to_vec(),
        value,
        origin,
    })
}

/// `secret_file = "/run/secrets/jwt"` is `secret = "…"` with the content of that file.
///
/// Of both the later source counts.
fn read_files(
    place: &str,
    known: &[&str],
    keys: &mut BTreeMap<String, Node>,
) -> Result<(), ConfigError> {
    let is_known = |key: &str| known.contains(&key);
    let files: Vec<_> = keys
        .keys()
        .filter(|key| !is_known(key))
        .filter_map(|key| {
            let target = key.strip_suffix("_file")?;
            is_known(target).then(|| (key.clone(), target.to_owned()))
        })
        .collect();
    for (key, target) in files {
        let Some(Node::Setting(file)) = keys.remove(&key) else {
            continue;
        };
        if let Some(Node::Setting(other)) = keys.get(&target) {
            if other.rank == file.rank {
                return Err(twice(place, &target, other, &key, &file));
            }
            if other.rank > file.rank {
                continue;
            }
        }
        let setting = read_file(&format!("{place}.{key}"), file)?;
        keys.insert(target, Node::Setting(setting));
    }
    Ok(())
}

fn twice(place: &str, key: &str, one: &Setting, other_key: &str, other: &Setting) -> ConfigError {
    let origins = if one.origin == other.origin {
        one.origin.clone()
    } else {
        format!("{}, {}", one.origin, other.origin)
    };
    ConfigError::new(format!(
        "the settings `{place}.{key}` and `{place}.{other_key}` ({origins}) say the same twice; leave one of them out"
    ))
}

fn read_file(path: &str, setting: Setting) -> Result<Setting, ConfigError> {
    let Setting {
        value,
        origin,
        rank,
    } = setting;
    let name = value
        .into_string()
        .map_err(|_| ConfigError::unfit(path, &origin, Some("the path of a file")))?;
    let text = fs::read_to_string(name).map_err(|error| {
        let kind = error.kind();
        ConfigError::new(format!(
            "the setting `{path}` ({origin}) names a file that cannot be read: {kind}"
        ))
    })?;
    Ok(Setting {
        value: Value::new(None, text.trim_end_matches(['\r', '\n'])),
        origin: format!("the file named by {origin}"),
        rank,
    })
}

/// Finds keys that do not exist in the tables of a list.
fn check_items<S: DeserializeOwned>(
    section: &str,
    path: &[String],
    value: &Value,
    origin: &str,
) -> Result<(), ConfigError> {
    let entries: Vec<(String, &Value)> = match &value.kind {
        ValueKind::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered
                .map(|(index, item)| (index.to_string(), item))
                .collect()
        }
        ValueKind::Table(table) => table
            .iter()
            .map(|(key, item)| (key.clone(), item))
            .collect(),
        _ => return Ok(()),
    };
    if let (ValueKind::Table(_), Shape::Keys(known)) = (&value.kind, wanted::<S>(path))
        && let Some((key, _)) = entries
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()))
    {
        let key = format!("{}.{key}", named(section, path));
        return Err(ConfigError::unknown(&key, origin, known));
    }
    for (key, item) in entries {
        let path = [path, &[key]].concat();
        check_items::<S>(section, &path, item, origin)?;
    }
    Ok(())
}

fn wanted<S: DeserializeOwned>(path: &[String]) -> Shape {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    shape::<S>(&path)
}

/// `app.mail`
fn named(section: &str, path: &[String]) -> String {
    let keys = path.iter().map(|key| format!(".{key}"));
    format!("{section}{}", keys.collect::<String>())
}

/// Environment variables can only say text.
fn list(text: &str) -> Value {
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    let items: Vec<Value> = items.map(|item| Value::new(None, item)).collect();
    Value::new(None, items)
}

/// Reads a section; what is wrong is looked for afterwards, because a type may want several settings to fit together.
pub(super) fn read<S: DeserializeOwned>(
    section: &str,
    given: Vec<Given>,
) -> Result<S, ConfigError> {
    let mut table = Map::new();
    for setting in &given {
        insert(&mut table, &setting.path, setting.value.clone());
    }
    let error = match read_table::<S>(table) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    for setting in given {
        let mut alone = Map::new();
        insert(&mut alone, &setting.path, setting.value);
        match read_table::<S>(alone) {
            Err(error) if !is_missing(&error) => {
                let path = named(section, &setting.path);
                let wanted = expected(&error);
                return Err(ConfigError::unfit(
                    &path,
                    &setting.origin,
                    wanted.as_deref(),
                ));
            }
            _ => {}
        }
    }
    Err(if is_missing(&error) {
        ConfigError::new(format!("the section [{section}] is incomplete: {error}"))
    } else {
        let wanted = expected(&error).map(|what| format!("; expected {what}"));
        ConfigError::new(format!(
            "the section [{section}] does not fit{}",
            wanted.unwrap_or_default()
        ))
    })
}

fn read_table<S: DeserializeOwned>(table: Map<String, Value>) -> Result<S, ReadError> {
    Value::new(None, ValueKind::Table(table)).try_deserialize()
}

fn insert(table: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => drop(table.insert(key.clone(), value)),
        [key, rest @ ..] => {
            let empty = || Value::new(None, ValueKind::Table(Map::new()));
            let below = table.entry(key.clone()).or_insert_with(empty);
            if let ValueKind::Table(below) = &mut below.kind {
                insert(below, rest, value);
            }
        }
    }
}

fn is_missing(error: &ReadError) -> bool {
    error.to_string().starts_with("missing ")
}

/// What a reader expected; the text before it may hold the value and is left out.
fn expected(error: &ReadError) -> Option<String> {
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
