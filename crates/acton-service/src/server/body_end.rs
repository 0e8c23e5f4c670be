//! Where the body of a request ends in what comes over the wire.
//!
//! hyper refuses what is not framed as it should be and closes the connection, so only sound bodies are measured here.
//!
//! <https://www.rfc-editor.org/rfc/rfc9112#section-7.1>

use http_body::Body;

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BodyEnd {
    /// Nothing.
    #[default]
    Reached,
    /// So many bytes, as `Content-Length` says.
    After(u64),
    /// The rest of a chunk's size, whose digits have said this so far.
    Size(u64),
    /// The rest of the line that says this size.
    SizeLine(u64),
    /// The rest of a chunk, its line end included.
    Chunk(u64),
    /// The rest of a line behind the last chunk; the end, where it is blank.
    Trailer { is_blank: bool },
}

impl BodyEnd {
    /// For the body of a request whose head has just ended.
    pub(super) fn of(body: &impl Body) -> Self {
        if body.is_end_stream() {
            return Self::Reached;
        }
        body.size_hint().exact().map_or(Self::Size(0), Self::After)
    }

    /// Says how many of these bytes belong to the body.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while *self != Self::Reached && taken < bytes.len() {
            taken += self.take_some(&bytes[taken..]);
        }
        taken
    }

    /// Takes at least one of these.
    fn take_some(&mut self, bytes: &[u8]) -> usize {
        let (left, then) = match self {
            Self::After(left) => (left, Self::Reached),
            Self::Chunk(left) => (left, Self::Size(0)),
            line => {
                *line = line.read(bytes[0]);
                return 1;
            }
        };
        let count = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
        *left -= count as u64;
        if *left == 0 {
            *self = then;
        }
        count
    }

    /// What comes after this byte of a line.
    fn read(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size(0) | Self::SizeLine(0), b'\n') => Self::Trailer { is_blank: true },
            (Self::Size(size) | Self::SizeLine(size), b'\n') => Self::Chunk(size.saturating_add(2)),
            (Self::Size(size), _) => match char::from(byte).to_digit(16) {
                Some(digit) => Self::Size(size.saturating_mul(16).saturating_add(digit.into())),
                None => Self::SizeLine(size),
            },
            (Self::Trailer { is_blank: true }, b'\n') => Self::Reached,
            (Self::Trailer { .. }, b'\n') => Self::Trailer { is_blank: true },
            (Self::Trailer { is_blank }, _) => Self::Trailer {
                is_blank: is_blank && byte == b'\r',
            },
            (other, _) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the bytes in pieces of this length.
    fn taken(mut end: BodyEnd, bytes: &str, piece: usize) -> (usize, BodyEnd) {
        let pieces = bytes.as_bytes().chunks(piece);
        let taken = pieces.map(|piece| end.take(piece)).sum();
        (taken, end)
    }

    #[test]
    fn a_body_ends_where_it_says_however_it_comes() {
        let next = "GET / HTTP/1.1\r\n";
        for (begin, body) in [
            (BodyEnd::Reached, ""),
            (BodyEnd::After(5), "hello"),
            (BodyEnd::Size(0), "0\r\n\r\n"),
            (BodyEnd::Size(0), "5\r\nhello\r\n0\r\n\r\n"),
            (
                BodyEnd::Size(0),
                "00000a\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
            ),
            (
                BodyEnd::Size(0),
                "1A \r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
            ),
            (
                BodyEnd::Size(0),
                "2;5=\"0\"\r\n\r\n\r\n0;0\r\na: b\r\nc:\r\n\r\n",
            ),
        ] {
            for piece in 1..=body.len() + next.len() {
                let all = format!("{body}{next}");
                let end = (body.len(), BodyEnd::Reached);
                assert_eq!(taken(begin, &all, piece), end, "{body:?} by {piece}");
            }
        }
    }

    #[test]
    fn a_body_that_is_not_over_takes_everything() {
        for (begin, body) in [
            (BodyEnd::After(6), "hello"),
            (BodyEnd::After(u64::MAX), "hello"),
            (BodyEnd::Size(0), "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
            (BodyEnd::Size(0), "5\r\nhello\r\n0\r\n"),
            (BodyEnd::Size(0), "0\r\na: b\r\n"),
        ] {
            let (count, end) = taken(begin, body, body.len());
            assert_eq!(count, body.len());
            assert_ne!(end, BodyEnd::Reached, "{body:?}");
        }
    }
}
