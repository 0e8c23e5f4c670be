//! One line of `HX-Trigger`, read and written by the rules of htmx.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::{RawValue, Value};

use crate::json;

/// An event as it travels. The detail is JSON in visible ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) detail: Option<String>,
    /// The element that the detail selects, as JSON.
    pub(crate) target: Option<String>,
}

impl Entry {
    pub(crate) const fn bare(name: String) -> Self {
        Self {
            name,
            detail: None,
            target: None,
        }
    }

    fn read(name: String, detail: &RawValue) -> Self {
        Self {
            name,
            detail: Some(json::escape(detail.get())),
            target: target_of(detail),
        }
    }

    /// Whether the name means itself in a list of names.
    fn fits_a_list(&self) -> bool {
        let name = self.name.as_bytes();
        let visible = name
            .iter()
            .all(|byte| byte.is_ascii_graphic() && *byte != b',');
        self.detail.is_none() && !name.is_empty() && visible && name[0] != b'{'
    }
}

/// The events of one moment, in the order in which they fire.
#[derive(Debug, Default)]
pub(crate) struct Line(Vec<Entry>);

impl Line {
    /// Reads every line of a header. A line that htmx could not read holds no events.
    pub(crate) fn read(headers: &HeaderMap, name: &HeaderName) -> Self {
        let mut line = Self::default();
        for value in headers.get_all(name) {
            let text = String::from_utf8_lossy(value.as_bytes());
            line.extend(Self::parse(&text));
        }
        line
    }

    /// Whether the header is absent, or one line that needs no rewriting.
    pub(crate) fn is_sound(headers: &HeaderMap, name: &HeaderName) -> bool {
        let mut lines = headers.get_all(name).iter();
        lines.next().is_none_or(|value| value.to_str().is_ok()) && lines.next().is_none()
    }

    fn parse(text: &str) -> Self {
        if text.starts_with('{') {
            let object: Object = serde_json::from_str(text).unwrap_or_default();
            return object.0;
        }
        let names = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let mut line = Self::default();
        names.for_each(|name| line.push(Entry::bare(name.to_owned())));
        line
    }

    /// Adds an event; an event of the same name gives way.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.0.retain(|earlier| earlier.name != entry.name);
        self.0.push(entry);
    }

    /// Whether an event of this name is there for another element: a line holds one of a name.
    pub(crate) fn aims_elsewhere(&self, entry: &Entry) -> bool {
        let mut others = self.0.iter();
        others.any(|other| other.name == entry.name && other.target != entry.target)
    }

    pub(crate) fn extend(&mut self, other: Self) {
        other.0.into_iter().for_each(|entry| self.push(entry));
    }

    /// Replaces the header, or removes it when there is no event.
    pub(crate) fn write(&self, headers: &mut HeaderMap, name: HeaderName) {
        if self.0.is_empty() {
            headers.remove(name);
        } else {
            headers.insert(name, self.header_value());
        }
    }

    pub(crate) fn header_value(&self) -> HeaderValue {
        let text = if self.0.iter().all(Entry::fits_a_list) {
            self.list()
        } else {
            self.object()
        };
        HeaderValue::from_str(&text).expect("a trigger line is visible ASCII")
    }

    fn list(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|entry| entry.name.as_str()).collect();
        names.join(", ")
    }

    /// htmx 2 fires what follows an event with a target on that target too, so those come last.
    fn object(&self) -> String {
        let (targeted, plain): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|entry| entry.target.is_some());
        let mut text = String::from("{");
        for (position, entry) in plain.into_iter().chain(targeted).enumerate() {
            let name = serde_json::Value::from(entry.name.as_str()).to_string();
            let detail = entry.detail.as_deref().unwrap_or("{}");
            let comma = if position == 0 { "" } else { "," };
            write!(text, "{comma}{}:{detail}", json::escape(&name)).expect("writing to a string");
        }
        text.push('}');
        text
    }
}

/// A JSON object in the order in which it is written.
#[derive(Default)]
struct Object(Line);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Self;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object with events")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((name, detail)) = map.next_entry::<String, &RawValue>()? {
            self.0.push(Entry::read(name, detail));
        }
        Ok(self)
    }
}

fn target_of(detail: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Detail {
        #[serde(default)]
        target: Option<Value>,
    }
    let object = detail.get().starts_with('{').then_some(detail.get())?;
    let detail: Detail = serde_json::from_str(object).ok()?;
    detail.target.map(|target| target.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: HeaderName = crate::headers::HX_TRIGGER;

    fn merged(lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(NAME, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        Line::read(&headers, &NAME)
            .header_value()
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn plain_names_are_a_list() {
        assert_eq!(merged(&["a, b", "c"]), "a, b, c");
    }

    #[test]
    fn a_detail_turns_the_line_into_an_object() {
        assert_eq!(
            merged(&["a", r#"{"b":{"x":1.50}}"#]),
            r#"{"a":{},"b":{"x":1.50}}"#
        );
    }

    #[test]
    fn events_with_a_target_come_last() {
        let targeted = r##"{"b":{"target":"#x"},"a":1}"##;
        assert_eq!(
            merged(&[targeted, "c"]),
            r##"{"a":1,"c":{},"b":{"target":"#x"}}"##
        );
    }

    #[test]
    fn of_two_events_with_one_name_the_later_counts() {
        assert_eq!(merged(&[r#"{"a":1}"#, r#"{"a":2}"#]), r#"{"a":2}"#);
    }

    #[test]
    fn a_line_that_htmx_could_not_read_is_left_out() {
        assert_eq!(merged(&[r#"{"a":"#, "b"]), "b");
    }

    #[test]
    fn text_outside_ascii_is_escaped() {
        assert_eq!(merged(&["é"]), r#"{"\u00e9":{}}"#);
    }

    #[test]
    fn arrays_and_text_have_no_target() {
        let target = |json: &str| target_of(&RawValue::from_string(json.to_owned()).unwrap());
        assert_eq!(target(r##"["#x"]"##), None);
        assert_eq!(target(r#""target""#), None);
        assert_eq!(target(r#"{"target": null}"#), None);
        assert_eq!(target(r#"{"target": "a"}"#).as_deref(), Some("\"a\""));
    }
}
