use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Key, Snapshot, Swap, Version, users::Users};
use crate::{
    record::{Slot, now_ms},
    registry::{remembered_key, user_key},
};

const SHARDS: usize = 16;
/// Ended sessions removed by one write; more than one write adds, so they cannot pile up.
const SWEEP: usize = 4;

/// Sessions in this process.
pub(crate) struct Memory {
    shards: Box<[Mutex<Shard>; SHARDS]>,
    max_per_shard: usize,
    pub(crate) users: Users,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<Key, Entry>,
    /// In the order in which they give way: by what they are, then by their end.
    order: BTreeSet<Rank>,
    version: u64,
}

type Rank = (Kind, u64, Key);

/// What gives way to others, the first one first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The session of a visitor, or the sign that it has ended. Anybody can make as many as they like.
    Anonymous,
    /// A sign that keeps requests under way from going wrong.
    Sign,
    /// Somebody is logged in, or remembered.
    User,
}

impl Kind {
    fn of(slot: &Slot, before: Option<Self>) -> Self {
        match slot {
            Slot::Ended if before == Some(Self::Anonymous) => Self::Anonymous,
            Slot::Ended | Slot::Rotated(_) => Self::Sign,
            Slot::Live(session) if session.user().is_none() => Self::Anonymous,
            Slot::Live(_) | Slot::Series(_) => Self::User,
        }
    }
}

struct Entry {
    slot: Arc<Slot>,
    version: u64,
    rank: Rank,
}

impl Memory {
    pub(crate) fn new(max_sessions: usize) -> Self {
        Self {
            shards: Box::new(std::array::from_fn(|_| Mutex::default())),
            max_per_shard: max_sessions.div_ceil(SHARDS).max(1),
            users: Users::default(),
        }
    }

    pub(crate) fn load(&self, key: &Key) -> Option<Snapshot> {
        self.shard(key).get(key, now_ms())
    }

    pub(crate) fn swap(
        &self,
        key: &Key,
        seen: Option<&Snapshot>,
        slot: Slot,
        expires_ms: u64,
    ) -> Swap {
        let mut shard = self.shard(key);
        let current = shard.get(key, now_ms());
        let same = match (&current, seen.map(|seen| &seen.version)) {
            (None, None) => true,
            (Some(current), Some(Version::Number(seen))) => {
                matches!(current.version, Version::Number(version) if version == *seen)
            }
            _ => false,
        };
        if !same {
            return Swap::Changed(current);
        }
        let gone = shard.make_room(self.max_per_shard, current.is_none());
        let snapshot = shard.put(key, slot, expires_ms);
        drop(shard);
        for (list, key) in gone {
            self.users.remove(&list, &key, u64::MAX);
        }
        Swap::Done(snapshot)
    }

    pub(crate) fn end(&self, key: &Key, until_ms: u64) -> Option<Arc<Slot>> {
        let mut shard = self.shard(key);
        let current = shard.get(key, now_ms());
        let gone = shard.make_room(self.max_per_shard, current.is_none());
        shard.put(key, Slot::Ended, until_ms);
        drop(shard);
        for (list, key) in gone {
            self.users.remove(&list, &key, u64::MAX);
        }
        current.map(|current| current.slot)
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[key.place(SHARDS)];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn get(&self, key: &Key, now_ms: u64) -> Option<Snapshot> {
        let entry = self.entries.get(key)?;
        (entry.rank.1 > now_ms).then(|| entry.snapshot())
    }

    fn put(&mut self, key: &Key, slot: Slot, expires_ms: u64) -> Snapshot {
        let before = self.entries.get(key).map(|entry| entry.rank.0);
        let kind = Kind::of(&slot, before);
        self.remove(key);
        self.version += 1;
        let entry = Entry {
            slot: Arc::new(slot),
            version: self.version,
            rank: (kind, expires_ms, *key),
        };
        let snapshot = entry.snapshot();
        self.order.insert(entry.rank);
        self.entries.insert(*key, entry);
        snapshot
    }

    /// Returns the list in which it stood, and its key.
    fn remove(&mut self, key: &Key) -> Option<(Key, Key)> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.rank);
        let list = match &*entry.slot {
            Slot::Live(session) => user_key(session.user()?),
            Slot::Series(series) => remembered_key(&series.user),
            Slot::Rotated(_) | Slot::Ended => return None,
        };
        Some((list, *key))
    }

    /// Throws out what has ended, and what has to give way to one more. Returns in which lists it stood.
    fn make_room(&mut self, max: usize, one_more: bool) -> Vec<(Key, Key)> {
        let now_ms = now_ms();
        let mut gone = Vec::new();
        for kind in [Kind::Anonymous, Kind::Sign, Kind::User] {
            let ended = (kind, 0, Key::FIRST)..(kind, now_ms, Key::FIRST);
            let ended: Vec<_> = self.order.range(ended).take(SWEEP).copied().collect();
            for (_, _, key) in ended {
                gone.extend(self.remove(&key));
            }
        }
        while one_more && self.entries.len() >= max {
            let Some((_, _, key)) = self.order.first().copied() else {
                break;
            };
            gone.extend(self.remove(&key));
        }
        if self.entries.capacity() > 1024 && self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to_fit();
        }
        gone
    }
}

