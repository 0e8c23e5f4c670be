//! Every event arrives as it was made, in one line of ASCII.
#![no_main]

use std::{collections::BTreeMap, fmt};

use acton_fuzz::{Asker, answered, css, line};
use acton_htmx::{HxEvent, HxResponseTrigger, When, headers};
use axum_core::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, json, value::RawValue};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    events: Vec<Event<'a>>,
    together: bool,
    foreign: Vec<&'a [u8]>,
}

#[derive(Arbitrary, Debug)]
struct Event<'a> {
    name: &'a str,
    detail: Option<Json<'a>>,
    target: Option<&'a str>,
    when: u8,
}

#[derive(Arbitrary, Debug)]
enum Json<'a> {
    Null,
    Truth(bool),
    Number(i64),
    Fraction(f64),
    Text(&'a str),
    List(Vec<Json<'a>>),
    Object(Vec<(&'a str, Json<'a>)>),
    Target(&'a str),
}

impl Json<'_> {
    /// The reader of this target follows 128 levels, browsers many more.
    fn value(&self, depth: u8) -> Value {
        match self {
            Self::Truth(truth) => (*truth).into(),
            Self::Number(number) => (*number).into(),
            Self::Fraction(fraction) => (*fraction).into(),
            Self::Text(text) => (*text).into(),
            Self::List(list) if depth > 0 => {
                list.iter().map(|value| value.value(depth - 1)).collect()
            }
            Self::Object(fields) if depth > 0 => fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.value(depth - 1)))
                .collect::<Map<_, _>>()
                .into(),
            Self::Target(selector) => json!({ "target": selector }),
            _ => Value::Null,
        }
    }
}

/// An event as a listener sees it: its detail, and the CSS of its target.
type Seen = (Map<String, Value>, Option<Vec<String>>);

type Made<'a> = (HxEvent, &'a str, usize, Seen, (bool, Option<String>));

const MOMENTS: [(When, HeaderName); 3] = [
    (When::Receive, headers::HX_TRIGGER),
    (When::Swap, headers::HX_TRIGGER_AFTER_SWAP),
    (When::Settle, headers::HX_TRIGGER_AFTER_SETTLE),
];

fuzz_target!(|input: Input<'_>| {
    let made: Vec<_> = input.events.iter().filter_map(Event::made).collect();
    let mut targets = BTreeMap::new();
    let is_torn = made
        .iter()
        .any(|(_, name, _, (_, target), _)| targets.entry(*name).or_insert(target) != &target);
    // Two ways to write one selector may be taken for two.
    let mut written = BTreeMap::new();
    let may_be_torn = made
        .iter()
        .any(|(_, name, .., text)| written.entry(*name).or_insert(text) != &text);
    let mut meant = [(); 3].map(|()| BTreeMap::new());
    for (_, name, moment, seen, _) in &made {
        meant[*moment].insert((*name).to_owned(), seen.clone());
    }
    let events = made.into_iter().map(|(event, ..)| event);

    let mut response = Response::default();
    for foreign in &input.foreign {
        if let Ok(value) = HeaderValue::from_bytes(foreign) {
            response.headers_mut().append(headers::HX_TRIGGER, value);
        }
    }
    let is_alone = response.headers().is_empty();
    let response = if input.together {
        (events.collect::<HxResponseTrigger>(), response).into_response()
    } else {
        events.fold(response, |response, event| {
            (event, response).into_response()
        })
    };

    let is_refused = response.status() == StatusCode::INTERNAL_SERVER_ERROR;
    // An event of one of the other lines may have another target, too.
    assert!(is_refused || !is_torn);
    assert!(!is_refused || may_be_torn || !is_alone);
    if is_refused {
        return;
    }

    let (parts, _) = response.into_parts();
    let copy = || Response::from_parts(parts.clone(), axum_core::body::Body::empty());
    let v2 = answered(Asker::V2, Uri::from_static("/"), copy());
    for (moment, (_, name)) in MOMENTS.iter().enumerate() {
        let may_hold_more = moment == 0 && !is_alone;
        assert_fired(v2.headers(), name, &meant[moment], may_hold_more);
    }
    let v4 = answered(Asker::V4, Uri::from_static("/"), copy());
    let all = meant.into_iter().flatten().collect();
    assert_fired(v4.headers(), &headers::HX_TRIGGER, &all, !is_alone);
    assert!(
        MOMENTS[1..]
            .iter()
            .all(|(_, name)| !v4.headers().contains_key(name))
    );
});

