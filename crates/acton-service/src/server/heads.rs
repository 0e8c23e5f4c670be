//! The heads of requests as they came over the wire.
//!
//! hyper drops `Content-Length` when `Transfer-Encoding` stands beside it, so a handler cannot see that a request had
//! two lengths; a proxy in front that believed the other one would read the rest as somebody else's request.
//!
//! <https://www.rfc-editor.org/rfc/rfc9112#section-6.3>

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use http::{HeaderMap, Request, header};
use http_body::Body;
use memchr::{memchr, memchr_iter};

use super::body_end::BodyEnd;

/// A longer head is answered 431.
pub(super) const HEAD_BYTES: usize = 128 * 1024;

/// What has been received and not yet been a request.
#[derive(Debug, Default)]
pub(super) struct Heads {
    received: Mutex<Received>,
    /// Answers that have begun; hyper may drop the last one when the next one begins.
    answers: AtomicUsize,
}

#[derive(Debug, Default)]
struct Received {
    /// What is still to come of the last request.
    body: BodyEnd,
    /// The head behind it, where it came in one piece, as nearly all do.
    head: Option<Head>,
    /// What came behind that: no more than hyper reads ahead.
    bytes: Vec<u8>,
    expects: Expects,
    /// A head has become a request since this was taken.
    has_admitted: bool,
}

/// What comes when no body does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expects {
    /// The first head of a connection, which should not be long in coming.
    #[default]
    FirstHead,
    /// A further head, some time.
    Head,
    /// Another protocol.
    Anything,
}

impl Heads {
    /// Takes note of what came over the wire.
    pub(super) fn record(&self, bytes: &[u8]) {
        let mut received = self.lock();
        if received.expects == Expects::Anything {
            return;
        }
        let of_body = received.body.take(bytes);
        let mut rest = &bytes[of_body..];
        if received.head.is_none()
            && received.bytes.is_empty()
            && let Some(head) = first_head(rest)
        {
            rest = &rest[head.end..];
            received.head = Some(head);
        }
        received.bytes.extend_from_slice(rest);
    }

    /// From now on something else than HTTP/1 comes.
    pub(super) fn expect_anything(&self) {
        *self.lock() = Received {
            expects: Expects::Anything,
            ..Received::default()
        };
    }

