//! A head that hyper cannot read: 400, 414 or 431.
//!
//! hyper would answer alone, without an id, without careful headers, and without a line in the log. What it writes is
//! kept back, and the service answers as it answers everything else.

use std::net::SocketAddr;

use axum::body::{Body, to_bytes};
use http::{Method, Request, StatusCode, Uri, header};
use tokio::io::AsyncWriteExt;

use super::{answer_head, connection::Settings, wire::Wire};
use crate::request::host::Unreadable;

/// hyper's own answers are shorter.
const LONGEST: usize = 200;

/// Error pages are shorter.
const BODY_BYTES: usize = 1024 * 1024;

/// The status of an answer that hyper has made; none for answers of the service, which have more lines.
pub(super) fn status(bytes: &[u8]) -> Option<StatusCode> {
    let status = bytes.get(9..12).filter(|status| status[0] == b'4')?;
    let status = StatusCode::from_bytes(status).ok()?;
    let head = str::from_utf8(bytes.get(..LONGEST.min(bytes.len()))?).ok()?;
    let mut lines = head.strip_suffix("\r\n\r\n")?.split("\r\n");
    let is_first = lines.next()?.starts_with("HTTP/1.");
    let is_hypers = |line: &str| {
        ["connection: close", "content-length: 0"].contains(&line) || line.starts_with("date: ")
    };
    (is_first && lines.all(is_hypers)).then_some(status)
}

/// Answers what could not be read, and closes the connection.
pub(super) async fn answer(
    mut wire: Wire,
    status: StatusCode,
    peer: SocketAddr,
    settings: &Settings,
) {
    let mut request = Request::new(Body::empty());
    // Nobody knows what was asked for.
    if let Ok(unknown) = Method::from_bytes(b"-") {
        *request.method_mut() = unknown;
    }
    *request.uri_mut() = Uri::from_static("*");
    request.extensions_mut().insert(Unreadable(status));
    let Ok(response) = settings.answer(peer, request).await;
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, BODY_BYTES).await.unwrap_or_default();
    parts.headers.remove(header::CONNECTION);
    parts
        .headers
        .insert(header::CONTENT_LENGTH, body.len().into());
    let mut bytes = answer_head::begin(parts.status, &parts.headers);
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    // A client that has left misses nothing.
    if wire.write_all(&bytes).await.is_ok() {
        let _ = wire.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_without_anything_of_ours_is_kept_back() {
        let date = "date: Fri, 27 Nov 2026 15:38:09 GMT\r\n";
        let own = format!(
            "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n{date}\r\n"
        );
        assert_eq!(status(own.as_bytes()).unwrap(), 431);
        for other in [
            own.replace("431", "200"),
            own.replace("date", "x-request-id: a\r\ndate"),
            own.replace("length: 0", "length: 1"),
            own.clone() + "x",
            own.clone() + &own,
            own[..40].to_owned(),
            String::new(),
        ] {
            assert_eq!(status(other.as_bytes()), None, "{other}");
        }
    }
}
