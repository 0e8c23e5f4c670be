//! Which request headers an answer depends on, for an exact `Vary`.

use std::sync::atomic::{AtomicU32, Ordering};

use http::{Extensions, HeaderName};

use crate::{context::HtmxContext, headers};

/// The request headers of htmx, in the order in which `Vary` names them.
static KNOWN: [(HeaderName, &str); 16] = [
    (headers::HX_REQUEST, "HX-Request"),
    (headers::HX_BOOSTED, "HX-Boosted"),
    (
        headers::HX_HISTORY_RESTORE_REQUEST,
        "HX-History-Restore-Request",
    ),
    (headers::HX_REQUEST_TYPE, "HX-Request-Type"),
    (headers::HX_SOURCE, "HX-Source"),
    (headers::HX_TARGET, "HX-Target"),
    (headers::HX_TRIGGER, "HX-Trigger"),
    (headers::HX_TRIGGER_NAME, "HX-Trigger-Name"),
    (headers::HX_PROMPT, "HX-Prompt"),
    (headers::HX_CURRENT_URL, "HX-Current-URL"),
    (headers::HX_PTAG, "HX-PTag"),
    (headers::HX_TARGET_ENCODED, "HX-Target-URI-AutoEncoded"),
    (headers::HX_TRIGGER_ENCODED, "HX-Trigger-URI-AutoEncoded"),
    (
        headers::HX_TRIGGER_NAME_ENCODED,
        "HX-Trigger-Name-URI-AutoEncoded",
    ),
    (headers::HX_PROMPT_ENCODED, "HX-Prompt-URI-AutoEncoded"),
    (
        headers::HX_CURRENT_URL_ENCODED,
        "HX-Current-URL-URI-AutoEncoded",
    ),
];

/// The request headers that were looked at while a request was answered.
///
/// [`HtmxLayer`](crate::HtmxLayer) puts one into every request and turns it into `Vary`.
/// The extractors of this crate note what they read; other code that decides by an htmx header
/// notes it with [`Consulted::mark`].
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc9110#field.vary>
#[derive(Debug, Default)]
pub struct Consulted(AtomicU32);

impl Consulted {
    /// Notes that the answer depends on `name`; a name that is not of htmx is ignored.
    pub fn mark(&self, name: &HeaderName) {
        if let Some(index) = KNOWN.iter().position(|(known, _)| known == name) {
            self.0.fetch_or(1 << index, Ordering::Relaxed);
        }
    }

    /// Notes every header that [`Htmx`](crate::Htmx) reads: what is wanted, and by which version.
    pub fn mark_htmx(&self) {
        self.mark_wanted();
        self.mark_version();
    }

    /// Notes the headers that say whether htmx asked, and what is wanted, whatever its version.
    pub fn mark_wanted(&self) {
        const WANTED: u32 = 0b1111;
        self.0.fetch_or(WANTED, Ordering::Relaxed);
    }

    /// Notes the headers that tell htmx 2 from htmx 4, and both from a plain browser.
    pub fn mark_version(&self) {
        const VERSION: u32 = 0b1_1101;
        self.0.fetch_or(VERSION, Ordering::Relaxed);
    }

    /// Whether nothing was looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// What was looked at, as written in `Vary`.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let bits = self.0.load(Ordering::Relaxed);
        KNOWN
            .iter()
            .enumerate()
            .filter(move |(index, _)| bits & (1 << index) != 0)
            .map(|(_, (_, name))| *name)
    }

    /// Runs `mark` on the recorder of a request; without the layer there is none to fill.
    pub(crate) fn mark_in(extensions: &Extensions, mark: impl FnOnce(&Self)) {
        if let Some(context) = HtmxContext::of(extensions) {
            mark(context.consulted());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_named_once() {
        let consulted = Consulted::default();
        consulted.mark(&headers::HX_TARGET);
        consulted.mark(&headers::HX_TARGET);
        consulted.mark(&http::header::COOKIE);
        assert_eq!(consulted.names().collect::<Vec<_>>(), ["HX-Target"]);
    }

    #[test]
    fn what_is_wanted_shows_in_four_headers() {
        let consulted = Consulted::default();
        consulted.mark_wanted();
        let names = [
            "HX-Request",
            "HX-Boosted",
            "HX-History-Restore-Request",
            "HX-Request-Type",
        ];
        assert_eq!(consulted.names().collect::<Vec<_>>(), names);
    }

    #[test]
    fn the_version_shows_in_four_headers() {
        let consulted = Consulted::default();
        consulted.mark_version();
        let names = [
            "HX-Request",
            "HX-History-Restore-Request",
            "HX-Request-Type",
            "HX-Source",
        ];
        assert_eq!(consulted.names().collect::<Vec<_>>(), names);
    }

    /// `Htmx` may differ only where a header that is noted differs.
    #[test]
    fn the_sum_notes_every_header_that_can_change_it() {
        let noted = Consulted::default();
        noted.mark_htmx();
        let noted: Vec<_> = noted.names().collect();
        let asked = |decided: u32| {
            let present = KNOWN.iter().enumerate();
            let present = present.filter(|(index, _)| decided & (1 << index) != 0);
            let lines = present.map(|(_, (name, _))| {
                let is_type = *name == headers::HX_REQUEST_TYPE;
                let value = if is_type { "full" } else { "true" };
                (name.clone(), http::HeaderValue::from_static(value))
            });
            crate::Htmx::from_headers(&lines.collect())
        };
        let mut changing = vec![false; KNOWN.len()];
        let all_others = ((1 << KNOWN.len()) - 1) & !0b1_1111;
        for others in (0..32).flat_map(|few| [few, few | all_others]) {
            for (index, changes) in changing.iter_mut().enumerate() {
                *changes |= asked(others) != asked(others ^ (1 << index));
            }
        }
        for ((_, name), changes) in KNOWN.iter().zip(changing) {
            assert_eq!(noted.contains(name), changes, "{name}");
        }
    }
}
