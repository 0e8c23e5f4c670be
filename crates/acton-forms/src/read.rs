//! From what was typed to a value, collecting what is wrong on the way.

use garde::{Validate, i18n::I18n};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::{FormState, Messages, ValidForm};

/// A field that cannot be read costs an attempt or a few; after so many the form is beyond repair anyway.
const MAX_ATTEMPTS: usize = 64;

/// What stands in for a missing field: text, a number, a boolean.
const STAND_INS: [&str; 3] = ["", "1", "true"];

impl FormState {
    /// Reads the fields into a `T` and applies its rules.
    #[must_use]
    pub fn read<T>(self) -> ValidForm<T>
    where
        T: DeserializeOwned + Validate,
        T::Context: Default,
    {
        self.read_with(&T::Context::default(), Messages)
    }

    /// Like [`read`](Self::read), for rules that need a context, or messages in another language.
    ///
    /// ```
    /// # use acton_forms::{FormState, Messages, ValidForm};
    /// # use garde::Validate;
    /// struct Limits { longest: usize }
    ///
    /// #[derive(Debug, serde::Deserialize, Validate)]
    /// #[garde(context(Limits as ctx))]
    /// struct NewTask {
    ///     #[garde(length(max = ctx.longest))]
    ///     title: String,
    /// }
    ///
    /// let form = FormState::default().with_value("title", "Milk");
    /// let form: ValidForm<NewTask> = form.read_with(&Limits { longest: 3 }, Messages);
    /// assert_eq!(form.into_result().unwrap_err().error("title"), Some("must be at most 3 long"));
    /// ```
    #[must_use]
    pub fn read_with<T>(mut self, context: &T::Context, messages: impl I18n) -> ValidForm<T>
    where
        T: DeserializeOwned + Validate,
    {
        let Some(value) = self.deserialize::<T>() else {
            return ValidForm::Invalid(self);
        };
        match garde::with_i18n(messages, || value.validate_with(context)) {
            Ok(()) => ValidForm::Valid(value),
            Err(report) => {
                for (path, error) in report.into_inner() {
                    self.add_error(path.to_string(), error.message().to_owned());
                }
                ValidForm::Invalid(self)
            }
        }
    }

    /// The value, or a message for every field that cannot be read.
    ///
    /// Serde stops at the first failure. A field that failed is therefore left out of the next attempt,
    /// and something stands in for one that is missing, which gets as far as the next failure.
    fn deserialize<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut pairs: Vec<&(String, String)> = self.pairs().iter().collect();
        let mut stand_ins: Vec<StandIn> = Vec::new();
        let mut errors: Vec<(String, &str)> = Vec::new();
        for _ in 0..MAX_ATTEMPTS {
            let failure = match attempt::<T>(&pairs, &stand_ins) {
                Ok(value) if errors.is_empty() => return Some(value),
                Ok(_) => break,
                Err(failure) => failure,
            };
            let is_known = errors.iter().any(|(known, _)| *known == failure.field);
            let typed = pairs.len();
            pairs.retain(|(name, _)| *name != failure.field);
            // What a stand-in breaks elsewhere is nothing that anybody typed.
            let is_ours = !failure.is_missing && !stand_ins.is_empty() && pairs.len() == typed;
            let stands_in = stand_in(&mut stand_ins, &failure);
            if is_known && !stands_in || !is_known && is_ours {
                break;
            }
            if !is_known {
                errors.push((failure.field, failure.message));
            }
        }
        for (field, message) in errors {
            self.add_error(field, message.to_owned());
        }
        None
    }
}

/// Why serde stopped.
struct Failure {
    field: String,
    is_missing: bool,
    message: &'static str,
    /// Of an enum, what could have been chosen.
    choice: Option<String>,
}

/// A field that nobody typed.
struct StandIn {
    pair: (String, String),
    tried: usize,
}

