use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{EXCESS, Key, SOON_MS};
use crate::record::now_ms;

/// Which sessions belong to whom, in this process.
#[derive(Default)]
pub(crate) struct Users(Mutex<Lists>);

#[derive(Default)]
struct Lists {
    /// By user: the sessions, and how long each can live at most.
    users: HashMap<Key, HashMap<Key, u64>>,
    /// At this many users, lists of ended sessions are thrown out.
    sweep_at: usize,
}

impl Users {
    /// Returns the first of those that are more than `most`.
    pub(crate) fn add(&self, user: &Key, session: &Key, until_ms: u64, most: usize) -> Vec<Key> {
        self.add_at(now_ms(), user, session, until_ms, most)
    }

    fn add_at(
        &self,
        now_ms: u64,
        user: &Key,
        session: &Key,
        until_ms: u64,
        most: usize,
    ) -> Vec<Key> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = lists.users.entry(*user).or_default();
        sessions.retain(|_, until_ms| *until_ms > now_ms);
        sessions.insert(*session, until_ms);
        let excess = excess(sessions, now_ms + SOON_MS, most);
        if lists.users.len() > lists.sweep_at {
            lists.sweep(now_ms);
        }
        excess
    }

    /// Not one that was added for longer than `before_ms`.
    pub(crate) fn remove(&self, user: &Key, session: &Key, before_ms: u64) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sessions) = lists.users.get_mut(user) {
            sessions.retain(|key, until_ms| key != session || *until_ms > before_ms);
            if sessions.is_empty() {
                lists.users.remove(user);
            }
        }
    }

    pub(crate) fn of(&self, user: &Key) -> Vec<Key> {
        let lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = lists.users.get(user);
        sessions.map_or_else(Vec::new, |sessions| sessions.keys().copied().collect())
    }
}

impl Lists {
    fn sweep(&mut self, now_ms: u64) {
        self.users
            .retain(|_, sessions| sessions.values().any(|until_ms| *until_ms > now_ms));
        self.sweep_at = 2 * self.users.len() + 64;
    }
}

fn excess(sessions: &HashMap<Key, u64>, soon_ms: u64, most: usize) -> Vec<Key> {
    if sessions.len() <= most {
        return Vec::new();
    }
    let later = sessions.iter().filter(|(_, until_ms)| **until_ms > soon_ms);
    let mut later: Vec<_> = later.map(|(key, until_ms)| (*until_ms, *key)).collect();
    later.sort_unstable();
    let excess = later.len().saturating_sub(most).min(EXCESS);
    later.drain(..excess).map(|(_, key)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower_sessions::session::Id;

    fn key(number: i128) -> Key {
        Key::of(&Id(number))
    }

    #[test]
    fn lists_of_ended_sessions_do_not_pile_up() {
        let users = Users::default();
        for number in 0..10_000 {
            let now_ms = u64::try_from(number).unwrap();
            users.add_at(now_ms, &key(number), &key(-number), now_ms + 10, 1);
        }
        assert!(users.0.lock().unwrap().users.len() < 200);
    }

    #[test]
    fn a_session_is_listed_until_it_is_removed() {
        let users = Users::default();
        users.add_at(0, &key(1), &key(2), 10, 1);
        assert_eq!(users.of(&key(1)), [key(2)]);
        users.remove(&key(1), &key(2), 9);
        assert_eq!(users.of(&key(1)), [key(2)]);
        users.remove(&key(1), &key(2), 10);
        assert!(users.of(&key(1)).is_empty());
    }

    #[test]
    fn those_that_end_first_are_too_many() {
        let users = Users::default();
        let soon = SOON_MS + 1;
        for number in 1..=100 {
            let until_ms = SOON_MS + u64::try_from(number).unwrap();
            let excess = users.add_at(0, &key(0), &key(number), until_ms, usize::MAX);
            assert!(excess.is_empty());
        }
        // One that ends soon does not count.
        users.add_at(0, &key(0), &key(-1), SOON_MS, 100);
        assert!(users.add_at(0, &key(0), &key(1), soon, 100).is_empty());
        let excess = users.add_at(0, &key(0), &key(1), soon, 98);
        assert_eq!(excess, [key(1), key(2)]);
        assert_eq!(users.add_at(0, &key(0), &key(1), soon, 1).len(), EXCESS);
    }
}
