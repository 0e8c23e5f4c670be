//! Reads what is given of a section into its type, and finds what does not fit.

use config::{ConfigError as ReadError, Map, Value, ValueKind};
use serde::de::DeserializeOwned;

use super::{
    ConfigError,
    reader::Reader,
    values::{Given, named},
};

/// Reads a section; what is wrong is looked for afterwards, because a type may want several settings to fit together.
pub(super) fn read<S: DeserializeOwned>(
    section: &str,
    given: Vec<Given>,
) -> Result<S, ConfigError> {
    let error = match read_all::<S>(&given, |_| false) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    if let Some(read) = read_otherwise(&given) {
        return Ok(read);
    }
    if let Some(setting) = shown_in(&error, &given) {
        let wanted = expected(&error);
        let path = named(section, &setting.path);
        return Err(ConfigError::unfit(
            &path,
            &setting.origin,
            wanted.as_deref(),
        ));
    }
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
    } else if let Some(key) = twice_read(&error) {
        ConfigError::new(format!(
            "the section [{section}] says `{key}` twice, under two names"
        ))
    } else {
        let wanted = expected(&error).map(|what| format!("; expected {what}"));
        ConfigError::new(format!(
            "the section [{section}] does not fit{}",
            wanted.unwrap_or_default()
        ))
    })
}

fn read_all<S: DeserializeOwned>(
    given: &[Given],
    is_other: impl Fn(usize) -> bool,
) -> Result<S, ReadError> {
    let mut table = Map::new();
    for (index, setting) in given.iter().enumerate() {
        let other = setting.other.as_ref().filter(|_| is_other(index));
        let value = other.unwrap_or(&setting.value).clone();
        insert(&mut table, &setting.path, value);
    }
    read_table(table)
}

/// Texts that more than one kind of value may be meant by; more are not tried.
const MOST: usize = 10;

/// Reads texts of the environment as what they may mean as well: as few of them as it takes.
fn read_otherwise<S: DeserializeOwned>(given: &[Given]) -> Option<S> {
    let numbered = given.iter().enumerate();
    let others: Vec<usize> = numbered
        .filter_map(|(index, setting)| setting.other.as_ref().map(|_| index))
        .take(MOST)
        .collect();
    let mut choices: Vec<u32> = (1..1 << others.len()).collect();
    choices.sort_by_key(|choice| choice.count_ones());
    choices.into_iter().find_map(|choice| {
        let is_other = |index| {
            let place = others.iter().position(|other| *other == index);
            place.is_some_and(|place| choice & (1 << place) != 0)
        };
        read_all(given, is_other).ok()
    })
}

/// The setting whose value a reader complains about.
fn shown_in<'a>(error: &ReadError, given: &'a [Given]) -> Option<&'a Given> {
    let message = error.to_string();
    let is_shown = |setting: &&Given| match &setting.value.kind {
        ValueKind::String(text) => {
            let shown = [
                format!("string {text:?}"),
                format!("unknown variant `{text}`"),
            ];
            shown.iter().any(|shown| message.contains(shown))
        }
        _ => false,
    };
    let mut shown = given.iter().filter(is_shown);
    shown.next().filter(|_| shown.next().is_none())
}

fn read_table<S: DeserializeOwned>(table: Map<String, Value>) -> Result<S, ReadError> {
    S::deserialize(Reader(Value::new(None, ValueKind::Table(table))))
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

/// The key that was given under its name and under an alias.
fn twice_read(error: &ReadError) -> Option<String> {
    let message = error.to_string();
    let (key, _) = message.strip_prefix("duplicate field `")?.split_once('`')?;
    Some(key.to_owned())
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
