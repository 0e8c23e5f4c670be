//! Where templates write what they show.

use std::{cell::Cell, fmt, str};

use askama::Template;

/// More memory than this is given back, in bytes.
const KEPT: usize = 256 * 1024;

thread_local! {
    /// As long as the longest page before, so that most pages need not grow it.
    static PLACE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Text that is written piece by piece, most of them a few bytes: [`String`] looks for more memory and calls `memcpy` for
/// each.
struct Page {
    /// What is behind `length` is left over.
    bytes: Vec<u8>,
    length: usize,
}

impl Page {
    #[cold]
    fn grow(&mut self, length: usize) {
        let length = length.max(self.bytes.len() * 2).max(1024);
        self.bytes.resize(length, 0);
    }

    fn text(&self) -> Result<&str, fmt::Error> {
        str::from_utf8(&self.bytes[..self.length]).map_err(|_| fmt::Error)
    }
}

impl fmt::Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        if end > self.bytes.len() {
            self.grow(end);
        }
        copy(&mut self.bytes[self.length..end], text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Copies what is short in two steps that may overlap, which takes less time than to call `memcpy`.
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        0 => {}
        1..4 => from.iter().zip(to).for_each(|(from, to)| *to = *from),
        4..8 => copy_ends::<4>(to, from),
        8..16 => copy_ends::<8>(to, from),
        16..=32 => copy_ends::<16>(to, from),
        _ => to.copy_from_slice(from),
    }
}

fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk()) {
        *to = *from;
    }
}

/// Renders a template and hands out what it shows.
pub(crate) fn render<T: Template, R>(
    template: &T,
    then: impl FnOnce(&str) -> R,
) -> askama::Result<R> {
    let mut page = Page {
        // A template that is rendered by another one finds nothing here.
        bytes: PLACE.take(),
        length: 0,
    };
    template.render_into(&mut page)?;
    let result = then(page.text()?);
    page.bytes.truncate(KEPT);
    page.bytes.shrink_to(KEPT);
    PLACE.set(page.bytes);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn page() -> Page {
        Page {
            bytes: Vec::new(),
            length: 0,
        }
    }

    #[test]
    fn pieces_of_every_length_are_written_in_order() {
        let text: String = ('a'..='z').cycle().take(200).collect();
        let (mut page, mut expected) = (page(), String::new());
        for length in (0..=200).chain([3000]) {
            let piece = text.repeat(length / 200 + 1);
            page.write_str(&piece[..length]).unwrap();
            expected.push_str(&piece[..length]);
            page.write_char('ü').unwrap();
            expected.push('ü');
        }
        assert_eq!(page.text().unwrap(), expected);
    }

    #[derive(Template)]
    #[template(ext = "html", source = "<p>{{ text }}</p>")]
    struct Paragraph<T: fmt::Display> {
        text: T,
    }

    /// Renders a template of its own.
    struct Inner;

    impl fmt::Display for Inner {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            let inner = render(&Paragraph { text: "a & b" }, str::to_owned);
            formatter.write_str(&inner.map_err(|_| fmt::Error)?)
        }
    }

    #[test]
    fn templates_may_render_others_and_nothing_stays_of_those_before() {
        let long = "x".repeat(KEPT * 2);
        for _ in 0..2 {
            let nested = render(&Paragraph { text: Inner }, str::to_owned).unwrap();
            let escaped = "&#60;p&#62;a &#38;#38; b&#60;/p&#62;";
            assert_eq!(nested, format!("<p>{escaped}</p>"));
            let short = render(&Paragraph { text: "" }, str::to_owned).unwrap();
            assert_eq!(short, "<p></p>");
            let length = render(&Paragraph { text: &long }, str::len).unwrap();
            assert_eq!(length, long.len() + 7);
            let kept = PLACE.take();
            assert_eq!(kept.capacity(), KEPT);
            PLACE.set(kept);
        }
    }
}
