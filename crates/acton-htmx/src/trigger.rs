//! Events that a response fires in the browser.
//!
//! Whatever fires them, all events of one moment end in one header line: htmx joins several
//! lines with a comma and then fails to read them.
//!
//! Reference: <https://htmx.org/headers/hx-trigger/>

use axum_core::response::{IntoResponseParts, ResponseParts};
use http::{HeaderMap, HeaderName};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    error::Error,
    headers, json,
    selector::Selector,
    trigger_line::{Entry, Line},
};

/// When the events of a response fire.
///
/// htmx 4 knows only one moment, after the swap; there, every event fires then, and of two events
/// with one name at different moments only the later one fires. What has to happen twice there
/// needs two names. Where nothing is swapped, as for a 204 or an [`HxLocation`](crate::HxLocation),
/// htmx 2 has one moment as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum When {
    /// As soon as the response arrives.
    #[default]
    Receive,
    /// When the content is swapped.
    Swap,
    /// When the content has settled.
    Settle,
}

impl When {
    const ALL: [Self; 3] = [Self::Receive, Self::Swap, Self::Settle];

    pub(crate) const fn header(self) -> HeaderName {
        match self {
            Self::Receive => headers::HX_TRIGGER,
            Self::Swap => headers::HX_TRIGGER_AFTER_SWAP,
            Self::Settle => headers::HX_TRIGGER_AFTER_SETTLE,
        }
    }
}

/// An event, fired on the element that sent the request unless it has a target.
///
/// Any text can be a name, but names that begin with `htmx:` belong to htmx's own events: its
/// listeners, and those of the script in `Head`, would take such an event for one of htmx. Only
/// `htmx:abort` is meant to come from elsewhere. htmx 2 fires a name with capitals a second time,
/// with dashes: `taskSaved` and `task-saved`.
///
/// Of two events with one name and one moment ([`When`]) the later one counts; in htmx 4 all
/// moments are one. With different targets they are refused, whatever their moments: as a response
/// that is a 500 with [`Error::EventTwice`], and two elements need two names.
///
/// ```
/// use acton_htmx::HxEvent;
///
/// async fn save() -> Result<(HxEvent, &'static str), acton_htmx::Error> {
///     let saved = HxEvent::new("saved").detail(&["Milk"])?.target("#list")?;
///     Ok((saved, "<p>Saved</p>"))
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an event is fired only when returned from the handler"]
pub struct HxEvent {
    name: String,
    detail: Option<Value>,
    target: Option<Selector>,
    when: When,
}

impl HxEvent {
    /// An event without a detail, fired when the response arrives.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            detail: None,
            target: None,
            when: When::default(),
        }
    }

    /// Adds what listeners find in `event.detail`.
    ///
    /// An object arrives as it is, where its field `target` selects the element, and `null` there
    /// is left out, because htmx 2 would look for no element and stop; text, a number
    /// or a boolean arrives as `event.detail.value`. An array or `null` arrives as
    /// `event.detail.value` in htmx 2 and as `event.detail` in htmx 4. htmx 2 puts the element into
    /// the field `elt`, and also reports what stands in `error`.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] when the value cannot be written as JSON, [`Error::Selector`] when its field
    /// `target` is not a selector, [`Error::Number`] for a number that would arrive as another,
    /// [`Error::EventDetail`] when its field `cancelled` is anything but
    /// `false` or `null`: htmx 4 then fires nothing.
    pub fn detail<T: Serialize + ?Sized>(mut self, detail: &T) -> Result<Self, Error> {
        let mut detail = json::to_value(detail)?;
        if let Value::Object(fields) = &mut detail {
            check_target(fields)?;
            if !matches!(
                fields.get("cancelled"),
                None | Some(Value::Null | Value::Bool(false))
            ) {
                return Err(Error::EventDetail("cancelled"));
            }
        }
        self.detail = Some(detail);
        Ok(self)
    }

    /// Fires the event on the first element that matches the selector of CSS, and on the document
    /// when there is none.
    ///
    /// A detail that is not an object then arrives as `event.detail.value`. Among several events
    /// those with a target fire last, since htmx 2 fires whatever follows one on its target too; a
    /// name that is a whole number defeats that, because browsers take such names first.
    ///
    /// # Errors
    ///
    /// [`Error::Selector`] when the selector cannot be sent.
    pub fn target(mut self, selector: &str) -> Result<Self, Error> {
        self.target = Some(Selector::css(selector)?);
        Ok(self)
    }

    /// Fires the event at another moment.
    pub fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    fn entry(self) -> Entry {
        let Self {
            name,
            detail,
            target,
            ..
        } = self;
        let detail = match (detail, target) {
            (None, None) => return Entry::bare(name),
            (detail, None) => detail.unwrap_or_default(),
            (detail, Some(target)) => targeted(detail, &target),
        };
        Entry {
            name,
            target: detail.get("target").map(Value::to_string),
            detail: Some(json::escape(&detail.to_string())),
        }
    }
}

