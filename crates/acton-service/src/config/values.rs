//! The settings of one section, brought into the form that its type reads.

use std::{collections::BTreeMap, fs};

use config::{Value, ValueKind};
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
    /// What its text may mean as well, where only reading shows what is wanted.
    pub(super) other: Option<Value>,
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
        if let Some((key, node)) = keys
            .iter()
            .find(|(key, _)| is_unknown::<S>(path, known, key))
        {
            let key = format!("{place}.{key}");
            return Err(ConfigError::unknown(&key, node.origin(), known));
        }
    }
    for (key, node) in keys {
        path.push(key);
        match (node, wanted::<S>(path)) {
            (Node::Table(table), Shape::Keys(_) | Shape::Table | Shape::Any)
                if !table.keys.is_empty() =>
            {
                settle_below::<S>(section, path, table.keys, given)?;
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
    let is_text = matches!(&node, Node::Setting(setting) if setting.is_text);
    let mut value = node.into_value();
    if let (ValueKind::String(text), Shape::List) = (&value.kind, shape) {
        value = list(text);
    }
    check_items::<S>(section, path, &value, &origin)?;
    let other = (is_text && shape == Shape::Any).then(|| other_than_text(&value));
    Ok(Given {
        path: path.to_vec(),
        value,
        origin,
        other: other.flatten(),
    })
}

/// A type of its own making may read keys that it does not list.
fn is_unknown<S: DeserializeOwned>(path: &[String], known: &[&str], key: &str) -> bool {
    let read = || wanted::<S>(&[path, &[key.to_owned()]].concat());
    !known.contains(&key) && read() == Shape::Unread
}

/// What a text in the environment may stand for: `true`, `25`, `0.5` or `a, b`.
fn other_than_text(value: &Value) -> Option<Value> {
    let text = value.clone().into_string().ok()?;
    let truth = text.parse::<bool>().ok().map(ValueKind::from);
    let whole = || text.parse::<i64>().ok().map(ValueKind::from);
    let number = || text.parse::<f64>().ok().map(ValueKind::from);
    let several = || text.contains(',').then(|| list(&text).kind);
    let kind = truth.or_else(whole).or_else(number).or_else(several)?;
    Some(Value::new(None, kind))
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
        ..
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
        is_text: true,
    })
}

/// Finds keys that do not exist in the tables of a list, and values that would be bent into what is wanted.
fn check_items<S: DeserializeOwned>(
    section: &str,
    path: &[String],
    value: &Value,
    origin: &str,
) -> Result<(), ConfigError> {
    let shape = wanted::<S>(path);
    if let Some(expected) = misfit(shape, &value.kind) {
        let key = named(section, path);
        return Err(ConfigError::unfit(&key, origin, Some(expected)));
    }
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
    if let (ValueKind::Table(_), Shape::Keys(known)) = (&value.kind, shape)
        && let Some((key, _)) = entries
            .iter()
            .find(|(key, _)| is_unknown::<S>(path, known, key))
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

/// What is wanted instead of a value that a reader would round, or take for another kind.
fn misfit(shape: Shape, kind: &ValueKind) -> Option<&'static str> {
    match (shape, kind) {
        (Shape::Whole, ValueKind::Boolean(_) | ValueKind::Float(_)) => Some("a whole number"),
        (Shape::Number, ValueKind::Boolean(_)) => Some("a number"),
        // `yes` would be 1.
        (Shape::Whole | Shape::Number, ValueKind::String(text)) if is_truth(text) => {
            Some("a number")
        }
        (Shape::Truth, ValueKind::Boolean(_) | ValueKind::String(_)) => None,
        (Shape::Truth, _) => Some("true or false"),
        _ => None,
    }
}

fn is_truth(text: &str) -> bool {
    ["true", "on", "yes", "false", "off", "no"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

fn wanted<S: DeserializeOwned>(path: &[String]) -> Shape {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    shape::<S>(&path)
}

/// `app.mail`
pub(super) fn named(section: &str, path: &[String]) -> String {
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
