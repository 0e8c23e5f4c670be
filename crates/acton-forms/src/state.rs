use std::fmt;

use axum_core::extract::{FromRequest, Request};
use http::{Method, header::CONTENT_TYPE};
use percent_encoding::percent_decode;
use serde::Serialize;

use crate::FormRejection;

/// The field that carries the CSRF token. It belongs to the page, not to the form.
const CSRF_FIELD: &str = "csrf_token";

/// A person types a few dozen fields; the limit bounds what a hostile body can make us remember.
const MAX_FIELDS: usize = 1000;

/// A form as it is shown: what stands in its fields, and the messages beside them.
///
/// The default is the blank form of the first visit, so one template renders every state:
///
/// ```
/// # mod askama_page {
/// use acton_forms::FormState;
/// use askama::Template;
///
/// #[derive(Template)]
/// #[template(ext = "html", source = r#"
/// <input name="title" value="{{ form.value("title") }}">
/// {% if let Some(message) = form.error("title") %}<p id="err-title">Title {{ message }}</p>{% endif %}
/// "#)]
/// struct NewTask {
///     form: FormState,
/// }
///
/// # pub fn main() {
/// let form = FormState::default().with_value("title", "<b>").with_error("title", "is taken");
/// let html = NewTask { form }.render().expect("renders");
/// assert!(html.contains("value=\"&#60;b&#62;\""));
/// assert!(html.contains("Title is taken"));
/// # }
/// # }
/// # askama_page::main()
/// ```
///
/// As an extractor it takes a urlencoded body, the query of a GET, or the query of a DELETE without
/// a body, where htmx puts the fields; it does not judge them:
/// [`read`](Self::read) then does what [`ValidForm`](crate::ValidForm) does in one step.
///
/// `Debug` shows names and messages, never what was typed: a form may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FormState {
    values: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

/// One message about one field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// The field's name, such as `title` or `items[0].name`; empty for the form as a whole.
    pub field: String,
    /// What to tell the person who typed.
    pub message: String,
}

impl FormState {
    /// A form filled with the fields of `value`, such as the record to be edited.
    ///
    /// `value` is a flat struct: its fields are text, numbers, booleans, options and lists of those.
    /// Fields that do not fit into a form (nested structs) leave the form blank.
    ///
    /// ```
    /// # use acton_forms::FormState;
    /// #[derive(serde::Serialize)]
    /// struct Task { title: &'static str, hours: u8 }
    ///
    /// let form = FormState::filled(&Task { title: "Milk", hours: 2 });
    /// assert_eq!(form.value("title"), "Milk");
    /// assert_eq!(form.value("hours"), "2");
    /// ```
    #[must_use]
    pub fn filled(value: &impl Serialize) -> Self {
        let encoded = serde_html_form::to_string(value).unwrap_or_default();
        Self::decode(encoded.as_bytes())
    }

    /// Puts `value` into the field `name`, beside what is there already.
    #[must_use]
    pub fn with_value(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.push((name.into(), value.into()));
        self
    }

    /// Adds a message: to the field `name`, or with an empty name to the whole form.
    ///
    /// For what only the handler can know, such as a name that is taken.
    #[must_use]
    pub fn with_error(mut self, name: impl Into<String>, message: impl Into<String>) -> Self {
        self.add_error(name.into(), message.into());
        self
    }

