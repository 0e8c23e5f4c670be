use std::collections::HashMap;

use super::{EXCESS, Key, SOON_MS};

/// What belongs to a user, and how long each can live at most.
#[derive(Default)]
pub(super) struct List(HashMap<Key, u64>);

impl List {
    /// Names that are no keys are left out.
    pub(super) fn of(names: &HashMap<String, u64>) -> Self {
        let keys = names
            .iter()
            .filter_map(|(name, until_ms)| Some((Key::parse(name)?, *until_ms)));
        Self(keys.collect())
    }

    pub(super) fn names(&self) -> HashMap<String, u64> {
        let keys = self.0.iter();
        keys.map(|(key, until_ms)| (key.to_string(), *until_ms))
            .collect()
    }

    /// Returns the first of those that are more than `most`.
    pub(super) fn add(
        &mut self,
        now_ms: u64,
        session: &Key,
        until_ms: u64,
        most: usize,
    ) -> Vec<Key> {
        self.0.retain(|_, until_ms| *until_ms > now_ms);
        self.0.insert(*session, until_ms);
        self.excess(now_ms + SOON_MS, most)
    }

    /// Not one that was added for longer than `before_ms`. Returns whether it was there.
    pub(super) fn remove(&mut self, session: &Key, before_ms: u64) -> bool {
        let is_found = self
            .0
            .get(session)
            .is_some_and(|until_ms| *until_ms <= before_ms);
        is_found && self.0.remove(session).is_some()
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.0.keys().copied().collect()
    }

    /// When the last of them ends.
    pub(super) fn until_ms(&self) -> Option<u64> {
        self.0.values().max().copied()
    }

    fn excess(&self, soon_ms: u64, most: usize) -> Vec<Key> {
        if self.0.len() <= most {
            return Vec::new();
        }
        let later = self.0.iter().filter(|(_, until_ms)| **until_ms > soon_ms);
        let mut later: Vec<_> = later.map(|(key, until_ms)| (*until_ms, *key)).collect();
        later.sort_unstable();
        let excess = later.len().saturating_sub(most).min(EXCESS);
        later.drain(..excess).map(|(_, key)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower_sessions::session::Id;

    fn key(number: i128) -> Key {
        Key::of(&Id(number))
    }

    #[test]
    fn a_session_is_listed_until_it_is_removed() {
        let mut list = List::default();
        list.add(0, &key(2), 10, 1);
        assert!(!list.remove(&key(2), 9) && !list.remove(&key(1), 10));
        assert_eq!(list.keys(), [key(2)]);
        assert!(list.remove(&key(2), 10));
        assert!(list.keys().is_empty());
    }

    #[test]
    fn what_is_named_is_found_again() {
        let mut list = List::default();
        list.add(0, &key(1), 10, 2);
        list.add(0, &key(2), 20, 2);
        let mut names = list.names();
        names.insert("?".to_owned(), 30);
        let found = List::of(&names);
        assert_eq!(found.until_ms(), Some(20));
        assert_eq!(found.names(), list.names());
    }

    #[test]
    fn those_that_end_first_are_too_many() {
        let mut list = List::default();
        let soon = SOON_MS + 1;
        for number in 1..=100 {
            let until_ms = SOON_MS + u64::try_from(number).unwrap();
            assert!(list.add(0, &key(number), until_ms, usize::MAX).is_empty());
        }
        // One that ends soon does not count.
        list.add(0, &key(-1), SOON_MS, 100);
        assert!(list.add(0, &key(1), soon, 100).is_empty());
        assert_eq!(list.add(0, &key(1), soon, 98), [key(1), key(2)]);
        assert_eq!(list.add(0, &key(1), soon, 1).len(), EXCESS);
    }
}
