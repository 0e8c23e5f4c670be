//! A body in chunks, and the lines in it.
//!
//! Specification: <https://www.rfc-editor.org/rfc/rfc9112#section-7.1>

/// Takes bytes as they come over the wire, and gives lines without their end.
#[derive(Debug, Default)]
pub struct Lines {
    expects: Expects,
    size: String,
    line: Vec<u8>,
    /// Whether the last chunk was there.
    pub ended: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Expects {
    #[default]
    Size,
    Data(usize),
    End(usize),
}

impl Lines {
    /// Takes bytes in and calls for every line that is complete.
    pub fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&str)) {
        while !bytes.is_empty() {
            match self.expects {
                Expects::Size => {
                    let byte = bytes[0];
                    bytes = &bytes[1..];
                    match byte {
                        b'\n' => self.begin(),
                        b'\r' => {}
                        _ => self.size.push(char::from(byte)),
                    }
                }
                Expects::Data(left) => {
                    let count = left.min(bytes.len());
                    self.split(&bytes[..count], &mut each);
                    bytes = &bytes[count..];
                    self.expects = match left - count {
                        0 => Expects::End(2),
                        left => Expects::Data(left),
                    };
                }
                Expects::End(left) => {
                    bytes = &bytes[1..];
                    self.expects = match left {
                        1 => Expects::Size,
                        _ => Expects::End(left - 1),
                    };
                }
            }
        }
    }

    fn begin(&mut self) {
        let size = usize::from_str_radix(&self.size, 16).unwrap_or(0);
        self.size.clear();
        self.ended = size == 0;
        self.expects = match size {
            0 => Expects::End(2),
            size => Expects::Data(size),
        };
    }

    fn split(&mut self, mut bytes: &[u8], each: &mut impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            if self.line.is_empty() {
                each(&String::from_utf8_lossy(&bytes[..end]));
            } else {
                self.line.extend_from_slice(&bytes[..end]);
                each(&String::from_utf8_lossy(&self.line));
                self.line = Vec::new();
            }
            bytes = &bytes[end + 1..];
        }
        self.line.extend_from_slice(bytes);
    }
}
