//! The heads of requests as they came over the wire.
//!
//! hyper drops `Content-Length` when `Transfer-Encoding` stands beside it, so a handler cannot see that a request had
//! two lengths; a proxy in front that believed the other one would read the rest as somebody else's request.
//!
//! <https://www.rfc-editor.org/rfc/rfc9112#section-6.3>

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use http::{HeaderMap, Request, header};
use http_body::Body;
use memchr::{memchr, memchr_iter};

use super::body_end::BodyEnd;

/// A longer head is answered 431.
pub(super) const HEAD_BYTES: usize = 128 * 1024;

/// What has been received and not yet been a request; shared by the socket and the service on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    received: Mutex<Received>,
    /// Answers that have begun; hyper may drop the last one when the next one begins.
    answers: AtomicUsize,
}

#[derive(Debug, Default)]
struct Received {
    /// What is still to come of the last request.
    body: BodyEnd,
    /// What came behind it: no more than hyper reads ahead.
    bytes: Vec<u8>,
    expects: Expects,
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
        received.bytes.extend_from_slice(&bytes[of_body..]);
    }

    /// From now on something else than HTTP/1 comes.
    pub(super) fn expect_anything(&self) {
        *self.lock() = Received {
            expects: Expects::Anything,
            ..Received::default()
        };
    }

    /// A request is being answered until what is returned is dropped.
    pub(super) fn answering(&self) -> Answering {
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        Answering(self.clone())
    }

    /// Whether the next request is waited for and nothing else; none where another protocol is spoken.
    pub(super) fn is_idle(&self) -> Option<bool> {
        let received = self.lock();
        let is_between = received.expects == Expects::Head && received.body == BodyEnd::Reached;
        let is_idle = is_between && self.0.answers.load(Ordering::Relaxed) == 0;
        (received.expects != Expects::Anything).then_some(is_idle)
    }

    /// Whether a head has begun, or should begin, and is not complete.
    pub(super) fn is_waiting(&self) -> bool {
        let received = self.lock();
        match received.expects {
            Expects::FirstHead => true,
            Expects::Head => !received.bytes.is_empty(),
            Expects::Anything => false,
        }
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
        let Some(head) = first_head(&received.bytes) else {
            // hyper takes something for a head that we do not.
            return false;
        };
        let is_encoded_clearly = is_encoded_clearly(request.headers(), &received.bytes[..head.end]);
        received.body = BodyEnd::of(request.body());
        let of_body = received.body.take(&received.bytes[head.end..]);
        received.bytes.drain(..head.end + of_body);
        is_encoded_clearly && !head.has_bare_newline
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        let received = self.0.received.lock();
        received.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Answering(Heads);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.answers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The first head in what came.
struct Head {
    /// Behind its blank line.
    end: usize,
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
    let mut line = start;
    let mut has_bare_newline = false;
    for newline in memchr_iter(b'\n', &bytes[start..]) {
        let newline = start + newline;
        let (text, is_bare) = match bytes[line..newline].strip_suffix(b"\r") {
            Some(text) => (text, false),
            None => (&bytes[line..newline], true),
        };
        has_bare_newline |= is_bare;
        line = newline + 1;
        if text.is_empty() {
            return Some(Head {
                end: line,
                has_bare_newline,
            });
        }
    }
    None
}

/// Whether there is no transfer coding, or `chunked` alone and no length beside it.
///
/// hyper looks at the last one only; a proxy that looks at the first may not see any chunks.
///
/// <https://www.rfc-editor.org/rfc/rfc9112#section-6.1>
fn is_encoded_clearly(headers: &HeaderMap, head: &[u8]) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return true;
    };
    let is_chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    is_chunked && codings.next().is_none() && !has_two_lengths(head)
}

/// Whether this head names both of the headers that end a body.
fn has_two_lengths(head: &[u8]) -> bool {
    let names = |name: &[u8]| {
        head.split(|byte| *byte == b'\n').any(|line| {
            let end = memchr(b':', line).unwrap_or(0);
            line[..end].eq_ignore_ascii_case(name)
        })
    };
    names(b"content-length") && names(b"transfer-encoding")
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
        assert!(!heads.is_waiting());
    }

    #[test]
    fn half_a_head_is_waited_for_and_a_body_is_not() {
        let heads = heads(PLAIN);
        heads.admit(&plain());
        heads.record(b"GET / HT");
        assert!(heads.is_waiting());
        heads.record(b"TP/1.1\r\n\r\nhel");
        heads.admit(&sized(5));
        assert!(!heads.is_waiting() && heads.is_in_body());
        heads.record(b"lo");
        assert!(!heads.is_waiting() && !heads.is_in_body());
        heads.record(b"G");
        assert!(heads.is_waiting());
    }

    #[test]
    fn between_requests_it_is_idle() {
        let heads = heads(PLAIN);
        assert_eq!(heads.is_idle(), Some(false));
        let first = heads.answering();
        heads.admit(&plain());
        assert_eq!(heads.is_idle(), Some(false));
        let second = heads.answering();
        drop(first);
        assert_eq!(heads.is_idle(), Some(false));
        drop(second);
        assert_eq!(heads.is_idle(), Some(true));
        heads.record(CHUNKED.as_bytes());
        drop(heads.answering());
        heads.admit(&chunked());
        assert_eq!(heads.is_idle(), Some(false), "an upload goes on");
        heads.expect_anything();
        assert_eq!(heads.is_idle(), None);
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
