//! Names and values of fields, as text or as the members of a JSON object.

use std::{
    error::Error,
    fmt::{self, Write},
};

use tracing::field::{Field, Visit};

use super::{Format, request_span::Words};

/// The fields of a span.
#[derive(Clone, Copy)]
pub(super) enum Fields<'a> {
    /// As they were written when it was opened.
    Text(&'a [u8]),
    /// Of a request whose span was not opened.
    Of(Words<'a>),
}

impl Fields<'_> {
    pub(super) fn is_empty(self) -> bool {
        matches!(self, Self::Text(b""))
    }

    pub(super) fn write(self, line: &mut Vec<u8>, format: Format) {
        match self {
            Self::Text(text) => line.extend_from_slice(text),
            Self::Of(words) => words.write(&mut Writer::fresh(line, format)),
        }
    }
}

/// The name of a field that is known when this is compiled, with what stands before and behind it.
#[derive(Clone, Copy)]
pub(super) struct Label {
    pub(super) text: &'static str,
    pub(super) json: &'static str,
}

macro_rules! label {
    ("message") => {
        crate::log::fields::Label {
            text: " ",
            json: ",\"message\":",
        }
    };
    ($name:literal) => {
        crate::log::fields::Label {
            text: concat!(" ", $name, "="),
            json: concat!(",\"", $name, "\":"),
        }
    };
}

pub(super) use label;

/// Writes fields one after the other.
pub(super) struct Writer<'a> {
    line: &'a mut Vec<u8>,
    format: Format,
    first: bool,
}

impl<'a> Writer<'a> {
    /// Goes on where `line` ends; if it is empty, these are the first fields.
    pub(super) fn new(line: &'a mut Vec<u8>, format: Format) -> Self {
        let first = line.is_empty();
        Self {
            line,
            format,
            first,
        }
    }

    /// Writes the first fields behind something else.
    pub(super) fn fresh(line: &'a mut Vec<u8>, format: Format) -> Self {
        Self {
            line,
            format,
            first: true,
        }
    }

    /// The name, with what stands before and behind it.
    fn name(&mut self, name: &str) {
        let first = std::mem::replace(&mut self.first, false);
        match self.format {
            Format::Text => {
                if !first {
                    self.line.push(b' ');
                }
                if name != "message" {
                    self.line.extend_from_slice(name.as_bytes());
                    self.line.push(b'=');
                }
            }
            Format::Json => {
                if !first {
                    self.line.push(b',');
                }
                write_json(self.line, name);
                self.line.push(b':');
            }
        }
    }

    fn label(&mut self, label: Label) {
        let first = std::mem::replace(&mut self.first, false);
        let label = match self.format {
            Format::Text => label.text,
            Format::Json => label.json,
        };
        self.line
            .extend_from_slice(&label.as_bytes()[usize::from(first)..]);
    }

    /// A value that is known to be one word.
    pub(super) fn word(&mut self, label: Label, value: &[u8]) {
        self.label(label);
        let quotes = self.format == Format::Json;
        if quotes {
            self.line.push(b'"');
        }
        self.line.extend_from_slice(value);
        if quotes {
            self.line.push(b'"');
        }
    }

    pub(super) fn text(&mut self, label: Label, value: &str) {
        self.label(label);
        self.string(value);
    }

    pub(super) fn unsigned(&mut self, label: Label, value: u64) {
        self.label(label);
        write_digits(self.line, value);
    }

    pub(super) fn float(&mut self, label: Label, value: f64) {
        self.label(label);
        self.number(value);
    }

    fn string(&mut self, value: &str) {
        match self.format {
            Format::Json => write_json(self.line, value),
            Format::Text if is_one_word(value) => {
                self.line.extend_from_slice(value.as_bytes());
            }
            Format::Text => {
                let _ = write!(Plain(self.line), "{value:?}");
            }
        }
    }

    fn number(&mut self, value: f64) {
        match self.format {
            Format::Json if !value.is_finite() => self.line.extend_from_slice(b"null"),
            _ => write_float(self.line, value),
        }
    }

    /// A value of which only its formatting is known.
    fn display(&mut self, name: &str, value: fmt::Arguments<'_>) {
        self.name(name);
        // A value whose formatting fails ends where it fails.
        let _ = match self.format {
            Format::Text => Visible(self.line).write_fmt(value),
            Format::Json => {
                self.line.push(b'"');
                let result = Escaped(self.line).write_fmt(value);
                self.line.push(b'"');
                result
            }
        };
    }
}

