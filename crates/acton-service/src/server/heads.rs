//! The heads of requests as they came over the wire.
//!
//! hyper drops `Content-Length` when `Transfer-Encoding` stands beside it, so a handler cannot see that a request had
//! two lengths; a proxy in front that believed the other one would read the rest as somebody else's request.
//!
//! <https://www.rfc-editor.org/rfc/rfc9112#section-6.3>

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use http::{Request, header};
use http_body::Body;
use memchr::{memchr, memchr_iter, memmem};

/// A longer head is answered 431.
pub(super) const HEAD_BYTES: usize = 64 * 1024;

/// A head, and all that hyper reads ahead before it passes the request on.
const KEPT_BYTES: usize = 4 * HEAD_BYTES;

/// What has been received and not yet been a request; shared by the socket and the service on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Heads(Arc<Mutex<Received>>);

#[derive(Debug)]
struct Received {
    bytes: Vec<u8>,
    expects: Expects,
}

/// What the next bytes can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    /// The first head of a connection, which should not be long in coming.
    FirstHead,
    /// A further head, some time.
    Head,
    /// The body of the last request, and then a head.
    Body,
    /// Another protocol.
    Anything,
}

impl Default for Received {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            expects: Expects::FirstHead,
        }
    }
}

impl Heads {
    /// Takes note of what came over the wire.
    pub(super) fn record(&self, bytes: &[u8]) {
        let mut received = self.lock();
        if received.expects == Expects::Anything {
            return;
        }
        received.bytes.extend_from_slice(bytes);
        // Heads always fit; bodies need not.
        let excess = received.bytes.len().saturating_sub(KEPT_BYTES);
        if excess > HEAD_BYTES {
            received.bytes.drain(..excess);
        }
    }

    /// From now on something else than HTTP/1 comes.
    pub(super) fn expect_anything(&self) {
        let mut received = self.lock();
        received.bytes = Vec::new();
        received.expects = Expects::Anything;
    }

    /// Whether a head has begun, or should begin, and is not complete.
    pub(super) fn is_waiting(&self) -> bool {
        let received = self.lock();
        match received.expects {
            Expects::FirstHead => true,
            Expects::Head => !received.bytes.is_empty(),
            Expects::Body | Expects::Anything => false,
        }
    }

    /// Whether the last request had a body, of which some may still be on its way.
    pub(super) fn is_in_body(&self) -> bool {
        self.lock().expects == Expects::Body
    }

    /// Forgets the head of this request, and says whether everybody reads it alike: with one length at most, and with
    /// lines that end as the specification says.
    pub(super) fn admit<B: Body>(&self, request: &Request<B>) -> bool {
        let headers = request.headers();
        let mut received = self.lock();
        let has_encoding = headers.contains_key(header::TRANSFER_ENCODING);
        let clear = !(has_encoding && has_two_lengths(&received.bytes)
            || has_bare_newline(&received.bytes, request));
        let end = first_head(&received.bytes);
        received.bytes.drain(..end);
        received.expects = if request.body().is_end_stream() {
            Expects::Head
        } else {
            Expects::Body
        };
        clear
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the first head ends.
///
/// Text in a body may look like a head. It then is forgotten in place of the real one behind it, which stays known
/// longer than needed and never shorter.
fn first_head(bytes: &[u8]) -> usize {
    static END: LazyLock<memmem::Finder<'static>> =
        LazyLock::new(|| memmem::Finder::new(b"\r\n\r\n"));
    if let Some(end) = END.find(bytes)
        && end + 4 == bytes.len()
    {
        return bytes.len();
    }
    let mut in_head = false;
    let mut position = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        position += line.len();
        in_head |= is_request_line(line);
        if in_head && is_blank(line) {
            return position;
        }
    }
    0
}

/// Whether a line of this request's head ends without a carriage return.
///
/// A proxy may take what follows for the rest of the line, where hyper sees another header.
fn has_bare_newline<B>(bytes: &[u8], request: &Request<B>) -> bool {
    let is_bare = |at: usize| at == 0 || bytes[at - 1] != b'\r';
    if !memchr_iter(b'\n', bytes).any(is_bare) {
        return false;
    }
    // In a body that is still here newlines mean nothing, and a head in it is most likely another one than this.
    // Inside the head any line may end as a request line does.
    let mut in_head = false;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if !in_head && is_request_line(line) {
            in_head = begins(line, request);
        } else if is_blank(line) {
            if in_head && line == b"\n" {
                return true;
            }
            in_head = false;
        }
        if in_head && !line.ends_with(b"\r\n") {
            return true;
        }
    }
    false
}