fn targeted(detail: Option<Value>, target: &Selector) -> Value {
    let mut object = match detail {
        None => serde_json::Map::new(),
        Some(Value::Object(object)) => object,
        Some(value) => [("value".to_owned(), value)].into_iter().collect(),
    };
    object.insert("target".to_owned(), target.as_str().into());
    object.into()
}

/// htmx 2 throws, and loses the swap, when `target` is neither absent nor a selector.
fn check_target(fields: &mut Map<String, Value>) -> Result<(), Error> {
    match fields.get("target") {
        None => Ok(()),
        Some(Value::String(selector)) => Selector::css(selector).map(drop),
        Some(Value::Null) => {
            fields.remove("target");
            Ok(())
        }
        Some(other) => Err(Error::Selector(other.to_string())),
    }
}

impl From<&str> for HxEvent {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for HxEvent {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

/// Any number of events.
///
/// ```
/// use acton_htmx::{HxEvent, HxResponseTrigger, When};
///
/// let trigger = HxResponseTrigger::new("saved").and(HxEvent::new("counted").when(When::Settle));
/// # drop(trigger);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "events are fired only when returned from the handler"]
pub struct HxResponseTrigger(Vec<HxEvent>);

impl HxResponseTrigger {
    /// One event.
    pub fn new(event: impl Into<HxEvent>) -> Self {
        Self(vec![event.into()])
    }

    /// One more event.
    pub fn and(mut self, event: impl Into<HxEvent>) -> Self {
        self.0.push(event.into());
        self
    }
}

impl<E: Into<HxEvent>> FromIterator<E> for HxResponseTrigger {
    fn from_iter<I: IntoIterator<Item = E>>(events: I) -> Self {
        Self(events.into_iter().map(Into::into).collect())
    }
}

impl IntoResponseParts for HxResponseTrigger {
    type Error = Error;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Error> {
        for when in When::ALL {
            let events = self.0.iter().filter(|event| event.when == when);
            fire(parts.headers_mut(), when, events.cloned())?;
        }
        Ok(parts)
    }
}

impl IntoResponseParts for HxEvent {
    type Error = Error;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Error> {
        let when = self.when;
        fire(parts.headers_mut(), when, [self])?;
        Ok(parts)
    }
}

/// Adds events to what the header already says.
fn fire(
    headers: &mut HeaderMap,
    when: When,
    events: impl IntoIterator<Item = HxEvent>,
) -> Result<(), Error> {
    let mut events = events.into_iter().peekable();
    if events.peek().is_none() {
        return Ok(());
    }
    let name = when.header();
    let mut line = Line::read(headers, &name);
    let others = When::ALL.into_iter().filter(|other| *other != when);
    let others: Vec<_> = others
        .map(|other| Line::read(headers, &other.header()))
        .collect();
    for event in events {
        let entry = event.entry();
        if others
            .iter()
            .chain([&line])
            .any(|line| line.aims_elsewhere(&entry))
        {
            return Err(Error::EventTwice(entry.name));
        }
        line.push(entry);
    }
    headers.insert(name, line.header_value());
    Ok(())
}

/// The headers that htmx 4 ignores.
const LATE: [HeaderName; 2] = [
    headers::HX_TRIGGER_AFTER_SWAP,
    headers::HX_TRIGGER_AFTER_SETTLE,
];

/// Whether a response has events that htmx 4 would miss.
pub(crate) fn has_late(headers: &HeaderMap) -> bool {
    LATE.iter().any(|name| headers.contains_key(name))
}

/// Leaves one valid line for each moment, and for htmx 4 one line in all.
pub(crate) fn merge(headers: &mut HeaderMap, one_moment: bool) {
    let mut line = Line::read(headers, &headers::HX_TRIGGER);
    for name in LATE {
        let moment = Line::read(headers, &name);
        if one_moment {
            headers.remove(&name);
            line.extend(moment);
        } else {
            moment.write(headers, name);
        }
    }
    line.write(headers, headers::HX_TRIGGER);
}

/// Whether [`merge`] has anything to do.
pub(crate) fn is_plain(headers: &HeaderMap, one_moment: bool) -> bool {
    Line::is_sound(headers, &headers::HX_TRIGGER)
        && LATE.iter().all(|name| {
            if one_moment {
                !headers.contains_key(name)
            } else {
                Line::is_sound(headers, name)
            }
        })
}

#[cfg(test)]
mod tests {
    use axum_core::response::IntoResponse;
    use serde_json::json;

