//! What sync code, such as a template being rendered, asks of a visit.

use serde_json::Value;

use super::Visit;
use crate::{
    csrf::Secret,
    flash::{FlashMessage, MAX_WAITING},
    patch::ExpiryPatch,
};

impl Visit {
    /// The secret of this session; a session begins if there is none.
    pub(crate) fn csrf_secret(&self) -> Secret {
        self.touch();
        let mut pending = self.pending();
        pending
            .secret()
            .unwrap_or_else(|| self.new_secret(&mut pending))
    }

    /// The secret of this session, if there is one.
    pub(crate) fn known_csrf_secret(&self) -> Option<Secret> {
        self.pending().secret()
    }

    /// Somebody logs in: a new secret, a new id, and nothing may hold it up.
    pub(crate) fn stage_login(&self) {
        self.touch();
        let mut pending = self.pending();
        pending.is_login = true;
        pending.is_signed_in = true;
        self.new_secret(&mut pending);
    }

    fn new_secret(&self, pending: &mut super::Pending) -> Secret {
        let secret = Secret::generate();
        pending.csrf = Some(secret);
        pending.csrf_is_new = true;
        secret
    }

    /// Which of its sessions the request has to do with by now.
    pub(crate) fn era(&self) -> u32 {
        self.pending().era
    }

    pub(crate) fn stage_typed(&self, key: &'static str, value: Value) {
        self.touch();
        self.pending().typed.push((key, value));
    }

    pub(super) fn stage_expiry(&self, expiry: ExpiryPatch) {
        self.pending().expiry = Some(expiry);
    }

    pub(crate) fn flash_push(&self, message: FlashMessage) {
        self.touch();
        let mut pending = self.pending();
        if pending.pushed.len() == MAX_WAITING {
            pending.pushed.remove(0);
        }
        pending.pushed.push(message.cut());
    }

    pub(crate) fn flash_waiting(&self) -> Vec<FlashMessage> {
        let pending = self.pending();
        let held = pending.claimed.iter().map(|held| &held.message);
        held.chain(&pending.pushed).cloned().collect()
    }

    pub(crate) fn flash_is_empty(&self) -> bool {
        let pending = self.pending();
        pending.claimed.is_empty() && pending.pushed.is_empty()
    }

    /// What is taken counts as shown. Messages of this very request go along and need not wait.
    pub(crate) fn flash_take(&self) -> Vec<FlashMessage> {
        let mut pending = self.pending();
        let held = std::mem::take(&mut pending.claimed);
        pending.shown.extend(held.iter().map(|held| held.number));
        let pushed = std::mem::take(&mut pending.pushed);
        held.into_iter()
            .map(|held| held.message)
            .chain(pushed)
            .collect()
    }
}