impl<'a> Event<'a> {
    /// The event, what a listener is meant to see of it, and its target as it is written, unless it is refused.
    fn made(&self) -> Option<Made<'a>> {
        let moment = usize::from(self.when) % 3;
        let mut event = HxEvent::new(self.name).when(MOMENTS[moment].0);
        let mut detail = Value::Null;
        if let Some(json) = &self.detail {
            detail = json.value(16);
            event = event.detail(&detail).ok()?;
        }
        let given = self.detail.as_ref().map(|_| detail);
        let mut fields = match given {
            None => Map::new(),
            Some(Value::Object(fields)) => fields,
            Some(value) => Map::from_iter([("value".to_owned(), value)]),
        };
        let target = match self.target {
            Some(target) => {
                event = event.target(target).ok()?;
                fields.remove("target");
                Some(target.to_owned())
            }
            None => match fields.remove("target") {
                Some(Value::String(target)) => Some(target),
                Some(Value::Null) | None => None,
                Some(other) => panic!("{other} was accepted as a target"),
            },
        };
        let written = (self.target.is_some(), target.clone());
        let target = target.map(|target| css(target.trim_ascii()));
        Some((event, self.name, moment, (fields, target), written))
    }
}

fn assert_fired(
    headers: &HeaderMap,
    name: &HeaderName,
    meant: &BTreeMap<String, Seen>,
    may_hold_more: bool,
) {
    if may_hold_more && meant.is_empty() {
        return;
    }
    let line = line(headers, name);
    assert!(line.is_some() || meant.is_empty(), "{name} is missing");
    let fired = line.map(|line| read(&line)).unwrap_or_default();
    let seen: BTreeMap<_, _> = fired.iter().cloned().collect();
    assert_eq!(seen.len(), fired.len(), "each event fires once");
    for (name, event) in meant {
        assert_eq!(seen.get(name), Some(event), "{name:?}");
    }
    if !may_hold_more {
        assert_eq!(seen.len(), meant.len(), "{seen:?}");
        assert_targeted_last(&fired);
    }
}

/// Browsers put names that are array indices first, so such names are left out.
fn assert_targeted_last(fired: &[(String, Seen)]) {
    let in_order = fired
        .iter()
        .filter(|(name, _)| name.parse::<u32>().is_err());
    let targeted: Vec<_> = in_order.map(|(_, (_, target))| target.is_some()).collect();
    assert!(
        targeted.is_sorted(),
        "events without a target come first: {fired:?}"
    );
}

/// `handleTriggerHeader` of both majors: a JSON object, or names between commas.
fn read(line: &str) -> Vec<(String, Seen)> {
    if !line.starts_with('{') {
        let names = line.split(',').map(|name| name.trim().to_owned());
        return names.map(|name| (name, Seen::default())).collect();
    }
    let events: Ordered<'_> =
        serde_json::from_str(line).expect("a line that begins with { is JSON");
    let events = events.0.into_iter();
    events
        .map(|(name, detail)| (name, seen(detail.get())))
        .collect()
}

/// Details that this reader cannot follow, such as half a surrogate pair, are never ours.
fn seen(detail: &str) -> Seen {
    let mut fields = match serde_json::from_str(detail) {
        Ok(Value::Object(fields)) => fields,
        Ok(value) => Map::from_iter([("value".to_owned(), value)]),
        Err(_) => Map::new(),
    };
    let target = fields.remove("target");
    let target = target.as_ref().and_then(Value::as_str);
    (fields, target.map(|target| css(target.trim_ascii())))
}

/// An object in the order in which it is written.
struct Ordered<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Ordered<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Ordered<'de> {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(entry) = map.next_entry()? {
            self.0.push(entry);
        }
        Ok(self)
    }
}