    use super::*;

    fn line(parts: impl IntoResponseParts) -> String {
        let response = (parts, ()).into_response();
        let lines: Vec<_> = response
            .headers()
            .get_all(headers::HX_TRIGGER)
            .iter()
            .collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0].to_str().unwrap().to_owned()
    }

    fn with(name: &str, detail: Value) -> HxEvent {
        HxEvent::new(name).detail(&detail).unwrap()
    }

    #[test]
    fn an_event_alone_is_its_name() {
        assert_eq!(line(HxEvent::new("saved")), "saved");
    }

    #[test]
    fn several_responders_share_one_line() {
        let parts = (
            with("a", json!({"x": 1})),
            HxResponseTrigger::new("b").and(with("c", json!(2))),
        );
        assert_eq!(line(parts), r#"{"a":{"x":1},"b":{},"c":2}"#);
    }

    #[test]
    fn a_target_makes_an_object_of_any_detail() {
        let event = with("a", json!("x")).target("#é").unwrap();
        assert_eq!(line(event), r##"{"a":{"target":"#\\0000e9","value":"x"}}"##);
    }

    #[test]
    fn a_target_in_the_detail_is_a_selector_or_nothing() {
        let detail = |target| HxEvent::new("a").detail(&json!({"target": target, "x": 1}));
        assert_eq!(line(detail(json!(null)).unwrap()), r#"{"a":{"x":1}}"#);
        assert_eq!(
            line(detail(json!("#x")).unwrap()),
            r##"{"a":{"target":"#x","x":1}}"##
        );
        for target in [json!(5), json!(""), json!("a["), json!({})] {
            assert!(detail(target.clone()).is_err(), "{target}");
        }
    }

    #[test]
    fn an_event_that_htmx_4_would_not_fire_is_refused() {
        let detail = |cancelled| HxEvent::new("a").detail(&json!({ "cancelled": cancelled }));
        for cancelled in [json!(true), json!(1), json!("no"), json!({})] {
            let refused = detail(cancelled.clone());
            assert!(
                matches!(refused, Err(Error::EventDetail("cancelled"))),
                "{cancelled}"
            );
        }
        assert!(detail(json!(false)).is_ok() && detail(json!(null)).is_ok());
    }

    #[test]
    fn untargeted_events_come_first() {
        let targeted = HxEvent::new("a").target("#x").unwrap();
        assert_eq!(
            line((targeted, HxEvent::new("b"))),
            r##"{"b":{},"a":{"target":"#x"}}"##
        );
    }

    #[test]
    fn one_name_is_for_one_element() {
        let event = |target: Option<&str>, when| {
            let event = HxEvent::new("a").when(when);
            target.map_or(event.clone(), |target| event.target(target).unwrap())
        };
        let targets = [None, Some("#x"), Some("#y")];
        for first in targets {
            for second in targets {
                for when in When::ALL {
                    let apart = || (event(first, When::Receive), event(second, when));
                    let together = HxResponseTrigger::new(apart().0).and(apart().1);
                    let expected = if first == second { 200 } else { 500 };
                    assert_eq!((apart(), ()).into_response().status(), expected);
                    assert_eq!(together.into_response().status(), expected, "{when:?}");
                }
            }
        }
        let in_detail = with("a", json!({"target": "#x"}));
        let alike = (in_detail, event(Some("#x"), When::Receive));
        assert_eq!(line(alike), r##"{"a":{"target":"#x"}}"##);
    }

    #[test]
    fn what_only_htmx_reads_is_no_target() {
        assert!(HxEvent::new("a").target("<tr/>").is_err());
        assert!(
            HxEvent::new("a")
                .detail(&json!({"target": "<tr/>"}))
                .is_err()
        );
    }

    #[test]
    fn names_that_a_list_would_split_are_keys() {
        assert_eq!(line(HxEvent::new("a, b")), r#"{"a, b":{}}"#);
        assert_eq!(line(HxEvent::new("{")), r#"{"{":{}}"#);
        assert_eq!(line(HxEvent::new("")), r#"{"":{}}"#);
    }

    #[test]
    fn each_moment_has_its_header() {
        let events: HxResponseTrigger = [When::Swap, When::Settle]
            .map(|when| HxEvent::new("a").when(when))
            .into_iter()
            .collect();
        let response = (events, ()).into_response();
        assert!(!response.headers().contains_key(headers::HX_TRIGGER));
        assert_eq!(response.headers()[headers::HX_TRIGGER_AFTER_SWAP], "a");
        assert_eq!(response.headers()[headers::HX_TRIGGER_AFTER_SETTLE], "a");
    }
}
