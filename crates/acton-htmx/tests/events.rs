//! Every event that a handler fires is fired, on its element and with its detail, by the rules of both
//! versions of htmx.
#![expect(
    clippy::unwrap_used,
    reason = "what cannot be unwrapped fails the test"
)]

mod browser;

use std::{collections::BTreeMap, fmt};

use acton_htmx::{HtmxVersion, HxEvent, HxResponseTrigger, When, headers};
use axum::{
    http::{HeaderMap, HeaderName, StatusCode},
    response::IntoResponse,
};
use proptest::prelude::*;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, json};

use browser::{SELECTOR, VERSIONS, answered, css_unescaped, line};

const MOMENTS: [(When, HeaderName); 3] = [
    (When::Receive, headers::HX_TRIGGER),
    (When::Swap, headers::HX_TRIGGER_AFTER_SWAP),
    (When::Settle, headers::HX_TRIGGER_AFTER_SETTLE),
];

/// An event as it reaches a listener.
#[derive(Clone, Debug, PartialEq)]
struct Fired {
    name: String,
    detail: Value,
    /// The selector of the element; `None` is the one that sent the request.
    target: Option<String>,
}

/// A JSON object as a browser keeps it: whole numbers first, then in the order of the text.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<(String, Value)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }

        let mut entries = deserializer.deserialize_map(Entries)?;
        entries.sort_by_key(|(name, _)| index(name).unwrap_or(u32::MAX));
        Ok(Self(entries))
    }
}

/// <https://tc39.es/ecma262/#array-index>
fn index(name: &str) -> Option<u32> {
    let number: u32 = name.parse().ok()?;
    (number < u32::MAX && number.to_string() == name).then_some(number)
}

/// `handleTriggerHeader` of both majors: a JSON object, or names between commas.
fn fired(version: HtmxVersion, line: &str) -> Vec<Fired> {
    if !line.starts_with('{') {
        let names = line.split(',').map(|name| name.trim().to_owned());
        let event = |name| Fired {
            name,
            detail: json!({}),
            target: None,
        };
        return names.map(event).collect();
    }
    let Object(entries) = serde_json::from_str(line).unwrap();
    // htmx 2 keeps the element of one event for those that follow.
    let mut kept = None;
    let mut fired = Vec::new();
    for (name, detail) in entries {
        let selected = detail.get("target").map(|target| match target {
            Value::String(selector) => css_unescaped(selector),
            other => panic!("htmx would look for {other}"),
        });
        let (target, detail) = match version {
            HtmxVersion::V2 => {
                kept = selected.or(kept);
                let detail = if detail.is_object() {
                    detail
                } else {
                    json!({ "value": detail })
                };
                (kept.clone(), detail)
            }
            _ => {
                assert!(
                    !detail.get("cancelled").is_some_and(is_truthy),
                    "htmx 4 would not fire"
                );
                let object = detail.is_object() || detail.is_array() || detail.is_null();
                let detail = if object {
                    detail
                } else {
                    json!({ "value": detail })
                };
                (selected, detail)
            }
        };
        fired.push(Fired {
            name,
            detail,
            target,
        });
    }
    fired
}

