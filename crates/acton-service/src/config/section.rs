//! Hands each section its keys, and finds those that nobody asked for.

use std::collections::BTreeMap;

use config::{Value, ValueKind};
use serde::de::DeserializeOwned;

use super::{
    ConfigError,
    listing::Listing,
    reading,
    sources::{Node, Sources},
    values,
};

/// Every section there is, whatever features are on, with the feature it needs.
const SECTIONS: [(&str, Option<&str>); 19] = [
    ("service", None),
    ("tls", Some("tls")),
    ("limits", None),
    ("shutdown", None),
    ("log", None),
    ("otel", Some("otel")),
    ("metrics", Some("metrics")),
    ("cors", None),
    ("htmx", Some("htmx")),
    ("session", Some("session")),
    ("csrf", Some("session")),
    ("sse", Some("sse")),
    ("redis", Some("cache")),
    ("database", Some("database` or `sqlite")),
    ("turso", Some("turso")),
    ("jwt", Some("jwt")),
    ("password", Some("auth")),
    ("throttle", Some("auth")),
    ("app", None),
];

/// The names of all sections.
pub(super) const NAMES: [&str; SECTIONS.len()] = {
    let mut names = [""; SECTIONS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = SECTIONS[index].0;
        index += 1;
    }
    names
};

/// The sections nobody has taken yet.
pub(super) struct Sections {
    left: BTreeMap<String, BTreeMap<String, Node>>,
    origins: Origins,
    listing: Listing,
}

/// Where each setting was written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(BTreeMap<String, String>);

impl Origins {
    /// The sentence, with the place where each setting was written that it names.
    pub(crate) fn name_in(&self, error: ConfigError) -> ConfigError {
        let mut sentence = error.to_string();
        for (path, origin) in &self.0 {
            let name = format!("`{path}`");
            let named = format!("{name} ({origin})");
            if !sentence.contains(&named) {
                sentence = sentence.replacen(&name, &named, 1);
            }
        }
        ConfigError::new(sentence)
    }
}

impl Sections {
    pub(super) fn new(sources: Sources) -> Self {
        Self {
            left: sources.sections,
            origins: Origins::default(),
            listing: Listing::default(),
        }
    }

    /// Reads one section.
    pub(super) fn take<S: DeserializeOwned>(&mut self, name: &str) -> Result<S, ConfigError> {
        self.listing.section(name);
        let keys = self.left.remove(name).unwrap_or_default();
        let given = values::settle::<S>(name, keys)?;
        for setting in &given {
            let (key, origin) = (setting.key(), &setting.origin);
            self.listing.set(&key, &setting.value, origin);
            self.origins
                .0
                .insert(format!("{name}.{key}"), origin.clone());
        }
        for key in values::known_keys::<S>() {
            if !given.iter().any(|setting| setting.path[0] == key) {
                self.listing.unset(&key);
            }
        }
        reading::read(name, given)
    }

    /// Reads the application's section, which may be no section at all.
    pub(super) fn take_app<T: DeserializeOwned>(&mut self) -> Result<T, ConfigError> {
        if !self.left.contains_key("app")
            && let Ok(nothing) = Value::new(None, ValueKind::Nil).try_deserialize()
        {
            return Ok(nothing);
        }
        self.take("app")
    }

    /// Whatever is left does not exist.
    pub(super) fn finish(self) -> Result<(Listing, Origins), ConfigError> {
        let Some((name, keys)) = self.left.into_iter().next() else {
            return Ok((self.listing, self.origins));
        };
        let origin = keys.values().next().map_or("", Node::origin);
        let known = SECTIONS.iter().find(|(known, _)| *known == name);
        Err(match known {
            Some((_, Some(feature))) => ConfigError::new(format!(
                "the section [{name}] ({origin}) needs the feature `{feature}` of acton-service"
            )),
            _ => ConfigError::new(format!(
                "the section [{name}] ({origin}) does not exist; known: {}",
                NAMES.join(", ")
            )),
        })
    }
}
