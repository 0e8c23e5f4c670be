//! Lines that wait to be written.
//!
//! Most lines of a busy service say how a request was answered. A request leaves what its line will say, which takes a
//! seventh of the instructions, and whoever writes makes many lines at once.

use std::{
    io::{self, Write},
    net::IpAddr,
    str,
    time::Duration,
};

use super::{Answered, Format, entered::Innermost, request_span::Words};
use crate::request::ClientAddr;

/// So many bytes go to the system at once: lines are longer than what they are made of.
const PIECE: usize = 64 * 1024;

/// Lines, and requests that have none yet, in their order.
#[derive(Default)]
pub(super) struct Gathered {
    lines: Vec<u8>,
    requests: Vec<Request>,
    /// The words of those, one request after the other.
    words: Vec<u8>,
}

/// What a line will say beside its words.
struct Request {
    /// How many bytes of the lines come before it.
    place: usize,
    format: Format,
    time: Duration,
    /// The lengths of its words.
    id: usize,
    method: usize,
    path: usize,
    route: usize,
    status: u16,
    millis: f64,
    client: IpAddr,
    htmx: Option<&'static str>,
}

impl Gathered {
    /// How much longer it gets by a request, in bytes.
    pub(super) fn size_of(words: Words<'_>, answered: &Answered<'_>) -> usize {
        let words = words.id.len() + words.method.len() + words.path.len();
        words + answered.route.len() + size_of::<Request>()
    }

    pub(super) fn push_line(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
    }

    pub(super) fn push_request(
        &mut self,
        format: Format,
        time: Duration,
        words: Words<'_>,
        answered: &Answered<'_>,
    ) {
        let texts = [
            words.id,
            words.method,
            words.path.as_bytes(),
            answered.route.as_bytes(),
        ];
        for text in texts {
            self.words.extend_from_slice(text);
        }
        let [id, method, path, route] = texts.map(<[u8]>::len);
        self.requests.push(Request {
            place: self.lines.len(),
            format,
            time,
            id,
            method,
            path,
            route,
            status: answered.status,
            millis: answered.millis,
            client: answered.client.0,
            htmx: answered.htmx,
        });
    }

    /// How long it is, in bytes.
    pub(super) fn size(&self) -> usize {
        self.lines.len() + self.words.len() + self.requests.len() * size_of::<Request>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.requests.is_empty()
    }

    /// Writes all lines, in pieces that are made in `text`.
    pub(super) fn write(&self, to: &mut impl Write, text: &mut Vec<u8>) -> io::Result<()> {
        let (mut place, mut words) = (0, &self.words[..]);
        for request in &self.requests {
            text.extend_from_slice(&self.lines[place..request.place]);
            place = request.place;
            words = request.write(words, text);
            if text.len() > PIECE {
                to.write_all(text)?;
                text.clear();
            }
        }
        text.extend_from_slice(&self.lines[place..]);
        to.write_all(text)
    }

    /// Forgets all, and memory beyond `size` bytes of each kind.
    pub(super) fn clear(&mut self, size: usize) {
        self.lines.clear();
        self.lines.shrink_to(size);
        self.words.clear();
        self.words.shrink_to(size);
        self.requests.clear();
        self.requests.shrink_to(size / size_of::<Request>());
    }
}

impl Request {
    /// Takes its words and gives the others back.
    fn write<'a>(&self, words: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
        let (id, words) = words.split_at(self.id);
        let (method, words) = words.split_at(self.method);
        let (path, words) = words.split_at(self.path);
        let (route, words) = words.split_at(self.route);
        let answered = Answered {
            route: str::from_utf8(route).unwrap_or_default(),
            status: self.status,
            millis: self.millis,
            client: ClientAddr(self.client),
            htmx: self.htmx,
        };
        let path = str::from_utf8(path).unwrap_or_default();
        let span = Innermost::Request(Words { id, method, path });
        answered.line(text, self.format, self.time, &span);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_leaves_becomes_the_line_it_would_have_written() {
        let time = Duration::from_micros(1_795_771_800_000_123);
        let long = format!("/a \u{fc}\"b{}", "/x".repeat(40_000));
        for format in [Format::Text, Format::Json] {
            let (mut gathered, mut expected) = (Gathered::default(), Vec::new());
            for (path, route, client, htmx) in [
                ("/", "/", "192.0.2.7", None),
                ("/tasks/7", "/tasks/{id}", "2001:db8::7", Some("boosted")),
                (&*long, "", "::ffff:192.0.2.7", Some("part")),
                ("", "", "0.0.0.0", None),
            ] {
                let words = Words {
                    id: b"a-1",
                    method: b"GET",
                    path,
                };
                let answered = Answered {
                    route,
                    status: 404,
                    millis: 0.052,
                    client: ClientAddr(client.parse().unwrap()),
                    htmx,
                };
                let other = format!("another line, before {route}\n");
                gathered.push_line(other.as_bytes());
                expected.extend_from_slice(other.as_bytes());
                let size = gathered.size() + Gathered::size_of(words, &answered);
                gathered.push_request(format, time, words, &answered);
                assert_eq!(gathered.size(), size);
                answered.line(&mut expected, format, time, &Innermost::Request(words));
            }
            gathered.push_line(b"the last\n");
            expected.extend_from_slice(b"the last\n");
            let mut text = Vec::new();
            gathered.write(&mut text, &mut Vec::new()).unwrap();
            assert_eq!(String::from_utf8(text), String::from_utf8(expected));
            assert!(gathered.size() > long.len());
            gathered.clear(0);
            assert!(gathered.is_empty() && gathered.size() == 0);
        }
    }
}