fn is_truthy(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// An event of a handler.
#[derive(Clone, Debug)]
struct Said {
    detail: Option<Value>,
    target: Option<String>,
    moment: usize,
}

impl Said {
    /// The responder, unless it is refused.
    fn event(&self, name: &str) -> Option<HxEvent> {
        let mut event = HxEvent::new(name).when(MOMENTS[self.moment].0);
        if let Some(detail) = &self.detail {
            event = event.detail(detail).ok()?;
        }
        if let Some(target) = &self.target {
            event = event.target(target).ok()?;
        }
        Some(event)
    }

    /// What a listener is to see.
    fn meant(&self, name: &str, version: HtmxVersion) -> Fired {
        let mut target = self.target.clone();
        let mut detail = match self.detail.clone() {
            None => json!({}),
            Some(Value::Object(mut fields)) => {
                match fields.remove("target") {
                    Some(Value::String(selector)) => {
                        target = target.or(Some(css_unescaped(&selector)));
                    }
                    Some(Value::Null) | None => {}
                    Some(other) => panic!("{other} is refused"),
                }
                fields.into()
            }
            Some(list @ (Value::Array(_) | Value::Null))
                if version == HtmxVersion::V4 && target.is_none() =>
            {
                list
            }
            Some(value) => json!({ "value": value }),
        };
        if let (Some(target), Value::Object(fields)) = (&target, &mut detail) {
            fields.insert("target".to_owned(), target.as_str().into());
        }
        Fired {
            name: name.to_owned(),
            detail,
            target,
        }
    }
}

/// The selector in the detail, as it was said.
fn unescaped(mut fired: Fired) -> Fired {
    if let Some(Value::String(target)) = fired.detail.get_mut("target") {
        *target = css_unescaped(target);
    }
    fired
}

fn said() -> impl Strategy<Value = Said> {
    let target = prop_oneof![3 => Just(None), 1 => SELECTOR.prop_map(Some)];
    (prop::option::of(browser::json()), target, 0usize..3).prop_map(|(detail, target, moment)| {
        Said {
            detail,
            target,
            moment,
        }
    })
}

fn by_name(mut fired: Vec<Fired>) -> Vec<Fired> {
    fired.sort_by(|one, other| one.name.cmp(&other.name));
    fired
}

/// What listeners see of an answer, moment by moment.
fn seen(version: HtmxVersion, headers: &HeaderMap) -> [Vec<Fired>; 3] {
    MOMENTS.map(|(_, header)| {
        let line = line(headers, &header);
        let fired = line.map(|line| fired(version, &line));
        by_name(
            fired
                .unwrap_or_default()
                .into_iter()
                .map(unescaped)
                .collect(),
        )
    })
}

proptest! {
    #[test]
    fn every_event_is_fired_as_it_was_said(
        events in prop::collection::btree_map(prop_oneof![any::<String>(), "[a-c]"], said(), 0..5),
        parted in any::<bool>(),
        status in prop::sample::select(vec![200_u16, 201, 204, 403, 404, 422, 500]),
    ) {
        // A name that is a whole number comes first, whatever is written first.
        let sound = events.iter().filter(|(name, _)| index(name).is_none());
        let sound: BTreeMap<_, _> = sound.filter(|(name, said)| said.event(name).is_some()).collect();
        let made = || sound.iter().map(|(name, said)| said.event(name).unwrap());
        for version in VERSIONS {
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = (status, "").into_response();
            if parted {
                for event in made() {
                    response = (event, response).into_response();
                }
            } else {
                response = (made().collect::<HxResponseTrigger>(), response).into_response();
            }
            let (headers, _) = answered(version, response);
            // What is not swapped has one moment, and so has everything in htmx 4.
            let swaps = status.is_success() && status != 204 || status == 422;
            let one_moment = version == HtmxVersion::V4 || !swaps;
            for (moment, seen) in seen(version, &headers).into_iter().enumerate() {
                let meant = sound.iter().filter(|(_, said)| match one_moment {
                    true => moment == 0,
                    false => said.moment == moment,
                });
                let meant = meant.map(|(name, said)| said.meant(name, version));
                prop_assert_eq!(seen, by_name(meant.collect()), "{:?} {}", version, status);
            }
        }
    }

    #[test]
    fn of_two_events_with_one_name_the_later_is_fired_or_none(first in said(), second in said()) {
        let (Some(one), Some(other)) = (first.event("a"), second.event("a")) else { return Ok(()) };
        for version in VERSIONS {
            let (headers, _) = answered(version, (one.clone(), other.clone(), ()).into_response());
            let meant = [&first, &second].map(|said| said.meant("a", version));
            let mut expected = [vec![], vec![], vec![]];
            if meant[0].target == meant[1].target {
                for (said, meant) in [&first, &second].into_iter().zip(meant) {
                    let moment = if version == HtmxVersion::V4 { 0 } else { said.moment };
                    expected[moment] = vec![meant];
                }
                // All moments of htmx 4 are one, in which the later moment counts.
                if version == HtmxVersion::V4 && first.moment > second.moment {
                    expected[0] = vec![first.meant("a", version)];
                }
            }
            prop_assert_eq!(seen(version, &headers), expected, "{:?}", version);
        }
    }

    #[test]
    fn numbers_arrive_as_they_are_or_not_at_all(number in prop_oneof![any::<f64>(), any::<i64>().prop_map(|number| number as f64)], whole in any::<i64>()) {
        let sent = HxEvent::new("a").detail(&number);
        prop_assert_eq!(sent.is_ok(), number.is_finite());
        if let Ok(event) = sent {
            let (headers, _) = answered(HtmxVersion::V2, (event, ()).into_response());
            let text = line(&headers, &headers::HX_TRIGGER).unwrap();
            let read = text.strip_prefix("{\"a\":").and_then(|text| text.strip_suffix('}'));
            prop_assert_eq!(read.unwrap().parse::<f64>().unwrap().to_bits(), number.to_bits());
        }
        let is_exact = i128::from(whole) == (whole as f64) as i128;
        let sent = HxEvent::new("a").detail(&whole);
        prop_assert!(is_exact || sent.is_err(), "{}", whole);
    }
}