impl Entry {
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            slot: Arc::clone(&self.slot),
            version: Version::Number(self.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Stored;
    use serde_json::json;
    use tower_sessions::session::Id;

    fn key(number: i128) -> Key {
        Key::of(&Id(number))
    }

    fn anonymous() -> Slot {
        Slot::Live(Stored::default())
    }

    fn signed_in(user: &str) -> Slot {
        let mut session = Stored::default();
        let auth = json!({ "user_id": user });
        session.data.insert(crate::auth::KEY.to_owned(), auth);
        Slot::Live(session)
    }

    fn count(memory: &Memory) -> usize {
        let shards = memory.shards.iter();
        shards
            .map(|shard| shard.lock().unwrap().entries.len())
            .sum()
    }

    #[test]
    fn what_changed_meanwhile_is_not_overwritten() {
        let memory = Memory::new(100);
        let later = now_ms() + 60_000;
        let Swap::Done(first) = memory.swap(&key(1), None, anonymous(), later) else {
            panic!("the place was free");
        };
        assert!(matches!(
            memory.swap(&key(1), Some(&first), signed_in("a"), later),
            Swap::Done(_)
        ));
        assert!(matches!(
            memory.swap(&key(1), Some(&first), anonymous(), later),
            Swap::Changed(Some(_))
        ));
    }

    #[test]
    fn what_was_deleted_is_not_revived() {
        let memory = Memory::new(100);
        let later = now_ms() + 60_000;
        let Swap::Done(seen) = memory.swap(&key(1), None, anonymous(), later) else {
            panic!("the place was free");
        };
        memory.end(&key(1), later);
        assert!(matches!(
            memory.swap(&key(1), Some(&seen), anonymous(), later),
            Swap::Changed(Some(_))
        ));
        // Nor is it begun by a command that comes late.
        assert!(matches!(
            memory.swap(&key(1), None, anonymous(), later),
            Swap::Changed(Some(_))
        ));
        assert_eq!(*memory.load(&key(1)).unwrap().slot, Slot::Ended);
    }

    #[test]
    fn ended_sessions_are_swept_away_by_later_writes() {
        let memory = Memory::new(100_000);
        for number in 0..2_000 {
            memory.swap(&key(number), None, anonymous(), now_ms() - 1);
        }
        for number in 2_000..4_000 {
            memory.swap(&key(number), None, anonymous(), now_ms() + 60_000);
        }
        assert!(count(&memory) < 2_100, "{}", count(&memory));
    }

    #[test]
    fn what_was_thrown_out_is_not_listed_either() {
        let memory = Memory::new(64);
        let later = now_ms() + 60_000;
        let list = user_key("alice");
        for number in 0..10_000 {
            memory.users.add(&list, &key(number), later, usize::MAX);
            memory.swap(&key(number), None, signed_in("alice"), later);
        }
        let listed = memory.users.of(&list);
        assert!(listed.len() <= 64, "{}", listed.len());
        assert!(listed.iter().all(|key| memory.load(key).is_some()));
    }

    fn rotated() -> Slot {
        let key = key(-1).to_string();
        Slot::Rotated(
            serde_json::from_value(json!({"successor": key, "login": false, "until_ms": 0}))
                .unwrap(),
        )
    }

    /// One that is logged in, the sign of one that was, of one whose id was exchanged, and of one that was to begin.
    fn filled() -> Memory {
        let memory = Memory::new(64);
        let soon = now_ms() + 30_000;
        memory.swap(&key(0), None, signed_in("alice"), soon);
        memory.swap(&key(-1), None, signed_in("bob"), soon);
        memory.end(&key(-1), soon);
        memory.swap(&key(-2), None, rotated(), soon);
        memory.end(&key(-3), soon);
        memory
    }

    #[test]
    fn a_flood_of_anonymous_sessions_pushes_out_neither_users_nor_signs() {
        let memory = filled();
        for number in 1..10_000 {
            memory.swap(&key(number), None, anonymous(), now_ms() + 60_000);
            // Nor do visitors who leave: that is free as well.
            for _ in 0..number % 3 {
                memory.end(&key(number), now_ms() + 60_000);
            }
        }
        for number in 0..4 {
            assert!(memory.load(&key(-number)).is_some(), "{number}");
        }
        assert!(count(&memory) <= 64);
    }

    #[test]
    fn a_flood_of_signs_pushes_nobody_out_who_is_logged_in() {
        let memory = filled();
        for number in 1..10_000 {
            memory.swap(&key(number), None, rotated(), now_ms() + 60_000);
        }
        assert!(memory.load(&key(0)).is_some());
        assert!(memory.load(&key(-1)).is_none());
        assert!(count(&memory) <= 64);
    }
}
