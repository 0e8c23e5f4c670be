//! The lines where nobody else listens to spans and events.
//!
//! `tracing_subscriber::Registry` keeps the data of any number of layers with each span, which costs a request several
//! times as much as its line.

use tracing::{
    Event, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_core::span::Current;
use tracing_subscriber::filter::Targets;

use super::{
    Format,
    answered::{self, Answered},
    clock,
    entered::{self, Innermost},
    fields::Writer,
    line::{Write, flush_with_this_thread, tell_event, to_stdout, with_line},
    output::stdout,
    request_span,
    spans::{self, SpanId},
};

/// Writes every event as one line, like [`Lines`](super::Lines); a filter belongs around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    format: Format,
    write: Write,
    /// Whether that is the standard output, which makes the lines of requests later.
    gathers: bool,
    /// None for a filter around it that wants to see every span and event.
    quick: Option<Quick>,
}

/// What the filter around it lets through.
#[derive(Clone, Copy, Debug)]
struct Quick {
    requests: bool,
    answers: bool,
}

impl Log {
    /// To the standard output.
    pub(crate) fn new(format: Format) -> Self {
        Self {
            gathers: true,
            ..Self::to(to_stdout, format)
        }
    }

    pub(super) fn to(write: Write, format: Format) -> Self {
        Self {
            format,
            write,
            gathers: false,
            quick: None,
        }
    }

    /// For a filter that never looks at what spans and events say.
    pub(crate) fn behind(mut self, filter: &Targets) -> Self {
        self.quick = Some(Quick {
            requests: filter.would_enable(request_span::TARGET, &request_span::LEVEL),
            answers: filter.would_enable(answered::TARGET, &Level::INFO),
        });
        self
    }

    fn current(&self) -> Option<SpanId> {
        entered::current(self.format)
    }

    /// Writes the line of a request that was answered.
    pub(super) fn answered(&self, answered: &Answered<'_>, span: &Innermost<'_>) {
        if !self.quick.is_some_and(|quick| quick.answers) {
            return;
        }
        let time = clock::now();
        if let Innermost::Request(words) = span
            && self.gathers
            && stdout().gather(self.format, time, *words, answered)
        {
            flush_with_this_thread();
            return;
        }
        with_line(|line| {
            answered.line(line, self.format, time, span);
            (self.write)(line, false);
        });
    }
}

/// The log that listens here, if it needs a request's span only when somebody asks for it.
pub(super) fn listening() -> Option<Log> {
    let log = tracing::dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Log>().copied());
    log.filter(|log| log.quick.is_some_and(|quick| quick.requests))
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
            self.current()
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
            self.current()
        } else {
            event.parent().map(own)
        };
        let span = span.filter(|span| spans::metadata(*span).is_some());
        tell_event(self.format, self.write, event, span.as_ref());
    }

    fn enter(&self, id: &Id) {
        entered::enter(own(id));
    }

    fn exit(&self, id: &Id) {
        entered::exit(own(id));
    }

    fn clone_span(&self, id: &Id) -> Id {
        spans::keep(own(id));
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        spans::release(own(&id))
    }

    fn current_span(&self) -> Current {
        let current = self
            .current()
            .and_then(|id| Some((id, spans::metadata(id)?)));
        current.map_or_else(Current::none, |(id, metadata)| {
            Current::new(Id::from_u64(id.0), metadata)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tracing::{Dispatch, Span, dispatcher::with_default, error, info, info_span};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::log::{
        Lines,
        told::{TOLD, remember, told},
    };

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
