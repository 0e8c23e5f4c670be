//! JSON that survives a header or an attribute.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::{error::Error, markup::Markup, numbers};

/// JSON with every number as the browser will read it.
pub(crate) fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Error> {
    numbers::check(value)?;
    Ok(serde_json::to_value(value)?)
}

/// Writes JSON with nothing but visible ASCII, so that it survives in a header.
pub(crate) fn to_ascii<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    Ok(escape(&serde_json::to_string(value)?))
}

/// Escapes what is not visible ASCII. In JSON text such characters stand only inside strings,
/// apart from tabs and newlines, which stand only outside.
pub(crate) fn escape(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            ' '..='~' => ascii.push(character),
            '\t' | '\n' | '\r' => ascii.push(' '),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    write!(ascii, "\\u{unit:04x}").expect("writing to a string");
                }
            }
        }
    }
    ascii
}

/// Writes an object as JSON for `hx-vals` or `hx-headers`, safe between quotes of either kind.
///
/// ```
/// use std::collections::BTreeMap;
///
/// let vals = acton_htmx::hx_json(&BTreeMap::from([("q", "<hx-partial>")]))?;
/// assert_eq!(vals.as_str(), "{&quot;q&quot;:&quot;&lt;hx-partial&gt;&quot;}");
/// # Ok::<(), acton_htmx::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Json`] when the value cannot be written as JSON, [`Error::Number`] for a number that would
/// arrive as another, [`Error::NotAnObject`] when it is not a map or a struct: htmx would read the
/// attribute as a script.
pub fn hx_json<T: Serialize + ?Sized>(value: &T) -> Result<Markup, Error> {
    numbers::check(value)?;
    let json = serde_json::to_string(value)?;
    if json.starts_with('{') {
        Ok(Markup::escaped(json))
    } else {
        Err(Error::NotAnObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_outside_ascii_is_escaped_in_utf_16() {
        assert_eq!(
            to_ascii("é日😀\u{7f}").unwrap(),
            r#""\u00e9\u65e5\ud83d\ude00\u007f""#
        );
    }

    #[test]
    fn whitespace_between_tokens_becomes_a_space() {
        assert_eq!(escape("{\t\"a\":\n1}"), "{ \"a\": 1}");
    }

    #[test]
    fn values_that_are_no_object_would_be_a_script() {
        assert!(matches!(hx_json("alert(1)"), Err(Error::NotAnObject)));
    }

    #[test]
    fn a_number_that_would_lose_digits_is_refused() {
        let vals = |id: u64| hx_json(&serde_json::json!({ "id": id }));
        assert!(vals(1 << 53).is_ok());
        assert!(matches!(vals((1 << 53) + 1), Err(Error::Number(_))));
    }
}
