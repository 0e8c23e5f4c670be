//! The lines as one of the layers of `tracing_subscriber::Registry`.

use tracing::{
    Event, Subscriber,
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    layer::{Context, Layer},
    registry::{LookupSpan, SpanRef},
};

use super::{
    Format,
    fields::{Fields, Writer},
    line::{Spans, Write, tell_event, to_stdout},
};

/// Writes every event as one line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    format: Format,
    write: Write,
}

impl Lines {
    /// To the standard output.
    pub(crate) fn new(format: Format) -> Self {
        Self::to(to_stdout, format)
    }

    pub(super) fn to(write: Write, format: Format) -> Self {
        Self { format, write }
    }
}

/// The fields of a span, as they stand in the lines of its events.
struct Text(Vec<u8>);

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut text = Vec::with_capacity(96);
        attributes.record(&mut Writer::new(&mut text, self.format));
        span.extensions_mut().insert(Text(text));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(Text(text)) = span.extensions_mut().get_mut() {
            values.record(&mut Writer::new(text, self.format));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let spans = context.event_span(event);
        tell_event(self.format, self.write, event, spans.as_ref());
    }
}

impl<S> Spans for SpanRef<'_, S>
where
    S: for<'a> LookupSpan<'a>,
{
    fn outermost_first(&self, each: &mut dyn FnMut(&str, Fields<'_>)) {
        if let Some(parent) = self.parent() {
            parent.outermost_first(each);
        }
        self.innermost(each);
    }

    fn innermost(&self, then: &mut dyn FnMut(&str, Fields<'_>)) {
        let extensions = self.extensions();
        let text = extensions.get().map_or(&[][..], |Text(text)| text);
        then(self.name(), Fields::Text(text));
    }
}
