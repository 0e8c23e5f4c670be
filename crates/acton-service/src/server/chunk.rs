//! Bytes on their way to a socket, in chunks.
//!
//! Specification: <https://www.rfc-editor.org/rfc/rfc9112#section-7.1>

use std::{
    io::{self, IoSlice, Write},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;

/// The digits of a length and a line break.
const SIZE_BYTES: usize = 18;

/// Up to here it is cheaper to copy the parts together than to tell the kernel where they lie.
const COPIED_BYTES: usize = 1024;

/// One chunk, or bytes as they are, of which some may have been written.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    size: [u8; SIZE_BYTES],
    size_length: u8,
    data: Bytes,
    end: &'static [u8],
    written: usize,
}

impl Outgoing {
    /// Bytes as they are.
    pub(super) fn raw(bytes: impl Into<Bytes>) -> Self {
        Self {
            data: bytes.into(),
            ..Self::default()
        }
    }

    /// The chunk that ends a body.
    pub(super) fn last() -> Self {
        Self::raw(Bytes::from_static(b"0\r\n\r\n"))
    }

    /// A chunk; without data nothing, because an empty chunk would be the last one.
    pub(super) fn chunk(data: Bytes) -> Self {
        if data.is_empty() {
            return Self::default();
        }
        let mut size = [0; SIZE_BYTES];
        let mut space = &mut size[..];
        // Sixteen digits at most, so this always fits.
        let _ = write!(space, "{:x}\r\n", data.len());
        let left = space.len();
        Self {
            size,
            size_length: (SIZE_BYTES - left) as u8,
            data,
            end: b"\r\n",
            written: 0,
        }
    }

    /// Whether all is written.
    pub(super) fn is_empty(&self) -> bool {
        self.left() == 0
    }

    fn left(&self) -> usize {
        usize::from(self.size_length) + self.data.len() + self.end.len() - self.written
    }

    /// The parts that are not written yet.
    fn parts(&self) -> [&[u8]; 3] {
        let mut skip = self.written;
        let size = &self.size[..usize::from(self.size_length)];
        [size, &self.data, self.end].map(|part| {
            let skipped = skip.min(part.len());
            skip -= skipped;
            &part[skipped..]
        })
    }

    /// Writes some of it.
    pub(super) fn poll_write(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(stream);
        let parts = self.parts();
        let left = self.left();
        if left > COPIED_BYTES {
            return stream.poll_write_vectored(context, &parts.map(IoSlice::new));
        }
        let mut copy = [0; COPIED_BYTES];
        let mut space = &mut copy[..];
        for part in parts {
            space.write_all(part)?;
        }
        stream.poll_write(context, &copy[..left])
    }

    /// Notes how much was written; lets go of data that is.
    pub(super) fn advance(&mut self, written: usize) {
        self.written += written;
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(outgoing: &Outgoing) -> Vec<u8> {
        outgoing.parts().concat()
    }

    #[test]
    fn a_chunk_has_its_length_in_front() {
        let chunk = Outgoing::chunk(Bytes::from_static(b"data: hello world\n\n"));
        assert_eq!(bytes(&chunk), b"13\r\ndata: hello world\n\n\r\n");
    }

    #[test]
    fn what_is_written_is_not_written_again() {
        let mut chunk = Outgoing::chunk(Bytes::from_static(b"abc"));
        let whole = bytes(&chunk);
        for written in 1..whole.len() {
            chunk.advance(1);
            assert_eq!(bytes(&chunk), &whole[written..]);
        }
        chunk.advance(1);
        assert!(chunk.is_empty() && chunk.data.is_empty());
    }

    #[test]
    fn no_data_is_not_the_end() {
        assert!(Outgoing::chunk(Bytes::new()).is_empty());
        assert_eq!(bytes(&Outgoing::last()), b"0\r\n\r\n");
    }
}