    pub(super) fn answer_begins(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answer_ends(&self) {
        self.answers.fetch_sub(1, Ordering::Relaxed);
    }

    /// What is waited for when nothing comes.
    pub(super) fn awaited(&self) -> Awaited {
        let received = self.lock();
        let is_in_head = || received.head.is_some() || !received.bytes.is_empty();
        match received.expects {
            Expects::Anything => Awaited::Anything,
            Expects::FirstHead => Awaited::Head,
            Expects::Head if is_in_head() => Awaited::Head,
            Expects::Head => {
                let is_answered = self.answers.load(Ordering::Relaxed) == 0;
                match received.body {
                    BodyEnd::Reached if is_answered => Awaited::Request,
                    BodyEnd::Reached => Awaited::Answer,
                    _ => Awaited::Body,
                }
            }
        }
    }

    /// Whether a head has become a request since this was asked before.
    pub(super) fn take_admitted(&self) -> bool {
        std::mem::take(&mut self.lock().has_admitted)
    }

    /// Whether the client has asked for something, has sent all that belongs to it and has not got all of its answer.
    pub(super) fn is_only_answering(&self) -> bool {
        // Most answers are there at once, and then this needs no lock.
        self.answers.load(Ordering::Relaxed) > 0 && self.awaited() == Awaited::Answer
    }

    /// Whether some of the last request's body is still on its way.
    pub(super) fn is_in_body(&self) -> bool {
        self.lock().body != BodyEnd::Reached
    }

    /// Forgets the head of this request, and says whether everybody reads it alike: with one length at most, and with
    /// lines that end as the specification says.
    pub(super) fn admit<B: Body>(&self, request: &Request<B>) -> bool {
        let mut guard = self.lock();
        let received = &mut *guard;
        received.expects = Expects::Head;
        received.has_admitted = true;
        let (head, end) = match received.head.take() {
            Some(head) => (head, 0),
            None => match first_head(&received.bytes) {
                Some(head) => (head, head.end),
                // hyper takes something for a head that we do not.
                None => return false,
            },
        };
        received.body = BodyEnd::of(request.body());
        let of_body = received.body.take(&received.bytes[end..]);
        received.bytes.drain(..end + of_body);
        !head.has_bare_newline && is_encoded_clearly(request.headers(), &head)
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        let received = self.received.lock();
        received.unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// A head that has begun, or should begin, to its end.
    Head,
    /// The next request, some time.
    Request,
    /// The rest of a body.
    Body,
    /// Nothing, while it is answered.
    Answer,
    /// Another protocol.
    Anything,
}

/// The first head in what came.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// Behind its blank line.
    end: usize,
    names_length: bool,
    names_coding: bool,
    /// Whether a line of it ends without a carriage return: a proxy may take what follows for the rest of the line,
    /// where hyper sees another header.
    has_bare_newline: bool,
}

/// Finds the first head; blank lines before it are read over.
///
/// <https://www.rfc-editor.org/rfc/rfc9112#section-2.2>
fn first_head(bytes: &[u8]) -> Option<Head> {
    let start = bytes
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let mut line_start = start;
    let mut head = Head {
        end: 0,
        names_length: false,
        names_coding: false,
        has_bare_newline: false,
    };
    for newline in memchr_iter(b'\n', &bytes[start..]) {
        let newline = start + newline;
        let line = &bytes[line_start..newline];
        line_start = newline + 1;
        let text = line.strip_suffix(b"\r");
        head.has_bare_newline |= text.is_none();
        let text = text.unwrap_or(line);
        match text.first() {
            None => {
                head.end = line_start;
                return Some(head);
            }
            Some(b'c' | b'C') => head.names_length |= names(text, b"content-length"),
            Some(b't' | b'T') => head.names_coding |= names(text, b"transfer-encoding"),
            Some(_) => {}
        }
    }
    None
}

/// Whether this is the name of the header in a line.
fn names(line: &[u8], name: &[u8]) -> bool {
    let end = memchr(b':', line).unwrap_or(0);
    line[..end].eq_ignore_ascii_case(name)
}

/// Whether there is no transfer coding, or `chunked` alone and no length beside it.
///
/// hyper looks at the last one only; a proxy that looks at the first may not see any chunks.
///
/// <https://www.rfc-editor.org/rfc/rfc9112#section-6.1>
fn is_encoded_clearly(headers: &HeaderMap, head: &Head) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return !head.names_coding;
    };
    let is_chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    is_chunked && codings.next().is_none() && !head.names_length
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use futures_util::stream;

    use super::*;

    const PLAIN: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const BOTH: &str = "POST / HTTP/1.1\r\ncontent-LENGTH: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn plain() -> Request<Body> {
        Request::new(Body::empty())
    }

    fn sized(length: usize) -> Request<Body> {
        Request::new(Body::from(vec![b'x'; length]))
    }

    fn chunked() -> Request<Body> {
        let body = Body::from_stream(stream::empty::<Result<&str, Infallible>>());
        let mut request = Request::new(body);
        request
            .headers_mut()
            .insert("transfer-encoding", "chunked".parse().unwrap());
        request
    }

    fn heads(text: &str) -> Heads {
        let heads = Heads::default();
        heads.record(text.as_bytes());
        heads
    }

    #[test]
    fn both_lengths_are_seen_in_any_case_and_with_bare_newlines() {
        assert!(!heads(BOTH).admit(&chunked()));
        assert!(!heads(&BOTH.replace('\r', "")).admit(&chunked()));
        let between = BOTH.replace("Transfer", "X: y HTTP/1.1\r\nTransfer");
        assert!(!heads(&between).admit(&chunked()));
    }

    #[test]
    fn a_line_that_ends_in_a_newline_alone_is_seen() {
        for bare in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
            "GET / HTTP/1.1\r\nQ: y HTTP/1.1\r\nX: y\nZ: w\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
        ] {
            assert!(!heads(bare).admit(&plain()), "{bare:?}");
        }
    }

    #[test]
    fn blank_lines_before_a_head_are_nothing() {
        assert!(heads(&format!("\r\n\r\n{PLAIN}")).admit(&plain()));
    }

    #[test]
    fn in_how_many_pieces_a_head_comes_makes_no_difference() {
        let bare = "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n";
        let text = format!("{PLAIN}{BOTH}0\r\n\r\n{PLAIN}{bare}{PLAIN}");
        for pieces in [1, 2, 3, 7, 50, text.len()] {
            let heads = Heads::default();
            text.as_bytes()
                .chunks(text.len().div_ceil(pieces))
                .for_each(|piece| heads.record(piece));
            let requests = [plain(), chunked(), plain(), plain(), plain()];
            let admitted = requests.map(|request| heads.admit(&request));
            assert_eq!(admitted, [true, false, true, false, true], "{pieces}");
        }
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in ["", "\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"] {
            assert!(!heads(text).admit(&plain()), "{text:?}");
        }
    }

    #[test]
    fn a_body_may_say_what_it_likes_and_hides_nothing() {
        let body = format!("first\nsecond HTTP/1.1\r\n\n{BOTH}GET / HTTP/1.1\nHost: a\r\n");
        let length = body.len();
        let chunks = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
        let post = "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n";
        for (first, request) in [
            (format!("{post}{body}"), sized(length)),
            (format!("{CHUNKED}{chunks}"), chunked()),
        ] {
            let fine = heads(&format!("{first}{PLAIN}"));
            assert!(fine.admit(&request));
            assert!(!fine.is_in_body());
            assert!(fine.admit(&plain()));
            let unclear = heads(&format!("{first}{BOTH}"));
            assert!(unclear.admit(&request));
            assert!(!unclear.admit(&chunked()));
        }
    }

    #[test]
    fn a_pipelined_head_is_still_known_when_its_turn_comes() {
        let heads = heads(&format!("{PLAIN}{PLAIN}{BOTH}"));
        assert!(heads.admit(&plain()));
        assert!(heads.admit(&plain()));
        assert!(!heads.admit(&chunked()));
    }

    #[test]
    fn nothing_is_kept_between_requests() {
        let heads = heads(PLAIN);
        assert!(heads.admit(&plain()));
        assert!(heads.lock().bytes.is_empty());
        assert_eq!(heads.awaited(), Awaited::Request);
    }

    #[test]
    fn half_a_head_is_waited_for_and_a_body_is_not() {
        let heads = heads(PLAIN);
        heads.admit(&plain());
        heads.record(b"GET / HT");
        assert_eq!(heads.awaited(), Awaited::Head);
        heads.record(b"TP/1.1\r\n\r\nhel");
        assert_eq!(heads.awaited(), Awaited::Head);
        heads.admit(&sized(5));
        assert_eq!(heads.awaited(), Awaited::Body);
        assert!(heads.is_in_body());
        heads.record(b"lo");
        assert_eq!(heads.awaited(), Awaited::Request);
        assert!(!heads.is_in_body());
        heads.record(b"G");
        assert_eq!(heads.awaited(), Awaited::Head);
    }

    #[test]
    fn between_requests_it_is_idle() {
        let heads = heads(PLAIN);
        assert_eq!(heads.awaited(), Awaited::Head);
        heads.answer_begins();
        heads.admit(&plain());
        assert_eq!(heads.awaited(), Awaited::Answer);
        heads.answer_begins();
        heads.answer_ends();
        assert_eq!(heads.awaited(), Awaited::Answer);
        heads.answer_ends();
        assert_eq!(heads.awaited(), Awaited::Request);
        heads.record(CHUNKED.as_bytes());
        heads.admit(&chunked());
        assert_eq!(heads.awaited(), Awaited::Body, "an upload goes on");
        heads.expect_anything();
        assert_eq!(heads.awaited(), Awaited::Anything);
    }

    #[test]
    fn a_body_does_not_stay_in_memory() {
        let heads = heads(CHUNKED);
        heads.admit(&chunked());
        for _ in 0..1000 {
            heads.record(b"8\r\n01234567\r\n");
        }
        assert!(heads.lock().bytes.is_empty());
        assert!(heads.is_in_body());
    }
}
