//! One value out of a query string.

/// The decoded value of the first parameter with this name.
pub(crate) fn value(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| decode(value))
    })
}

/// Undoes percent-encoding and `+`; what is not valid stays as it is or is replaced.
fn decode(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%').then(|| hex_pair(tail)).flatten();
        rest = &tail[if escaped.is_some() { 2 } else { 0 }..];
        bytes.push(escaped.unwrap_or(if first == b'+' { b' ' } else { first }));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_decoded() {
        assert_eq!(value("a=1&b=x%2Fy+z&b=2", "b").as_deref(), Some("x/y z"));
    }

    #[test]
    fn what_is_not_valid_is_kept_or_replaced() {
        assert_eq!(value("a=%zz%", "a").as_deref(), Some("%zz%"));
        assert_eq!(value("a=%ff", "a").as_deref(), Some("\u{fffd}"));
        assert_eq!(value("a&b", "a"), None);
    }
}
