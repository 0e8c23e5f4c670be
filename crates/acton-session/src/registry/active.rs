use std::{
    cmp::Reverse,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    record::{Slot, Stored},
    remember::Series,
    store::Key,
};

/// One session of a user, as a page that lists them shows it; or a browser that is remembered, with whatever sessions it
/// has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActiveSession {
    /// Names it in [`SessionRegistry::revoke`](crate::SessionRegistry::revoke); it gives no access to it.
    pub handle: String,
    /// The `User-Agent` that logged in.
    pub device: Option<String>,
    /// When the user logged in, or came back in a browser that is remembered.
    pub since: SystemTime,
    /// When the session was last used, to the nearest tenth of the idle time; or when the user last came back, where the
    /// session has ended since.
    pub last_seen: SystemTime,
    /// Whether it is the session that asks.
    pub is_current: bool,
}

impl ActiveSession {
    fn of(session: &Stored, name: &Key, is_current: bool) -> Self {
        Self {
            handle: handle_of(name),
            device: session.device.clone(),
            since: time_of(session.created_ms),
            last_seen: time_of(session.seen_ms),
            is_current,
        }
    }

    pub(super) fn remembered(key: &Key, series: &Series) -> Self {
        let renewed = time_of(series.renewed_ms);
        Self {
            handle: handle_of(key),
            device: series.device.clone(),
            since: renewed,
            last_seen: renewed,
            is_current: false,
        }
    }
}

/// The live sessions of a user, one by one but for what a remembered browser had before it was closed.
///
/// A browser that is remembered has the name of its series, so that it is ended with all it has. Where two go on with
/// one series, one of them has copied the cookie: each has a name of its own then.
pub(super) fn lines(
    mut found: Vec<(Key, Arc<Slot>)>,
    current: Option<Key>,
) -> impl Iterator<Item = ActiveSession> {
    let order = |key: &Key, slot: &Slot| (current == Some(*key), begun_ms(slot));
    found.sort_by_key(|(key, slot)| Reverse(order(key, slot)));
    let mut shown = Vec::<(Key, Arc<Slot>)>::new();
    for (key, slot) in found {
        if !shown.iter().any(|(_, later)| is_before(&slot, later)) {
            shown.push((key, slot));
        }
    }
    let series: Vec<_> = shown.iter().filter_map(|(_, slot)| slot.series()).collect();
    shown.into_iter().filter_map(move |(key, slot)| {
        let Slot::Live(session) = &*slot else {
            return None;
        };
        let is_shared = |own: &Key| series.iter().filter(|series| *series == own).count() > 1;
        let browser = slot.series().filter(|own| !is_shared(own));
        let name = browser.unwrap_or(key);
        Some(ActiveSession::of(session, &name, current == Some(key)))
    })
}

/// Whether this is what a remembered browser had before it was closed and opened again: nobody has used it since.
pub(super) fn is_before(slot: &Slot, later: &Slot) -> bool {
    let (Slot::Live(session), Slot::Live(other)) = (slot, later) else {
        return false;
    };
    slot.series().is_some()
        && slot.series() == later.series()
        && session.device == other.device
        && session.seen_ms <= other.created_ms
}

/// A hash of the store key, which is a hash of the id.
pub(super) fn handle_of(key: &Key) -> String {
    let hash = Key::hash(b"acton handle", key.to_string().as_bytes());
    hash.to_string().chars().take(16).collect()
}

fn begun_ms(slot: &Slot) -> u64 {
    match slot {
        Slot::Live(session) => session.created_ms,
        Slot::Rotated(_) | Slot::Series(_) | Slot::Ended => 0,
    }
}

fn time_of(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::hash(b"test", name.as_bytes())
    }

    fn live(name: &str, series: &str, device: &str, (begun, seen): (u64, u64)) -> (Key, Arc<Slot>) {
        let session = Stored {
            created_ms: begun,
            seen_ms: seen,
            device: Some(device.to_owned()),
            series: (!series.is_empty()).then(|| key(series).to_string()),
            ..Stored::default()
        };
        (key(name), Arc::new(Slot::Live(session)))
    }

    fn names(found: Vec<(Key, Arc<Slot>)>, current: &str) -> Vec<String> {
        lines(found, Some(key(current)))
            .map(|line| line.handle)
            .collect()
    }

    #[test]
    fn what_a_browser_had_before_it_was_closed_is_no_line_more() {
        let found = vec![
            live("a", "s", "Phone", (1, 5)),
            live("b", "s", "Phone", (5, 9)),
            live("c", "t", "Laptop", (2, 2)),
            live("d", "", "Laptop", (1, 1)),
        ];
        let browsers = ["s", "t", "d"].map(|name| handle_of(&key(name)));
        assert_eq!(names(found, "b"), browsers);
    }

    #[test]
    fn whoever_goes_on_beside_the_current_session_has_a_name_of_their_own() {
        for beside in [
            // Began later, is used still, or is another device.
            live("b", "s", "Phone", (6, 6)),
            live("b", "s", "Phone", (1, 6)),
            live("b", "s", "Laptop", (1, 1)),
        ] {
            let found = vec![beside, live("a", "s", "Phone", (5, 5))];
            let own = ["a", "b"].map(|name| handle_of(&key(name)));
            assert_eq!(names(found, "a"), own);
        }
    }
}
