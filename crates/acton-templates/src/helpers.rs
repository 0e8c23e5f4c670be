//! Small helpers inside templates.
//!
//! Templates pass references, so the functions take what can be borrowed.

use std::borrow::Borrow;

/// The names whose condition holds, for a `class` attribute.
///
/// ```
/// assert_eq!(acton_templates::classes(&[("task", true), ("done", false), ("late", true)]), "task late");
/// ```
#[must_use]
pub fn classes(names: &[(&str, bool)]) -> String {
    let chosen: Vec<&str> = names
        .iter()
        .filter_map(|(name, holds)| holds.then_some(*name))
        .collect();
    chosen.join(" ")
}

/// The word that fits the number: `one` for 1, otherwise `many`.
///
/// ```
/// use acton_templates::pluralize;
/// assert_eq!([0, 1, 2].map(|count| pluralize(count, "task", "tasks")), ["tasks", "task", "tasks"]);
/// ```
#[must_use]
pub fn pluralize<'a>(count: impl Borrow<usize>, one: &'a str, many: &'a str) -> &'a str {
    if *count.borrow() == 1 { one } else { many }
}

/// The text, or its first `max` characters followed by `…`.
///
/// ```
/// use acton_templates::truncate;
/// assert_eq!(truncate("Grüße", 5), "Grüße");
/// assert_eq!(truncate("Grüße", 3), "Grü…");
/// ```
#[must_use]
pub fn truncate(text: &str, max: impl Borrow<usize>) -> String {
    match text.char_indices().nth(*max.borrow()) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// Filters for templates whose module says `use acton_templates::filters;`.
///
/// | filter | gives |
/// |---|---|
/// | `hx_json` | a struct or map as JSON for `hx-vals` or `hx-headers`: `hx-vals="{{ values\|hx_json }}"`. Whatever text it holds stays inside the attribute and reaches the server unchanged. A value that is no JSON object, or holds a number that a browser would read as another, fails the template. |
#[expect(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "the attribute macro drops doc comments"
)]
pub mod filters {
    use acton_htmx::Markup;
    use askama::Values;
    use serde::Serialize;

    #[askama::filter_fn]
    pub fn hx_json<T: Serialize>(value: T, _: &dyn Values) -> askama::Result<Markup> {
        acton_htmx::hx_json(&value).map_err(askama::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use askama::Template;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Template)]
    #[template(
        ext = "html",
        source = r#"<i title="{{ text }}" hx-vals="{{ vals|hx_json }}" hx-headers='{{ vals|hx_json }}'>{{ text }}</i>"#
    )]
    struct Attributes {
        text: String,
        vals: BTreeMap<&'static str, String>,
    }

    /// What an HTML parser makes of the text between the quotes.
    fn unescape(attribute: &str) -> String {
        let mut parts = attribute.split('&');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (entity, rest) = part.split_once(';').unwrap();
            text.push(match entity {
                "quot" | "#34" => '"',
                "#39" => '\'',
                "lt" | "#60" => '<',
                "gt" | "#62" => '>',
                "amp" | "#38" => '&',
                other => panic!("{other}"),
            });
            text.push_str(rest);
        }
        text
    }

    fn between<'a>(html: &'a str, start: &str, end: &str) -> &'a str {
        html.split_once(start)
            .and_then(|(_, rest)| rest.split_once(end))
            .map_or("", |(inner, _)| inner)
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_attribute_or_changes_on_the_way(text in ".{0,20}|(<hx-partial>|[\"'&<>]|&lt;){0,6}") {
            let vals = BTreeMap::from([("q", text.clone())]);
            let html = Attributes { text: text.clone(), vals: vals.clone() }.render().unwrap();
            prop_assert_eq!(html.matches('<').count(), 2);
            prop_assert_eq!(html.matches('>').count(), 2);
            prop_assert_eq!(unescape(between(&html, "title=\"", "\"")), &text[..]);
            for json in [between(&html, "hx-vals=\"", "\""), between(&html, "hx-headers='", "'")] {
                let read: BTreeMap<String, String> = serde_json::from_str(&unescape(json)).unwrap_or_default();
                prop_assert_eq!(&read["q"], &text);
            }
        }

        #[test]
        fn truncation_counts_characters_and_never_splits_one(text in "\\PC{0,12}", max in 0usize..14) {
            let short = truncate(&text, max);
            prop_assert!(short.chars().count() <= max + 1);
            prop_assert_eq!(short == text, text.chars().count() <= max);
        }
    }

    #[test]
    fn a_value_that_is_no_object_fails_the_template() {
        #[derive(Template)]
        #[template(ext = "html", source = "{{ 1|hx_json }}")]
        struct Number;
        assert!(Number.render().is_err());
    }

    #[test]
    fn no_class_at_all_is_an_empty_attribute() {
        assert_eq!(classes(&[("done", false)]), "");
    }
}
