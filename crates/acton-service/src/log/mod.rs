//! The lines of the log, made and written without holding a request up.
//!
//! A service writes a line for every request, so it is made in place, several times faster than by
//! `tracing_subscriber::fmt`, in the same shape.

mod clock;
mod fields;
mod output;

use std::cell::RefCell;

use tracing::{
    Event, Level, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::{LookupSpan, SpanRef},
};

pub(crate) use output::defer;

use fields::Writer;
use output::stdout;

/// Writes what has gathered.
pub(crate) fn flush() {
    stdout().flush_at_exit();
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `2026-11-27T09:30:00.000123Z  INFO request{id=1}: target: message field=value`
    Text,
    /// The same as one JSON object.
    Json,
}

/// Writes every event as one line to the standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    pub(crate) format: Format,
}

/// The fields of a span, as they stand in the lines of its events.
struct Fields(String);

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut text = String::with_capacity(96);
        attributes.record(&mut Writer::new(&mut text, self.format));
        span.extensions_mut().insert(Fields(text));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(Fields(text)) = span.extensions_mut().get_mut() {
            values.record(&mut Writer::new(text, self.format));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let urgent = *event.metadata().level() <= Level::WARN;
        with_line(|line| {
            self.write(line, event, context.event_span(event));
            stdout().write(line.as_bytes(), urgent);
        });
    }
}

impl Lines {
    fn write<S>(self, line: &mut String, event: &Event<'_>, span: Option<SpanRef<'_, S>>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        match self.format {
            Format::Text => text(line, event, span),
            Format::Json => json(line, event, span),
        }
        line.push('\n');
    }
}

fn text<S>(line: &mut String, event: &Event<'_>, span: Option<SpanRef<'_, S>>)
where
    S: for<'a> LookupSpan<'a>,
{
    clock::write_now(line);
    line.push_str(match *event.metadata().level() {
        Level::TRACE => " TRACE ",
        Level::DEBUG => " DEBUG ",
        Level::INFO => "  INFO ",
        Level::WARN => "  WARN ",
        Level::ERROR => " ERROR ",
    });
    if let Some(span) = span {
        from_root(&span, &mut |span, fields| {
            line.push_str(span.name());
            if !fields.is_empty() {
                line.push('{');
                line.push_str(fields);
                line.push('}');
            }
            line.push(':');
        });
        line.push(' ');
    }
    line.push_str(event.metadata().target());
    line.push_str(": ");
    event.record(&mut Writer::fresh(line, Format::Text));
}

fn json<S>(line: &mut String, event: &Event<'_>, span: Option<SpanRef<'_, S>>)
where
    S: for<'a> LookupSpan<'a>,
{
    line.push_str("{\"timestamp\":\"");
    clock::write_now(line);
    line.push_str("\",\"level\":\"");
    line.push_str(event.metadata().level().as_str());
    line.push_str("\",\"fields\":{");
    event.record(&mut Writer::fresh(line, Format::Json));
    line.push_str("},\"target\":");
    fields::write_json(line, event.metadata().target());
    if let Some(span) = span {
        line.push_str(",\"span\":");
        with_fields(&span, |fields| object(line, &span, fields));
        line.push_str(",\"spans\":[");
        let mut separator = "";
        from_root(&span, &mut |span, fields| {
            line.push_str(separator);
            separator = ",";
            object(line, span, fields);
        });
        line.push(']');
    }
    line.push('}');
}

fn object<S>(line: &mut String, span: &SpanRef<'_, S>, fields: &str)
where
    S: for<'a> LookupSpan<'a>,
{
    line.push('{');
    line.push_str(fields);
    line.push_str(if fields.is_empty() {
        "\"name\":"
    } else {
        ",\"name\":"
    });
    fields::write_json(line, span.name());
    line.push('}');
}

/// Calls `each` for a span and all around it, the outermost first.
fn from_root<S>(span: &SpanRef<'_, S>, each: &mut dyn FnMut(&SpanRef<'_, S>, &str))
where
    S: for<'a> LookupSpan<'a>,
{
    if let Some(parent) = span.parent() {
        from_root(&parent, each);
    }
    with_fields(span, |fields| each(span, fields));
}

fn with_fields<S>(span: &SpanRef<'_, S>, then: impl FnOnce(&str))
where
    S: for<'a> LookupSpan<'a>,
{
    let extensions = span.extensions();
    then(extensions.get().map_or("", |Fields(text)| text.as_str()));
}

/// A line to write into, kept for the next one of this thread.
fn with_line(then: impl FnOnce(&mut String)) {
    thread_local! {
        static LINE: RefCell<Line> = RefCell::new(Line::default());
    }
    // A value that logs while it is logged gets a line of its own, and so does what logs while a thread ends.
    let kept = LINE.try_with(|line| {
        line.try_borrow_mut()
            .map(|mut line| std::mem::take(&mut line.0))
    });
    let mut line = kept.ok().and_then(Result::ok).unwrap_or_default();
    line.clear();
    then(&mut line);
    if line.capacity() <= 16 * 1024 {
        let _ = LINE.try_with(|kept| kept.try_borrow_mut().map(|mut kept| kept.0 = line));
    }
}

/// The last line of a thread may be the last of the process: `std::process::exit` drops it.
#[derive(Default)]
struct Line(String);

impl Drop for Line {
    fn drop(&mut self) {
        stdout().flush_at_exit();
    }
}
