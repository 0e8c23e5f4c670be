//! The first bytes of a connection, which tell the version of HTTP.
//!
//! <https://www.rfc-editor.org/rfc/rfc9113#section-3.4>

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

const HTTP_2: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// What was read to find out, until it is taken.
#[derive(Debug, Default)]
pub(super) struct Preface {
    bytes: [u8; HTTP_2.len()],
    read: u8,
    taken: u8,
    ended: bool,
}

impl Preface {
    /// The version, as soon as it is clear.
    pub(super) fn version(&self) -> Option<Version> {
        let read = &self.bytes[..self.read.into()];
        if read == HTTP_2 {
            Some(Version::Http2)
        } else if self.ended || !HTTP_2.starts_with(read) {
            Some(Version::Http1)
        } else {
            None
        }
    }

    /// Reads more.
    pub(super) fn poll_fill(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut buffer = ReadBuf::new(&mut self.bytes[self.read.into()..]);
        ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
        let count = buffer.filled().len();
        self.ended = count == 0;
        self.read += count as u8;
        Poll::Ready(Ok(()))
    }

    /// Gives back what was read; `false` when nothing is left.
    pub(super) fn take(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let left = &self.bytes[self.taken.into()..self.read.into()];
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..count]);
        self.taken += count as u8;
        count > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(bytes: &[u8]) -> (Option<Version>, Vec<u8>) {
        let mut preface = Preface::default();
        let mut input = bytes;
        while preface.version().is_none() {
            std::future::poll_fn(|cx| preface.poll_fill(&mut input, cx))
                .await
                .unwrap();
        }
        let mut space = [0; 64];
        let mut buffer = ReadBuf::new(&mut space);
        while preface.take(&mut buffer) {}
        (preface.version(), [buffer.filled(), input].concat())
    }

    #[tokio::test]
    async fn only_the_whole_preface_is_http_2() {
        for (bytes, version) in [
            (&HTTP_2[..], Version::Http2),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore", Version::Http2),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", Version::Http1),
            (b"PRI * HTTP/1.1\r\n\r\n", Version::Http1),
            (b"GET / HTTP/1.1\r\n\r\n", Version::Http1),
            (b"POST /a", Version::Http1),
            (b"", Version::Http1),
        ] {
            let (told, kept) = told(bytes).await;
            assert_eq!(told, Some(version));
            assert_eq!(kept, bytes, "nothing is lost");
        }
    }

    #[test]
    fn half_a_preface_tells_nothing() {
        let mut preface = Preface::default();
        assert_eq!(preface.version(), None);
        preface.bytes[..5].copy_from_slice(b"PRI *");
        preface.read = 5;
        assert_eq!(preface.version(), None);
    }
}
