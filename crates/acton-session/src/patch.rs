use serde_json::Value;
use tower_sessions::session::Id;

use crate::{
    csrf::Secret,
    flash::{FlashMessage, MAX_WAITING},
    record::{Data, PendingFlash, Stored},
};

/// What one request changed.
///
/// It is applied to whatever the session holds by then, so what other requests changed meanwhile stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patch {
    pub(crate) set: Vec<(String, Value)>,
    pub(crate) removed: Vec<String>,
    pub(crate) flash: FlashPatch,
    pub(crate) csrf: Option<Secret>,
    pub(crate) expiry: Option<ExpiryPatch>,
    /// The browser is remembered under this key.
    pub(crate) series: Option<String>,
    /// Hash of the token for it, where a remembered browser begins the session.
    pub(crate) awaits: Option<String>,
}

/// What one request did with flash messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlashPatch {
    pub(crate) pushed: Vec<FlashMessage>,
    pub(crate) shown: Vec<u64>,
    /// The holder of leases that are given back.
    pub(crate) released: Option<u64>,
}

/// Another idle time or end for this session, or the usual ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExpiryPatch {
    pub(crate) idle_ms: Option<u64>,
    pub(crate) ends_ms: Option<u64>,
}

impl Patch {
    pub(crate) fn between(before: &Data, after: &Data) -> Self {
        let changed = after
            .iter()
            .filter(|(key, value)| before.get(*key) != Some(*value));
        let removed = before.keys().filter(|key| !after.contains_key(*key));
        Self {
            set: changed
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            removed: removed.cloned().collect(),
            ..Self::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty()
            && self.removed.is_empty()
            && self.flash.is_empty()
            && self.csrf.is_none()
            && self.expiry.is_none()
            && self.series.is_none()
    }

    /// `id` is that of the session, where it is known: without it no secret can be sealed.
    pub(crate) fn apply(&self, session: &mut Stored, id: Option<&Id>) {
        for key in &self.removed {
            session.data.remove(key);
        }
        session.data.extend(self.set.iter().cloned());
        self.flash.apply(session);
        if let (Some(secret), Some(id)) = (self.csrf, id) {
            session.csrf = Some(secret.seal(id));
        }
        if self.series.is_some() {
            session.series.clone_from(&self.series);
            session.awaits.clone_from(&self.awaits);
        }
        if let Some(expiry) = self.expiry {
            session.idle_ms = expiry.idle_ms;
            session.ends_ms = expiry.ends_ms;
        }
    }

    /// Only what became of messages that this request held.
    pub(crate) fn into_flash_marks(self) -> Self {
        let pushed = Vec::new();
        Self {
            flash: FlashPatch {
                pushed,
                ..self.flash
            },
            ..Self::default()
        }
    }
}

impl ExpiryPatch {
    pub(crate) fn is_unusual(&self) -> bool {
        self.idle_ms.is_some() || self.ends_ms.is_some()
    }
}

impl FlashPatch {
    fn is_empty(&self) -> bool {
        self.pushed.is_empty() && self.shown.is_empty() && self.released.is_none()
    }

    fn apply(&self, session: &mut Stored) {
        session
            .flash
            .retain(|pending| !self.shown.contains(&pending.number));
        if self.released.is_some() {
            for pending in &mut session.flash {
                let holder = pending.lease.map(|lease| lease.holder);
                pending.lease = pending.lease.filter(|_| holder != self.released);
            }
        }
        for message in &self.pushed {
            session.flash.push(PendingFlash {
                number: session.next_flash,
                message: message.clone(),
                lease: None,
            });
            session.next_flash += 1;
        }
        let excess = session.flash.len().saturating_sub(MAX_WAITING);
        session.flash.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn data(pairs: &[(&str, i32)]) -> Data {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), json!(value)))
            .collect()
    }

    fn session(pairs: &[(&str, i32)]) -> Stored {
        Stored {
            data: data(pairs),
            ..Stored::default()
        }
    }

    #[test]
    fn keys_others_wrote_meanwhile_stay() {
        let patch = Patch::between(&data(&[("a", 1), ("b", 1)]), &data(&[("a", 2), ("c", 3)]));
        let mut now = session(&[("a", 1), ("b", 1), ("d", 4)]);
        patch.apply(&mut now, None);
        assert_eq!(now.data, data(&[("a", 2), ("c", 3), ("d", 4)]));
    }

    #[test]
    fn nothing_changed_is_an_empty_patch() {
        assert!(Patch::between(&data(&[("a", 1)]), &data(&[("a", 1)])).is_empty());
    }

    #[test]
    fn the_oldest_messages_give_way() {
        let mut session = session(&[]);
        let mut patch = Patch::default();
        patch.flash.pushed = (0..40)
            .map(|number| FlashMessage::info(number.to_string()))
            .collect();
        patch.apply(&mut session, None);
        assert_eq!(session.flash.len(), MAX_WAITING);
        assert_eq!(session.flash[0].message.text, "8");
    }

    #[test]
    fn a_shown_message_is_gone_and_its_number_is_not_used_again() {
        let mut session = session(&[]);
        let mut push = Patch::default();
        push.flash.pushed = vec![FlashMessage::info("a")];
        push.apply(&mut session, None);
        let mut shown = Patch::default();
        shown.flash.shown = vec![0];
        shown.apply(&mut session, None);
        push.apply(&mut session, None);
        shown.apply(&mut session, None);
        assert_eq!(session.flash.len(), 1);
    }
}