fn attempt<T: DeserializeOwned>(
    pairs: &[&(String, String)],
    stand_ins: &[StandIn],
) -> Result<T, Failure> {
    let stand_ins = stand_ins.iter().map(|stand_in| &stand_in.pair);
    let pairs: Vec<_> = pairs.iter().copied().chain(stand_ins).collect();
    let encoded = serde_html_form::to_string(&pairs).unwrap_or_default();
    let deserializer = serde_html_form::Deserializer::from_bytes(encoded.as_bytes());
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let field = field_name(error.path());
        let reason = error.into_inner().to_string();
        let missing = missing_field(&reason);
        Failure {
            field: missing.map_or(field, str::to_owned),
            is_missing: missing.is_some(),
            message: missing.map_or_else(|| explain(&reason), |_| "is required"),
            choice: choice(&reason).map(str::to_owned),
        }
    })
}

/// Whether something else than before stands in for the field that failed.
fn stand_in(stand_ins: &mut Vec<StandIn>, failure: &Failure) -> bool {
    let field = &failure.field;
    let known = stand_ins.iter_mut().find(|known| known.pair.0 == *field);
    let Some(known) = known else {
        if failure.is_missing {
            let pair = (field.clone(), STAND_INS[0].to_owned());
            stand_ins.push(StandIn { pair, tried: 1 });
        }
        return failure.is_missing;
    };
    let Some(next) = STAND_INS.get(known.tried) else {
        return false;
    };
    known.tried += 1;
    known.pair.1 = failure.choice.as_deref().unwrap_or(next).to_owned();
    true
}

/// The first of the variants that serde would have taken.
fn choice(reason: &str) -> Option<&str> {
    let (_, expected) = reason
        .strip_prefix("unknown variant `")?
        .split_once("`, expected ")?;
    expected.split('`').nth(1)
}

/// The field that serde found missing. Its error type has no other way to say so than the text.
fn missing_field(reason: &str) -> Option<&str> {
    reason.strip_prefix("missing field `")?.strip_suffix('`')
}

/// A problem with a value in a list is one of the field; a path without a field is one of the form.
/// The name may itself hold dots and brackets, such as `user.name`.
fn field_name(path: &Path) -> String {
    match path.iter().next() {
        Some(Segment::Map { key }) => key.clone(),
        _ => String::new(),
    }
}

