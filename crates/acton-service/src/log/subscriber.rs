//! The lines where nobody else listens to spans and events.
//!
//! `tracing_subscriber::Registry` keeps the data of any number of layers with each span, which costs a request several
//! times as much as its line.

use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_core::span::Current;

use super::{
    Format,
    fields::Writer,
    line::{Spans, Write, tell, to_stdout, with_line},
    spans::{self, SpanId},
};

/// Writes every event as one line, like [`Lines`](super::Lines); a filter belongs around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    format: Format,
    write: Write,
}

impl Log {
    /// To the standard output.
    pub(crate) fn new(format: Format) -> Self {
        Self::to(to_stdout, format)
    }

    pub(super) fn to(write: Write, format: Format) -> Self {
        Self { format, write }
    }
}

fn own(id: &Id) -> SpanId {
    SpanId(id.into_u64())
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let parent = if attributes.is_contextual() {
            spans::current()
        } else {
            attributes.parent().map(own)
        };
        // Values may log while they are written, so this comes before the span is there.
        let id = with_line(|text| {
            attributes.record(&mut Writer::new(text, self.format));
            spans::open(attributes.metadata(), parent, text)
        });
        Id::from_u64(id.0)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        with_line(|text| {
            values.record(&mut Writer::new(text, self.format));
            let separator = match self.format {
                Format::Text => b' ',
                Format::Json => b',',
            };
            spans::add(own(id), separator, text);
        });
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let span = if event.is_contextual() {
            spans::current()
        } else {
            event.parent().map(own)
        };
        let span = span.filter(|span| spans::metadata(*span).is_some());
        tell(self.format, self.write, event, span.as_ref());
    }

    fn enter(&self, id: &Id) {
        spans::enter(own(id));
    }

    fn exit(&self, id: &Id) {
        spans::exit(own(id));
    }

    fn clone_span(&self, id: &Id) -> Id {
        spans::keep(own(id));
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        spans::release(own(&id))
    }

    fn current_span(&self) -> Current {
        let current = spans::current().and_then(|id| Some((id, spans::metadata(id)?)));
        current.map_or_else(Current::none, |(id, metadata)| {
            Current::new(Id::from_u64(id.0), metadata)
        })
    }
}

impl Spans for SpanId {
    fn outermost_first(&self, each: &mut dyn FnMut(&str, &[u8])) {
        if let Some(parent) = spans::parent(*self) {
            parent.outermost_first(each);
        }
        self.innermost(each);
    }

    fn innermost(&self, then: &mut dyn FnMut(&str, &[u8])) {
        spans::with(*self, then);
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, thread};

    use tracing::{Dispatch, Span, dispatcher::with_default, error, info, info_span};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::log::Lines;

    thread_local! {
        static TOLD: RefCell<String> = const { RefCell::new(String::new()) };
    }

    fn remember(line: &[u8], urgent: bool) {
        TOLD.with_borrow_mut(|told| {
            told.push_str(if urgent { "!" } else { " " });
            told.push_str(std::str::from_utf8(line).unwrap());
        });
    }

    /// What this tells, without its times.
    fn told(subscriber: impl Into<Dispatch>, tell: fn()) -> String {
        with_default(&subscriber.into(), tell);
        let told = TOLD.take();
        let time = "2026-11-27T09:30:00.000123Z".len();
        let timeless = told.lines().map(|line| match line.find("20") {
            Some(place) => format!("{}{}\n", &line[..place], &line[place + time..]),
            None => panic!("no time: {line}"),
        });
        timeless.collect()
    }

    fn story() {
        info!("alone");
        let outer = info_span!("request", id = "a b", later = tracing::field::Empty);
        let kept = outer.clone();
        let in_outer = outer.enter();
        error!(code = 7, "in one");
        let inner = info_span!("query", table = "tasks");
        inner.in_scope(|| info!(value = ?"quoted", "in two"));
        kept.record("later", 1);
        Span::current().record("id", "c");
        info!("recorded");
        info_span!(parent: None, "apart").in_scope(|| info!("apart"));
        info_span!(parent: &inner, "below", value = ?"quoted").in_scope(|| info!("below"));
        info!(parent: &inner, "sent there");
        info!(parent: None, "sent out");
        drop(in_outer);
        drop(outer);
        // A child keeps its parents.
        drop(kept);
        inner.in_scope(|| info!("the last"));
        info!("alone again");
    }

    #[test]
    fn it_tells_what_the_layer_tells() {
        for format in [Format::Text, Format::Json] {
            let layer = Lines::to(remember, format);
            let expected = told(tracing_subscriber::registry().with(layer), story);
            assert_eq!(expected.lines().count(), 10, "{expected}");
            assert_eq!(told(Log::to(remember, format), story), expected);
        }
    }

    #[test]
    fn a_span_that_was_left_in_a_thread_is_not_taken_for_the_next_one() {
        let left = told(Log::to(remember, Format::Text), || {
            let span = info_span!("left");
            let dispatch = tracing::dispatcher::get_default(Clone::clone);
            if let Some(id) = span.id() {
                dispatch.enter(&id);
            }
            drop(span);
            let _next = info_span!("next");
            info!("said");
        });
        assert!(!left.contains("next"), "{left}");
    }

    #[test]
    fn spans_go_from_thread_to_thread() {
        let log = Dispatch::new(Log::to(remember, Format::Text));
        let span = with_default(&log, || info_span!("request", id = 1));
        let others = (0..8).map(|_| {
            let (log, span) = (log.clone(), span.clone());
            thread::spawn(move || {
                with_default(&log, || {
                    for _ in 0..1000 {
                        let _entered = span.enter();
                        let _child = info_span!("child", of = 1).entered();
                        info!("said");
                    }
                    let told = TOLD.take();
                    told.lines()
                        .filter(|line| line.contains("request{id=1}:child{of=1}: "))
                        .count()
                })
            })
        });
        let others: Vec<_> = others.collect();
        drop(span);
        for other in others {
            assert_eq!(other.join().unwrap(), 1000);
        }
    }
}
