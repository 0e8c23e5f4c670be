//! What stands in a line.

use std::cell::RefCell;

use tracing::{Event, Level};

use super::{
    Format, clock,
    fields::{Writer, write_json},
    output::stdout,
};

/// The spans around an event.
pub(super) trait Spans {
    /// Calls `each` with the name and the fields of every one, the outermost first.
    fn outermost_first(&self, each: &mut dyn FnMut(&str, &str));

    /// Calls `then` with those of the innermost.
    fn innermost(&self, then: &mut dyn FnMut(&str, &str));
}

/// Where a line goes, and whether it is urgent.
pub(super) type Write = fn(&[u8], bool);

/// The standard output.
pub(super) fn to_stdout(line: &[u8], urgent: bool) {
    stdout().write(line, urgent);
}

/// Writes an event as one line.
pub(super) fn tell(format: Format, write: Write, event: &Event<'_>, spans: Option<&impl Spans>) {
    with_line(|line| {
        match format {
            Format::Text => text(line, event, spans),
            Format::Json => json(line, event, spans),
        }
        line.push('\n');
        write(line.as_bytes(), *event.metadata().level() <= Level::WARN);
    });
}

fn text(line: &mut String, event: &Event<'_>, spans: Option<&impl Spans>) {
    clock::write_now(line);
    line.push_str(match *event.metadata().level() {
        Level::TRACE => " TRACE ",
        Level::DEBUG => " DEBUG ",
        Level::INFO => "  INFO ",
        Level::WARN => "  WARN ",
        Level::ERROR => " ERROR ",
    });
    if let Some(spans) = spans {
        spans.outermost_first(&mut |name, fields| {
            line.push_str(name);
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

fn json(line: &mut String, event: &Event<'_>, spans: Option<&impl Spans>) {
    line.push_str("{\"timestamp\":\"");
    clock::write_now(line);
    line.push_str("\",\"level\":\"");
    line.push_str(event.metadata().level().as_str());
    line.push_str("\",\"fields\":{");
    event.record(&mut Writer::fresh(line, Format::Json));
    line.push_str("},\"target\":");
    write_json(line, event.metadata().target());
    if let Some(spans) = spans {
        line.push_str(",\"span\":");
        spans.innermost(&mut |name, fields| object(line, name, fields));
        line.push_str(",\"spans\":[");
        let mut separator = "";
        spans.outermost_first(&mut |name, fields| {
            line.push_str(separator);
            separator = ",";
            object(line, name, fields);
        });
        line.push(']');
    }
    line.push('}');
}

fn object(line: &mut String, name: &str, fields: &str) {
    line.push('{');
    line.push_str(fields);
    line.push_str(if fields.is_empty() {
        "\"name\":"
    } else {
        ",\"name\":"
    });
    write_json(line, name);
    line.push('}');
}

/// A line to write into, kept for the next one of this thread.
pub(super) fn with_line<T>(then: impl FnOnce(&mut String) -> T) -> T {
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
    let result = then(&mut line);
    if line.capacity() <= 16 * 1024 {
        let _ = LINE.try_with(|kept| kept.try_borrow_mut().map(|mut kept| kept.0 = line));
    }
    result
}

/// The last line of a thread may be the last of the process: `std::process::exit` drops it.
#[derive(Default)]
struct Line(String);

impl Drop for Line {
    fn drop(&mut self) {
        stdout().flush_at_exit();
    }
}
