//! What a browser-side htmx reads out of response headers, after htmx's own rules.

use serde_json::{Map, Value};

use crate::browser::Answer;

/// The events of an `HX-Trigger*` header: a JSON object when it starts with `{`, else names between commas.
pub(crate) fn events(answer: &Answer, header: &str) -> Map<String, Value> {
    let lines = answer.all(header);
    assert!(lines.len() <= 1, "one {header} line, found {lines:?}");
    let Some(line) = lines.first().map(|line| line.trim()) else {
        return Map::new();
    };
    assert!(
        line.bytes().all(|byte| (0x20..=0x7E).contains(&byte)),
        "ASCII only: {line}"
    );
    if line.starts_with('{') {
        return serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    line.split(',')
        .map(|name| (name.trim().to_owned(), Value::Null))
        .collect()
}

/// The names of the events, in order.
pub(crate) fn event_names(answer: &Answer, header: &str) -> Vec<String> {
    events(answer, header).keys().cloned().collect()
}
