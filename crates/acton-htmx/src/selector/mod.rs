//! CSS selectors that survive headers, attributes and htmx's own splitting.

mod syntax;

use std::{fmt, fmt::Write as _, str::FromStr};

use http::HeaderValue;

use crate::error::Error;

/// A CSS selector in ASCII: other characters are written as CSS escapes, with the same meaning.
///
/// Text that both versions of htmx understand themselves, such as `this`, `closest tr` or `<tr/>`, is a
/// selector as well.
///
/// ```
/// use acton_htmx::Selector;
///
/// assert_eq!(Selector::id("row 1")?.as_str(), r"#row\0000201");
/// assert_eq!(Selector::new("#café")?.as_str(), r"#caf\0000e9");
/// # Ok::<(), acton_htmx::Error>(())
/// ```
///
/// Reference: <https://www.w3.org/TR/css-syntax-3/#escaping>
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector(String);

impl Selector {
    /// Takes a selector as it is written in a style sheet.
    ///
    /// # Errors
    ///
    /// [`Error::Selector`] when it holds control characters, or is none by the
    /// [grammar](https://www.w3.org/TR/selectors-4/#grammar), such as `#1` or `a >`: htmx would throw and
    /// lose the whole answer. So is what htmx 2 and htmx 4 read in two ways: `findAll`, `root`, `this`
    /// beside others, and a comma in brackets after `closest`, `find`, `next` or `previous`.
    /// Whether a browser knows the pseudo-classes in it is not looked at.
    pub fn new(selector: &str) -> Result<Self, Error> {
        Self::checked(selector, syntax::is_extended)
    }

    /// The same, where htmx asks the browser without a look of its own.
    pub(crate) fn css(selector: &str) -> Result<Self, Error> {
        Self::checked(selector, syntax::is_css)
    }

    fn checked(selector: &str, is_sound: fn(&str) -> bool) -> Result<Self, Error> {
        let selector = selector.trim_ascii();
        if selector.chars().any(char::is_control) || !is_sound(selector) {
            return Err(Error::Selector(selector.to_owned()));
        }
        Ok(Self(in_ascii(selector)))
    }

    /// Selects the element with this id, whatever characters the id has.
    ///
    /// # Errors
    ///
    /// [`Error::Selector`] when the id is empty or holds control characters.
    pub fn id(id: &str) -> Result<Self, Error> {
        if id.is_empty() || id.chars().any(char::is_control) {
            return Err(Error::Selector(format!("#{id}")));
        }
        let mut escaped = String::with_capacity(id.len() + 1);
        escaped.push('#');
        for (position, character) in id.chars().enumerate() {
            let plain = character.is_ascii_alphabetic()
                || character == '_'
                || position > 0 && (character.is_ascii_digit() || character == '-');
            if plain {
                escaped.push(character);
            } else {
                push_escape(&mut escaped, character);
            }
        }
        Ok(Self(escaped))
    }

    /// Whether this is the element that sent the request.
    pub(crate) fn is_this(&self) -> bool {
        self.0 == syntax::THIS
    }

    /// The escaped text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an escaped selector is visible ASCII")
    }
}

impl FromStr for Selector {
    type Err = Error;

    fn from_str(selector: &str) -> Result<Self, Error> {
        Self::new(selector)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Where htmx splits a selector, whether in quotes or not.
const SPLITS: [char; 7] = [',', '<', '>', '(', ')', '[', ']'];

/// Writes each character outside ASCII, and where htmx would split what is text, as an escape; the
/// other escapes that are there are left alone.
fn in_ascii(selector: &str) -> String {
    let mut ascii = String::with_capacity(selector.len());
    let mut characters = selector.chars().peekable();
    let mut quote = None;
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match character {
            // `\é` means `é`, which gets a backslash of its own.
            '\\' if next.is_some_and(|next| !next.is_ascii()) => {}
            '\\' => {
                ascii.push(character);
                ascii.extend(characters.next());
            }
            '"' | '\'' => {
                quote = match quote {
                    None => Some(character),
                    Some(open) => Some(open).filter(|open| *open != character),
                };
                ascii.push(character);
            }
            plain if plain.is_ascii() && !(quote.is_some() && SPLITS.contains(&plain)) => {
                ascii.push(plain);
            }
            other => {
                push_escape(&mut ascii, other);
                // One space after an escape belongs to it; the one that follows means something.
                ascii.extend(next.filter(|next| *next == ' '));
            }
        }
    }
    ascii
}

/// Six digits always, so that a digit may follow.
fn push_escape(escaped: &mut String, character: char) {
    write!(escaped, "\\{:06x}", u32::from(character)).expect("writing to a string");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(text: &str) -> Option<String> {
        Selector::new(text)
            .ok()
            .map(|selector| selector.to_string())
    }

    #[test]
    fn ascii_selectors_stay_as_they_are() {
        for text in [
            "#o1",
            "this",
            "closest tr",
            "a[title=\"x y\"]",
            "li:not(.a, .b)",
            r"#a\:b",
        ] {
            assert_eq!(selector(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn other_characters_are_escaped() {
        assert_eq!(selector("#日").as_deref(), Some(r"#\0065e5"));
    }

    #[test]
    fn a_space_after_an_escape_still_means_a_descendant() {
        assert_eq!(selector(".é .x").as_deref(), Some(r".\0000e9  .x"));
        assert_eq!(selector(".é>.x").as_deref(), Some(r".\0000e9>.x"));
    }

    #[test]
    fn what_is_escaped_already_is_escaped_once() {
        assert_eq!(selector(r"#\é").as_deref(), Some(r"#\0000e9"));
        assert_eq!(selector(r"#\\é").as_deref(), Some(r"#\\\0000e9"));
        assert_eq!(selector(r"#a\e9 b").as_deref(), Some(r"#a\e9 b"));
    }

    #[test]
    fn htmx_splits_no_text_in_quotes() {
        let quoted = selector(r#"closest [title="a, <b>"]"#).unwrap();
        assert_eq!(quoted, r#"closest [title="a\00002c  \00003cb\00003e"]"#);
        assert_eq!(
            selector("a[b='\",'], c").as_deref(),
            Some(r#"a[b='"\00002c'], c"#)
        );
    }

    #[test]
    fn only_what_css_calls_whitespace_is_trimmed() {
        assert_eq!(selector("\t#a\n ").as_deref(), Some("#a"));
        assert_eq!(selector("#a\u{3000}").as_deref(), Some(r"#a\003000"));
        assert_eq!(selector("#a\u{b}"), None);
        assert_eq!(selector("#a\u{85}"), None);
    }

    #[test]
    fn what_a_browser_would_throw_on_is_refused() {
        for text in [
            "", " ", "#1", ">>", "a{b", "!", "a[b", "[x='y]", "a\\", "a\nb",
        ] {
            assert_eq!(selector(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_only_htmx_reads_is_no_css() {
        assert_eq!(selector("<tr/>").as_deref(), Some("<tr/>"));
        assert!(Selector::css("<tr/>").is_err() && Selector::css("tr").is_ok());
    }

    #[test]
    fn an_id_is_escaped_as_a_whole() {
        let id = |id| Selector::id(id).ok().map(|selector| selector.to_string());
        assert_eq!(id("row-1").as_deref(), Some("#row-1"));
        assert_eq!(id("1").as_deref(), Some(r"#\000031"));
        assert_eq!(id("a,b").as_deref(), Some(r"#a\00002cb"));
        assert_eq!(id(""), None);
        assert_eq!(id("a\0"), None);
    }
}