    /// What stands in the field `name`; empty when nothing does.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.values(name).next().unwrap_or_default()
    }

    /// Everything that was chosen for `name`, in order: several checkboxes, a multiple select.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |(field, _): &&(String, String)| field == name;
        self.values
            .iter()
            .filter(named)
            .map(|(_, value)| value.as_str())
    }

    /// Whether `value` is among what was chosen for `name`: for `checked` and `selected`.
    #[must_use]
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.values(name).any(|chosen| chosen == value)
    }

    /// Whether the field `name` was sent at all: for a single checkbox.
    #[must_use]
    pub fn is_checked(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The first message about the field `name`, or about something inside it (`name[0]`, `name.part`).
    ///
    /// With an empty name: the first message about the form as a whole.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<&str> {
        let about = |error: &&FieldError| error.is_about(name);
        self.errors
            .iter()
            .find(about)
            .map(|error| error.message.as_str())
    }

    /// All messages, in the order in which they were found.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Whether there is any message.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.values
    }

    pub(crate) fn add_error(&mut self, field: String, message: String) {
        self.errors.push(FieldError { field, message });
    }

    fn decode(encoded: &[u8]) -> Self {
        let mut values: Vec<(String, String)> =
            serde_html_form::from_bytes(encoded).unwrap_or_default();
        values.retain(|(name, _)| name != CSRF_FIELD);
        Self {
            values,
            errors: Vec::new(),
        }
    }

    fn try_decode(encoded: &[u8]) -> Result<Self, FormRejection> {
        let separators = encoded.iter().filter(|byte| **byte == b'&').count();
        if separators >= MAX_FIELDS {
            return Err(FormRejection::TooManyFields);
        }
        // What parts the fields is ASCII, so the whole is text when each field is.
        if percent_decode(encoded).decode_utf8().is_err() {
            return Err(FormRejection::NotUtf8);
        }
        Ok(Self::decode(encoded))
    }
}

impl FieldError {
    fn is_about(&self, name: &str) -> bool {
        match self.field.strip_prefix(name) {
            Some("") => true,
            Some(rest) => !name.is_empty() && rest.starts_with(['[', '.']),
            None => false,
        }
    }
}

impl fmt::Debug for FormState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.values.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("FormState")
            .field("fields", &names)
            .field("errors", &self.errors)
            .finish()
    }
}

impl<S: Send + Sync> FromRequest<S> for FormState {
    type Rejection = FormRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, FormRejection> {
        let uri = request.uri().clone();
        let from_query = || Self::try_decode(uri.query().unwrap_or_default().as_bytes());
        let deletes = *request.method() == Method::DELETE;
        // htmx 2 names a type also where it sends no body, htmx 4 does not.
        let is_typed = request.headers().contains_key(CONTENT_TYPE);
        if matches!(*request.method(), Method::GET | Method::HEAD) || deletes && !is_typed {
            return from_query();
        }
        if !is_form(&request) {
            return Err(FormRejection::UnsupportedMediaType);
        }
        let body = bytes::Bytes::from_request(request, state)
            .await
            .map_err(FormRejection::Body)?;
        if deletes && body.is_empty() {
            return from_query();
        }
        Self::try_decode(&body)
    }
}

fn is_form(request: &Request) -> bool {
    let value = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_form_has_nothing_in_it() {
        let form = FormState::default();
        assert_eq!(
            (form.value("title"), form.error("title"), form.has_errors()),
            ("", None, false)
        );
    }

    #[test]
    fn a_message_without_a_field_is_about_the_form() {
        let form = FormState::default().with_error("", "Wrong user name or password");
        assert_eq!(form.error(""), Some("Wrong user name or password"));
        assert_eq!(form.error("username"), None);
    }

    #[test]
    fn chosen_values_can_be_asked_for() {
        let form = FormState::default()
            .with_value("day", "mon")
            .with_value("day", "tue");
        assert!(form.has("day", "tue"));
        assert!(!form.has("day", "wed"));
        assert!(!form.is_checked("remember"));
    }

    #[test]
    fn a_filled_form_holds_lists_and_leaves_out_nothing_values() {
        #[derive(Serialize)]
        struct Task {
            title: &'static str,
            due: Option<u8>,
            tags: Vec<&'static str>,
        }
        let form = FormState::filled(&Task {
            title: "a&b=c",
            due: None,
            tags: vec!["x", "y"],
        });
        assert_eq!((form.value("title"), form.value("due")), ("a&b=c", ""));
        assert!(form.values("tags").eq(["x", "y"]));
    }

    #[test]
    fn debug_output_keeps_passwords_to_itself() {
        let form = FormState::default().with_value("password", "hunter2");
        let debug = format!("{form:?}");
        assert!(debug.contains("password") && !debug.contains("hunter2"));
    }

    #[test]
    fn the_csrf_token_is_not_part_of_the_form() {
        assert_eq!(
            FormState::decode(b"csrf_token=abc&a=1"),
            FormState::default().with_value("a", "1")
        );
    }
}