/// The standard library's words about a text that is not a number, as a person would put them.
///
/// Everything else gets one neutral sentence: serde's reasons name types and variants.
fn explain(reason: &str) -> &'static str {
    match reason {
        "invalid digit found in string" => "must be a whole number",
        "invalid float literal" => "must be a number",
        "number too large to fit in target type" => "is too large",
        "number too small to fit in target type" => "is too small",
        "cannot parse integer from empty string" | "cannot parse float from empty string" => {
            "must be a number"
        }
        _ => "is not valid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, serde::Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Booking {
        #[garde(length(chars, min = 1, max = 5))]
        name: String,
        #[garde(range(min = 1, max = 9))]
        seats: u8,
        #[garde(skip)]
        #[serde(default)]
        price: Option<f64>,
        #[garde(inner(length(min = 2)))]
        #[serde(default)]
        tags: Vec<String>,
    }

    fn typed(pairs: &[(&str, &str)]) -> FormState {
        let put = |form: FormState, (name, value): &(&str, &str)| form.with_value(*name, *value);
        pairs.iter().fold(FormState::default(), put)
    }

    fn messages(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let form = typed(pairs).read::<Booking>().into_result();
        let errors = form
            .err()
            .map(|form| form.errors().to_vec())
            .unwrap_or_default();
        errors
            .into_iter()
            .map(|error| (error.field, error.message))
            .collect()
    }

    fn message(field: &str, message: &str) -> (String, String) {
        (field.to_owned(), message.to_owned())
    }

    #[test]
    fn a_form_that_keeps_the_rules_becomes_the_value() {
        let form = typed(&[
            ("name", "Ann"),
            ("seats", "2"),
            ("tags", "aa"),
            ("tags", "bb"),
        ]);
        let booking = form.read::<Booking>().into_result().unwrap();
        assert_eq!(
            (booking.name.as_str(), booking.seats, booking.price),
            ("Ann", 2, None)
        );
        assert_eq!(booking.tags, ["aa", "bb"]);
    }

    #[test]
    fn every_broken_rule_has_its_message() {
        assert_eq!(
            messages(&[("name", ""), ("seats", "10")]),
            [
                message("name", "must not be empty"),
                message("seats", "must be at most 9")
            ]
        );
    }

    #[test]
    fn every_unreadable_field_has_its_message() {
        assert_eq!(
            messages(&[("seats", "two"), ("name", "Ann"), ("price", "cheap")]),
            [
                message("seats", "must be a whole number"),
                message("price", "must be a number")
            ]
        );
    }

    #[test]
    fn a_number_that_does_not_fit_is_too_large() {
        assert_eq!(
            messages(&[("name", "Ann"), ("seats", "256")]),
            [message("seats", "is too large")]
        );
    }

    #[test]
    fn a_missing_field_is_required() {
        assert_eq!(
            messages(&[("name", "Ann")]),
            [message("seats", "is required")]
        );
    }

    #[derive(Debug, serde::Deserialize, Validate)]
    #[garde(allow_unvalidated)]
    struct Everything {
        _text: String,
        _number: std::num::NonZeroU8,
        _share: f32,
        _sure: bool,
        _letter: char,
        _size: Size,
        _spare: Option<u8>,
        _address: std::net::IpAddr,
        _unseen: String,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Size {
        Small,
        Large,
    }

    #[test]
    fn every_missing_field_is_required() {
        let said = |pairs: &[(&str, &str)]| {
            let form = typed(pairs).read::<Everything>().into_result();
            let errors = form.unwrap_err().errors().to_vec();
            errors
                .into_iter()
                .map(|error| (error.field, error.message))
                .collect::<Vec<_>>()
        };
        let required = |field: &str| message(field, "is required");
        let names = ["_text", "_number", "_share", "_sure", "_letter", "_size"];
        let all: Vec<_> = names.into_iter().chain(["_unseen"]).map(required).collect();
        assert_eq!(said(&[("_address", "::1")]), all);
        // Nothing stands in for text of a type's own.
        let up_to: Vec<_> = names
            .into_iter()
            .chain(["_address"])
            .map(required)
            .collect();
        assert_eq!(said(&[]), up_to);
    }

    /// Two fields that belong together, in a type that nothing finds its way into.
    #[derive(Debug, serde::Deserialize, Validate)]
    #[garde(allow_unvalidated)]
    #[serde(try_from = "Dates")]
    struct Stay {
        _dates: (),
    }

    #[derive(serde::Deserialize)]
    struct Dates {
        from: String,
        to: String,
    }

    impl TryFrom<Dates> for Stay {
        type Error = &'static str;

        fn try_from(dates: Dates) -> Result<Self, &'static str> {
            (dates.from < dates.to)
                .then_some(Self { _dates: () })
                .ok_or("backwards")
        }
    }

    #[test]
    fn what_only_a_stand_in_breaks_is_not_told() {
        let said = |pairs: &[(&str, &str)]| {
            let form = typed(pairs).read::<Stay>().into_result().unwrap_err();
            let errors = form.errors().iter();
            errors
                .map(|error| message(&error.field, &error.message))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            said(&[]),
            [message("from", "is required"), message("to", "is required")]
        );
        assert_eq!(
            said(&[("from", "2"), ("to", "1")]),
            [message("", "is not valid")]
        );
        assert!(
            typed(&[("from", "1"), ("to", "2")])
                .read::<Stay>()
                .into_result()
                .is_ok()
        );
    }

    #[test]
    fn a_missing_field_is_required_beside_one_that_cannot_be_read() {
        let all = [
            message("seats", "must be a whole number"),
            message("price", "must be a number"),
            message("name", "is required"),
        ];
        assert_eq!(messages(&[("seats", "two"), ("price", "cheap")]), all);
        assert_eq!(
            messages(&[("seats", "two"), ("seats", "3"), ("admin", "1")]),
            [
                message("seats", "is not valid"),
                message("admin", "is not valid"),
                message("name", "is required"),
            ]
        );
    }

    #[test]
    fn a_field_sent_twice_is_not_valid() {
        assert_eq!(
            messages(&[("name", "Ann"), ("name", "Bob"), ("seats", "1")]),
            [message("name", "is not valid")]
        );
    }

    #[test]
    fn an_unknown_field_names_no_type_of_ours() {
        assert_eq!(
            messages(&[("name", "Ann"), ("seats", "1"), ("admin", "1")]),
            [message("admin", "is not valid")]
        );
    }

    #[test]
    fn an_error_inside_a_list_is_found_by_the_name_of_the_list() {
        let form = typed(&[
            ("name", "Ann"),
            ("seats", "1"),
            ("tags", "ok"),
            ("tags", "x"),
        ]);
        let form = form.read::<Booking>().into_result().unwrap_err();
        assert_eq!(form.errors()[0].field, "tags[1]");
        assert_eq!(form.error("tags"), Some("must be at least 2 long"));
        assert_eq!(form.error("tag"), None);
    }

    /// Names as other frameworks write them.
    #[derive(Debug, serde::Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[garde(skip)]
        #[serde(rename = "user.age")]
        _age: u8,
        #[garde(skip)]
        #[serde(rename = "items[0]", default)]
        _items: Vec<u8>,
        #[garde(skip)]
        #[serde(rename = "user", default)]
        _user: Option<u8>,
    }

    #[test]
    fn a_name_with_dots_and_brackets_is_told_whole() {
        let wrong = [
            ("user.age", "old"),
            ("items[0]", "1"),
            ("items[0]", "many"),
            ("user", "me"),
            ("a.b[c]", "x"),
        ];
        let form = typed(&wrong).read::<Order>().into_result().unwrap_err();
        let said: Vec<_> = form
            .errors()
            .iter()
            .map(|error| (error.field.as_str(), error.message.as_str()))
            .collect();
        let whole = "must be a whole number";
        let all = [
            ("user.age", whole),
            ("items[0]", whole),
            ("user", whole),
            ("a.b[c]", "is not valid"),
        ];
        assert_eq!(said.len(), all.len(), "{said:?}");
        for each in all {
            assert!(said.contains(&each), "{each:?} of {said:?}");
        }
        assert_eq!(form.error("user.age"), Some(whole));
        let missing = typed(&[]).read::<Order>().into_result().unwrap_err();
        assert_eq!(missing.error("user.age"), Some("is required"));
    }

    #[test]
    fn what_was_typed_survives() {
        let form = typed(&[
            ("name", "far too long"),
            ("seats", "two"),
            ("tags", "a"),
            ("tags", "b"),
        ]);
        let form = form.read::<Booking>().into_result().unwrap_err();
        assert_eq!(form.value("name"), "far too long");
        assert_eq!(form.value("seats"), "two");
        assert!(form.values("tags").eq(["a", "b"]));
    }

    proptest! {
        #[test]
        fn no_input_panics_or_loses_what_was_typed(
            pairs in proptest::collection::vec(("name|seats|price|tags|.{0,4}", ".{0,8}"), 0..12)
        ) {
            let form = pairs.iter().fold(FormState::default(), |form, (name, value)| form.with_value(name, value));
            if let Err(form) = form.read::<Booking>().into_result() {
                prop_assert_eq!(form.pairs(), &pairs[..]);
                prop_assert!(form.has_errors());
            }
        }
    }
}
