use std::{borrow::Cow, fmt::Display};

use garde::i18n::{I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind};

/// The English sentences shown beside a field.
///
/// They are written for the person who typed, to be read after the field's label.
/// For another language, implement [`I18n`] and pass it to
/// [`FormState::read_with`](crate::FormState::read_with).
#[derive(Clone, Copy, Debug, Default)]
pub struct Messages;

impl I18n for Messages {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        match min {
            1 => "must not be empty".into(),
            _ => format!("must be at least {min} long").into(),
        }
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        format!("must be at most {max} long").into()
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        format!("must be at least {min}").into()
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        format!("must be at most {max}").into()
    }

    fn credit_card_invalid(&self, _: InvalidCreditCard) -> Cow<'static, str> {
        "must be a credit card number".into()
    }

    fn pattern_no_match(&self, _: &dyn Display) -> Cow<'static, str> {
        "does not have the expected form".into()
    }

    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("must contain “{pattern}”").into()
    }

    fn url_invalid(&self, _: InvalidUrl) -> Cow<'static, str> {
        "must be a web address".into()
    }

    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("must begin with “{pattern}”").into()
    }

    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("must end with “{pattern}”").into()
    }

    fn phone_number_invalid(&self, _: InvalidPhoneNumber) -> Cow<'static, str> {
        "must be a phone number".into()
    }

    fn ip_invalid(&self, _: IpKind) -> Cow<'static, str> {
        "must be an IP address".into()
    }

    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        format!("must be the same as {field}").into()
    }

    fn email_invalid(&self, _: InvalidEmail) -> Cow<'static, str> {
        "must be an email address".into()
    }

    fn ascii_invalid(&self) -> Cow<'static, str> {
        "must use plain ASCII characters only".into()
    }

    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        "must use letters and digits only".into()
    }

    fn required_not_set(&self) -> Cow<'static, str> {
        "is required".into()
    }
}
