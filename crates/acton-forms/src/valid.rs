use axum_core::extract::{FromRequest, Request};
use garde::Validate;
use serde::de::DeserializeOwned;

use crate::{FormRejection, FormState};

/// A form that was read and checked: the value, or what was typed with the messages about it.
///
/// Takes a body of `application/x-www-form-urlencoded`, or the query of a GET, or of a DELETE without
/// a body: there htmx puts the fields of `hx-delete`.
/// The field `csrf_token` is tolerated, also by a `T` with `deny_unknown_fields`.
/// Fields that are missing, or whose text is not of the field's type, are reported all at once; the rules
/// run when every field could be read. Behind a missing field of a type with text of its own, such as an
/// address, the missing ones that `T` declares later are reported the next time.
/// `T` names its fields as the form does: a `serde(rename)` needs the same `garde(rename)`.
///
/// # Errors
///
/// 413 for a body over the route's limit (axum's `DefaultBodyLimit`, 2 MB) or over 1000 fields,
/// 415 for another content type, 400 for fields that are not text in UTF-8. See [`FormRejection`].
///
/// ```
/// use acton_forms::{FormState, ValidForm};
///
/// #[derive(serde::Deserialize, garde::Validate)]
/// struct NewTask {
///     #[garde(length(chars, min = 1, max = 200))]
///     title: String,
///     #[garde(range(min = 1))]
///     hours: u8,
/// }
///
/// let typed = FormState::default().with_value("title", "Milk").with_value("hours", "two");
/// match typed.read::<NewTask>() {
///     ValidForm::Valid(task) => println!("{} in {} hours", task.title, task.hours),
///     ValidForm::Invalid(form) => {
///         assert_eq!(form.value("hours"), "two");
///         assert_eq!(form.error("hours"), Some("must be a whole number"));
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub enum ValidForm<T> {
    /// Every rule holds.
    Valid(T),
    /// Something is wrong: render the same template again, with status 422.
    Invalid(FormState),
}

impl<T> ValidForm<T> {
    /// The same as a `Result`, for `?` and `let … else`.
    ///
    /// # Errors
    ///
    /// The form as it is to be shown again.
    pub fn into_result(self) -> Result<T, FormState> {
        match self {
            Self::Valid(value) => Ok(value),
            Self::Invalid(form) => Err(form),
        }
    }
}

impl<T, S> FromRequest<S> for ValidForm<T>
where
    T: DeserializeOwned + Validate,
    T::Context: Default,
    S: Send + Sync,
{
    type Rejection = FormRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, FormRejection> {
        Ok(FormState::from_request(request, state).await?.read())
    }
}
