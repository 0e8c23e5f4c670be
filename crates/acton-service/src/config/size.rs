//! Sizes with their unit: `2MiB`.

use serde::{Deserialize, Deserializer, de};

const UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// For `#[serde(deserialize_with = …)]`.
pub(crate) fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| {
        de::Error::invalid_value(
            de::Unexpected::Other("text"),
            &"a size with its unit, such as 2MiB",
        )
    })
}

fn parse(text: &str) -> Option<usize> {
    let text = text.trim();
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))?;
    let number: u64 = number.trim_end().parse().ok()?;
    usize::try_from(number.checked_mul(factor)?).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_unit_is_understood() {
        assert_eq!(parse("2MiB"), Some(2 * 1024 * 1024));
        assert_eq!(parse("64 KiB"), Some(64 * 1024));
        assert_eq!(parse("1GB"), Some(1_000_000_000));
        assert_eq!(parse("512B"), Some(512));
    }

    #[test]
    fn a_number_without_its_unit_is_refused() {
        assert_eq!(parse("2097152"), None);
    }

    #[test]
    fn nonsense_and_overflow_are_refused() {
        for text in [
            "",
            "MiB",
            "-1MiB",
            "1.5MiB",
            "2mib",
            "99999999999999999999GiB",
            "18446744073709551615KiB",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
