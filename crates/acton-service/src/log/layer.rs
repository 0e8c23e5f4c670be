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
    fields::Writer,
    line::{Spans, Write, tell, to_stdout},
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
struct Fields(Vec<u8>);

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut text = Vec::with_capacity(96);
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
        let spans = context.event_span(event);
        tell(self.format, self.write, event, spans.as_ref());
    }
}

impl<S> Spans for SpanRef<'_, S>
where
    S: for<'a> LookupSpan<'a>,
{
    fn outermost_first(&self, each: &mut dyn FnMut(&str, &[u8])) {
        if let Some(parent) = self.parent() {
            parent.outermost_first(each);
        }
        self.innermost(each);
    }

    fn innermost(&self, then: &mut dyn FnMut(&str, &[u8])) {
        let extensions = self.extensions();
        let fields = extensions.get().map_or(&[][..], |Fields(text)| text);
        then(self.name(), fields);
    }
}
