use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{Key, list::List};
use crate::record::now_ms;

/// Which sessions belong to whom, in this process.
#[derive(Default)]
pub(crate) struct Users(Mutex<Lists>);

#[derive(Default)]
struct Lists {
    users: HashMap<Key, List>,
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
        let list = lists.users.entry(*user).or_default();
        let excess = list.add(now_ms, session, until_ms, most);
        if lists.users.len() > lists.sweep_at {
            lists.sweep(now_ms);
        }
        excess
    }

    /// Not one that was added for longer than `before_ms`.
    pub(crate) fn remove(&self, user: &Key, session: &Key, before_ms: u64) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = lists.users.get_mut(user) {
            list.remove(session, before_ms);
            if list.until_ms().is_none() {
                lists.users.remove(user);
            }
        }
    }

    pub(crate) fn of(&self, user: &Key) -> Vec<Key> {
        let lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.users.get(user).map_or_else(Vec::new, List::keys)
    }
}

impl Lists {
    fn sweep(&mut self, now_ms: u64) {
        self.users.retain(|_, list| list.until_ms() > Some(now_ms));
        self.sweep_at = 2 * self.users.len() + 64;
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
    fn lists_of_ended_sessions_do_not_pile_up() {
        let users = Users::default();
        for number in 0..10_000 {
            let now_ms = u64::try_from(number).unwrap();
            users.add_at(now_ms, &key(number), &key(-number), now_ms + 10, 1);
        }
        assert!(users.0.lock().unwrap().users.len() < 200);
    }
}
