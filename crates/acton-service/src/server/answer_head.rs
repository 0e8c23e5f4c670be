//! The head of an answer that is written without hyper, on a connection that closes with it.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode, header};

/// Its first lines; how long the body is and the blank line are left to whoever knows.
pub(super) fn begin(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut head = Vec::with_capacity(1024);
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    let reason = status.canonical_reason().unwrap_or_default();
    head.extend_from_slice(reason.as_bytes());
    head.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        push(&mut head, name.as_str(), value.as_bytes());
    }
    if !headers.contains_key(header::DATE) {
        let now = httpdate::fmt_http_date(SystemTime::now());
        push(&mut head, "date", now.as_bytes());
    }
    push(&mut head, "connection", b"close");
    head
}

/// One more line.
pub(super) fn push(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}
