//! What stands in a line.

use std::{cell::RefCell, time::Duration};

use tracing::{Event, Level};

use super::{
    Format, clock,
    fields::{Fields, Writer, write_json},
    output::stdout,
};

/// The spans around an event.
pub(super) trait Spans {
    /// Calls `each` with the name and the fields of every one, the outermost first.
    fn outermost_first(&self, each: &mut dyn FnMut(&str, Fields<'_>));

    /// Calls `then` with those of the innermost.
    fn innermost(&self, then: &mut dyn FnMut(&str, Fields<'_>));
}

/// Where a line goes, and whether it is urgent.
pub(super) type Write = fn(&[u8], bool);

/// The standard output.
pub(super) fn to_stdout(line: &[u8], urgent: bool) {
    stdout().write(line, urgent);
}

/// Writes an event as one line.
pub(super) fn tell_event(
    format: Format,
    write: Write,
    event: &Event<'_>,
    spans: Option<&impl Spans>,
) {
    let (level, target) = (*event.metadata().level(), event.metadata().target());
    let record = |fields: &mut Writer<'_>| event.record(fields);
    with_line(|line| {
        add(line, format, clock::now(), (level, target), record, spans);
        write(line, level <= Level::WARN);
    });
}

/// Adds one line to others.
pub(super) fn add(
    lines: &mut Vec<u8>,
    format: Format,
    time: Duration,
    (level, target): (Level, &str),
    record: impl FnOnce(&mut Writer<'_>),
    spans: Option<&impl Spans>,
) {
    match format {
        Format::Text => text(lines, time, level, target, record, spans),
        Format::Json => json(lines, time, level, target, record, spans),
    }
    lines.push(b'\n');
}

fn text(
    line: &mut Vec<u8>,
    time: Duration,
    level: Level,
    target: &str,
    record: impl FnOnce(&mut Writer<'_>),
    spans: Option<&impl Spans>,
) {
    clock::write(line, time);
    line.extend_from_slice(match level {
        Level::TRACE => b" TRACE ",
        Level::DEBUG => b" DEBUG ",
        Level::INFO => b"  INFO ",
        Level::WARN => b"  WARN ",
        Level::ERROR => b" ERROR ",
    });
    if let Some(spans) = spans {
        spans.outermost_first(&mut |name, fields| {
            line.extend_from_slice(name.as_bytes());
            if !fields.is_empty() {
                line.push(b'{');
                fields.write(line, Format::Text);
                line.push(b'}');
            }
            line.push(b':');
        });
        line.push(b' ');
    }
    line.extend_from_slice(target.as_bytes());
    line.extend_from_slice(b": ");
    record(&mut Writer::fresh(line, Format::Text));
}

fn json(
    line: &mut Vec<u8>,
    time: Duration,
    level: Level,
    target: &str,
    record: impl FnOnce(&mut Writer<'_>),
    spans: Option<&impl Spans>,
) {
    line.extend_from_slice(b"{\"timestamp\":\"");
    clock::write(line, time);
    line.extend_from_slice(b"\",\"level\":\"");
    line.extend_from_slice(level.as_str().as_bytes());
    line.extend_from_slice(b"\",\"fields\":{");
    record(&mut Writer::fresh(line, Format::Json));
    line.extend_from_slice(b"},\"target\":");
    write_json(line, target);
    if let Some(spans) = spans {
        line.extend_from_slice(b",\"span\":");
        spans.innermost(&mut |name, fields| object(line, name, fields));
        line.extend_from_slice(b",\"spans\":[");
        let mut separator = &b""[..];
        spans.outermost_first(&mut |name, fields| {
            line.extend_from_slice(separator);
            separator = b",";
            object(line, name, fields);
        });
        line.push(b']');
    }
    line.push(b'}');
}

fn object(line: &mut Vec<u8>, name: &str, fields: Fields<'_>) {
    line.push(b'{');
    if !fields.is_empty() {
        fields.write(line, Format::Json);
        line.push(b',');
    }
    line.extend_from_slice(b"\"name\":");
    write_json(line, name);
    line.push(b'}');
}

thread_local! {
    static LINE: RefCell<Line> = RefCell::new(Line::default());
}

/// This thread may be the last of the process, also where another one writes what it says.
pub(super) fn flush_with_this_thread() {
    let _ = LINE.try_with(|_| ());
}

/// A line to write into, kept for the next one of this thread.
pub(super) fn with_line<T>(then: impl FnOnce(&mut Vec<u8>) -> T) -> T {
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
struct Line(Vec<u8>);

impl Drop for Line {
    fn drop(&mut self) {
        stdout().flush_at_exit();
    }
}
