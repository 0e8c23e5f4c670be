use serde::{Deserialize, Deserializer, de::Error};

/// Reads a checkbox into a `bool`.
///
/// A browser sends `on` (or the input's `value`) for a ticked box and nothing at all for an empty one,
/// so the field needs `default` too.
/// `on`, `true`, `1` and `yes` are true; `off`, `false`, `0`, `no` and the empty string are false.
///
/// Reference: <https://html.spec.whatwg.org/multipage/input.html#checkbox-state-(type=checkbox)>
///
/// # Errors
///
/// Any other value.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Task {
///     #[serde(default, deserialize_with = "acton_forms::checkbox")]
///     done: bool,
/// }
/// ```
pub fn checkbox<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "on" | "true" | "1" | "yes" => Ok(true),
        "off" | "false" | "0" | "no" | "" => Ok(false),
        _ => Err(D::Error::custom("not a checkbox")),
    }
}

#[cfg(test)]
mod tests {
    use crate::FormState;

    #[derive(serde::Deserialize, garde::Validate)]
    struct Task {
        #[garde(skip)]
        #[serde(default, deserialize_with = "crate::checkbox")]
        done: bool,
    }

    fn done(form: FormState) -> Option<bool> {
        form.read::<Task>().into_result().ok().map(|task| task.done)
    }

    #[test]
    fn a_ticked_box_is_true() {
        assert_eq!(
            done(FormState::default().with_value("done", "on")),
            Some(true)
        );
    }

    #[test]
    fn a_box_that_was_not_sent_is_false() {
        assert_eq!(done(FormState::default()), Some(false));
    }

    #[test]
    fn any_other_text_is_refused() {
        assert_eq!(done(FormState::default().with_value("done", "maybe")), None);
    }
}