/// Whether this may be the request's first line.
fn begins<B>(line: &[u8], request: &Request<B>) -> bool {
    let method = request.method().as_str().as_bytes();
    let target = line
        .strip_prefix(method)
        .and_then(|rest| rest.strip_prefix(b" "));
    let Some(target) = target else {
        return false;
    };
    let path = request.uri().path_and_query();
    match target.strip_prefix(path.map_or("", |path| path.as_str()).as_bytes()) {
        // A fragment is not sent, but read over.
        Some(rest) => rest.starts_with(b" ") || rest.starts_with(b"#"),
        None => !target.starts_with(b"/"),
    }
}

/// Whether any head names both of the headers that end a body.
fn has_two_lengths(bytes: &[u8]) -> bool {
    let (mut in_head, mut length, mut encoding) = (false, false, false);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if !in_head && is_request_line(line) {
            (in_head, length, encoding) = (true, false, false);
        } else if is_blank(line) {
            in_head = false;
        } else if in_head {
            let name = &line[..memchr(b':', line).unwrap_or(0)];
            length |= name.eq_ignore_ascii_case(b"content-length");
            encoding |= name.eq_ignore_ascii_case(b"transfer-encoding");
        }
        if in_head && length && encoding {
            return true;
        }
    }
    false
}

fn is_request_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0")
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\r\n" | b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const BOTH: &str = "POST / HTTP/1.1\r\ncontent-LENGTH: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn request(chunked: bool) -> Request<axum::body::Body> {
        let mut request = Request::new(axum::body::Body::empty());
        if chunked {
            request
                .headers_mut()
                .insert("transfer-encoding", "chunked".parse().unwrap());
        }
        request
    }

    fn heads(text: &str) -> Heads {
        let heads = Heads::default();
        heads.record(text.as_bytes());
        heads
    }

    #[test]
    fn both_lengths_are_seen_in_any_case_and_with_bare_newlines() {
        assert!(!heads(BOTH).admit(&request(true)));
        assert!(!heads(&BOTH.replace('\r', "")).admit(&request(true)));
    }

    #[test]
    fn a_line_that_ends_in_a_newline_alone_is_seen_in_heads_and_not_in_bodies() {
        for bare in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
        ] {
            assert!(!heads(bare).admit(&request(false)), "{bare:?}");
        }
        let text = "first\nsecond\n\nGET /other HTTP/1.1\nHost: b\n\n";
        let after_a_body = heads(&format!("{text}{PLAIN}"));
        assert!(after_a_body.admit(&request(false)));
    }

    #[test]
    fn a_header_that_looks_like_a_request_line_hides_nothing() {
        let lengths = "POST / HTTP/1.1\r\nContent-Length: 5\r\nX: y HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(!heads(lengths).admit(&request(true)));
        let bare = "GET / HTTP/1.1\r\nHost: a\r\nQ: y HTTP/1.1\r\nX: y\nZ: w\r\n\r\n";
        assert!(!heads(bare).admit(&request(false)));
        // Nor does the end of a body that looks like one.
        for head in [lengths, bare] {
            let heads = heads(&format!("a body HTTP/1.1\r\n{head}"));
            assert!(!heads.admit(&request(true)), "{head:?}");
        }
    }

    #[test]
    fn one_length_is_fine_whatever_the_body_says() {
        let body = format!("{CHUNKED}19\r\nContent-Length: 5\r\n\r\n\r\n0\r\n\r\n");
        assert!(heads(&body).admit(&request(true)));
    }

    #[test]
    fn a_pipelined_head_is_still_known_when_its_turn_comes() {
        let heads = heads(&format!("{PLAIN}{PLAIN}{BOTH}"));
        assert!(heads.admit(&request(false)));
        assert!(heads.admit(&request(false)));
        assert!(!heads.admit(&request(true)));
    }

    #[test]
    fn a_fake_head_in_a_body_does_not_hide_the_real_one() {
        let heads = heads(&format!(
            "POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n{PLAIN}{PLAIN}{BOTH}"
        ));
        assert!(heads.admit(&request(false)));
        assert!(!heads.admit(&request(true)));
    }

    #[test]
    fn nothing_is_kept_between_requests() {
        let heads = heads(PLAIN);
        assert!(heads.admit(&request(false)));
        assert!(heads.lock().bytes.is_empty());
        assert!(!heads.is_waiting());
    }

    #[test]
    fn half_a_head_is_waited_for() {
        let heads = heads(PLAIN);
        heads.admit(&request(false));
        heads.record(b"GET / HT");
        assert!(heads.is_waiting());
    }

    #[test]
    fn a_large_body_does_not_stay_in_memory() {
        let heads = heads("POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n");
        for _ in 0..1000 {
            heads.record(&[b'x'; 4096]);
        }
        assert!(heads.lock().bytes.len() <= KEPT_BYTES + HEAD_BYTES);
    }
}