/// A field whose name is a word of Rust.
fn name_of(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

impl Visit for Writer<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.display(name_of(field), format_args!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.display(
            name_of(field),
            format_args!("{}", crate::error::Causes(value)),
        );
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let name = name_of(field);
        self.name(name);
        if self.format == Format::Text && name == "message" {
            let _ = Visible(self.line).write_str(value);
        } else {
            self.string(value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(name_of(field));
        write_digits(self.line, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.name(name_of(field));
        if value < 0 {
            self.line.push(b'-');
        }
        write_digits(self.line, value.unsigned_abs());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.name(name_of(field));
        self.line
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.name(name_of(field));
        self.number(value);
    }
}

/// Whether a value can stand without quotes and still end where it ends.
fn is_one_word(value: &str) -> bool {
    const IS_PLAIN: [bool; 256] = {
        let mut is_plain = [false; 256];
        let mut byte = b'!';
        while byte <= b'~' {
            is_plain[byte as usize] = !matches!(byte, b'"' | b'\\' | b'=');
            byte += 1;
        }
        is_plain
    };
    !value.is_empty() && value.bytes().all(|byte| IS_PLAIN[usize::from(byte)])
}

/// Decimal digits; `write!` would take longer than the rest of a line.
fn write_digits(line: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[start..]);
}

/// Numbers of at most three decimals in place, as times are.
fn write_float(line: &mut Vec<u8>, value: f64) {
    let thousandths = value * 1000.0;
    if !(0.0..1e15).contains(&thousandths) || thousandths.round() / 1000.0 != value {
        let _ = write!(Plain(line), "{value}");
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 10^15"
    )]
    let thousandths = thousandths.round() as u64;
    write_digits(line, thousandths / 1000);
    let mut rest = thousandths % 1000;
    let mut unit = 100;
    if rest > 0 {
        line.push(b'.');
    }
    while rest > 0 {
        line.push(b'0' + (rest / unit) as u8);
        rest %= unit;
        unit /= 10;
    }
}

/// A JSON string.
pub(super) fn write_json(line: &mut Vec<u8>, text: &str) {
    line.push(b'"');
    escape_json(line, text);
    line.push(b'"');
}

/// <https://www.rfc-editor.org/rfc/rfc8259#section-7>
fn escape_json(line: &mut Vec<u8>, text: &str) {
    let mut written = 0;
    for (place, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        line.extend_from_slice(&text.as_bytes()[written..place]);
        written = place + 1;
        match byte {
            b'"' => line.extend_from_slice(b"\\\""),
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            _ => {
                let _ = write!(Plain(line), "\\u{byte:04x}");
            }
        }
    }
    line.extend_from_slice(&text.as_bytes()[written..]);
}

/// Writes text as it is.
struct Plain<'a>(&'a mut Vec<u8>);

impl Write for Plain<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Writes what is inside of a JSON string.
struct Escaped<'a>(&'a mut Vec<u8>);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape_json(self.0, text);
        Ok(())
    }
}

/// Writes control characters as they are written in Rust, so that nobody can forge a line or paint on a terminal.
struct Visible<'a>(&'a mut Vec<u8>);

impl Write for Visible<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            self.0.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        for part in text.split_inclusive(char::is_control) {
            match part.char_indices().next_back() {
                Some((place, last)) if last.is_control() => {
                    self.0.extend_from_slice(&part.as_bytes()[..place]);
                    write!(Plain(self.0), "{}", last.escape_debug())?;
                }
                _ => self.0.extend_from_slice(part.as_bytes()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        write(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn numbers_are_written_as_rust_writes_them() {
        for number in [0, 7, 10, 4_294_967_296, u64::MAX] {
            assert_eq!(
                written(|line| write_digits(line, number)),
                number.to_string()
            );
        }
        for number in [0.0, 0.5, 0.052, 1.0, 12.345, 1e12, -0.5, 1.0 / 3.0, 1e300] {
            assert_eq!(
                written(|line| write_float(line, number)),
                number.to_string()
            );
        }
        assert_eq!(written(|line| write_float(line, f64::NAN)), "NaN");
    }

    #[test]
    fn words_stand_without_quotes() {
        assert!(is_one_word("/tasks/{id}") && is_one_word("192.0.2.1"));
        for text in ["", "two words", "a=b", "\"", "\\", "é", "\n"] {
            assert!(!is_one_word(text), "{text}");
        }
    }

    #[test]
    fn control_characters_are_seen_and_not_obeyed() {
        let text = "a\n\u{1b}[31mé\u{9b}\u{7f}";
        let line = written(|line| Visible(line).write_str(text).unwrap());
        assert_eq!(line, "a\\n\\u{1b}[31mé\\u{9b}\\u{7f}");
    }

    #[test]
    fn json_strings_are_read_back() {
        let every: String = (0..0x250).filter_map(char::from_u32).collect();
        for text in ["", "plain", "\"\\/\n", "\u{2028}👍", &every] {
            let line = written(|line| write_json(line, text));
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }
}
