//! A message as bytes on the wire, encoded once for every connection.
//!
//! Specification: <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>

use std::borrow::Cow;

use bytes::Bytes;

use crate::message::BroadcastMessage;

/// Writes a message: LF only, and always at least one `data:` line.
pub(crate) fn encode(message: &BroadcastMessage) -> Bytes {
    let mut text = String::with_capacity(message.data().len() + 64);
    if let Some(id) = message.id() {
        push_field(&mut text, "id", id);
    }
    if let Some(event) = message.event() {
        push_field(&mut text, "event", event);
    }
    for line in lines(message.data()) {
        push_field(&mut text, "data", line);
    }
    text.push('\n');
    Bytes::from(text)
}

/// An id without data is no event, but browsers keep it for the next `Last-Event-ID`.
pub(crate) fn place(id: &str) -> Bytes {
    Bytes::from(format!("id: {id}\n\n"))
}

/// How long the line of the id is.
pub(crate) fn id_length(frame: &[u8]) -> usize {
    let end = frame.iter().position(|byte| *byte == b'\n');
    end.filter(|_| frame.starts_with(b"id: "))
        .map_or(0, |end| end + 1)
}

/// The text with LF in place of CR LF and CR.
pub(crate) fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn push_field(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str(": ");
    text.push_str(value);
    text.push('\n');
}

/// The lines of a text, whichever way it ends them; an empty text is one empty line.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(['\r', '\n']) else {
            rest = None;
            return Some(text);
        };
        let width = if text[at..].starts_with("\r\n") { 2 } else { 1 };
        rest = Some(&text[at + width..]);
        Some(&text[..at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(data: &str) -> String {
        String::from_utf8(encode(&BroadcastMessage::new(data)).to_vec()).unwrap()
    }

    #[test]
    fn every_kind_of_line_break_becomes_a_new_data_line() {
        assert_eq!(
            encoded("a\nb\r\nc\rd"),
            "data: a\ndata: b\ndata: c\ndata: d\n\n"
        );
    }

    #[test]
    fn empty_data_still_has_a_data_line() {
        assert_eq!(encoded(""), "data: \n\n");
    }

    #[test]
    fn leading_space_and_trailing_line_break_survive() {
        assert_eq!(encoded(" a\n"), "data:  a\ndata: \n\n");
    }

    #[test]
    fn id_and_event_come_before_data() {
        let message = BroadcastMessage::named("news", "x")
            .unwrap()
            .with_id("7")
            .unwrap();
        assert_eq!(encode(&message), "id: 7\nevent: news\ndata: x\n\n");
    }
}
