//! What has come from each instance.

use std::{collections::HashMap, sync::Arc};

use crate::cursor::Mark;

/// How many instances are remembered; each start of a process is a new one.
const INSTANCES: usize = 4096;

/// The last record of each instance.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    last: HashMap<Arc<str>, Last>,
    /// Up to this place of the row, the readers know that records of any instance may be missing.
    told: u64,
}

#[derive(Debug)]
struct Last {
    count: u64,
    place: u64,
    /// Whether records between this one and the place that was told may be missing.
    is_forgiven: bool,
}

impl Seen {
    /// The count of the last record of an instance, 0 if none is known.
    pub(crate) fn count_of(&self, node: &str) -> u64 {
        self.last.get(node).map_or(0, |last| last.count)
    }

    /// Whether a record has been taken in before: an append that was tried again stands twice.
    pub(crate) fn has(&self, origin: &Mark) -> bool {
        let last = self.last.get(&origin.node);
        last.is_some_and(|last| origin.count <= last.count)
    }

    /// Takes a record in; false when one of its instance is missing before it.
    ///
    /// An instance that is not known has perhaps been there before what is known of the row. Its
    /// record says where an earlier one stands.
    pub(crate) fn follows(&mut self, origin: &Mark, place: u64, after: Option<u64>) -> bool {
        let last = Last {
            count: origin.count,
            place,
            is_forgiven: false,
        };
        let before = self.last.insert(Arc::clone(&origin.node), last);
        if before.is_none() && self.last.len() > INSTANCES {
            self.forget_the_oldest();
        }
        let is_next = before.as_ref().map_or(0, |before| before.count) + 1 == origin.count;
        let may_miss = before.is_none_or(|before| before.is_forgiven);
        is_next || (may_miss && after.is_none_or(|after| after <= self.told))
    }

    /// The readers are told that records up to a place may be missing, of whichever instance.
    pub(crate) fn forgive(&mut self, place: u64) {
        self.told = place;
        for last in self.last.values_mut() {
            last.is_forgiven = true;
        }
    }

    fn forget_the_oldest(&mut self) {
        let oldest = self.last.iter().min_by_key(|(_, last)| last.place);
        if let Some(node) = oldest.map(|(node, _)| Arc::clone(node)) {
            self.last.remove(&node);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(node: &str, count: u64) -> Mark {
        Mark {
            node: node.into(),
            count,
        }
    }

    #[test]
    fn a_record_that_is_missing_is_noticed_once() {
        let mut seen = Seen::default();
        assert!(seen.follows(&mark("a", 7), 1, Some(0)));
        assert!(seen.follows(&mark("a", 8), 2, Some(1)));
        assert!(seen.has(&mark("a", 8)) && !seen.has(&mark("a", 9)));
        assert!(!seen.follows(&mark("a", 10), 3, Some(2)));
        assert!(seen.follows(&mark("a", 11), 4, Some(3)));
    }

    #[test]
    fn what_the_readers_know_is_not_told_again() {
        let mut seen = Seen::default();
        assert!(seen.follows(&mark("a", 1), 1, Some(0)));
        seen.forgive(2);
        assert!(seen.follows(&mark("a", 5), 3, Some(2)));
        assert!(!seen.follows(&mark("a", 7), 5, Some(4)));
        seen.forgive(6);
        assert!(!seen.follows(&mark("a", 9), 8, Some(7)));
    }

    #[test]
    fn an_earlier_record_of_a_stranger_is_known_or_dropped() {
        let mut seen = Seen::default();
        seen.forgive(10);
        assert!(seen.follows(&mark("new", 1), 11, Some(0)));
        assert!(seen.follows(&mark("old", 5), 12, Some(10)));
        assert!(seen.follows(&mark("of another row", 5), 13, Some(0)));
        assert!(seen.follows(&mark("of another version", 5), 14, None));
        assert!(!seen.follows(&mark("lost", 2), 16, Some(15)));
    }

    #[test]
    fn the_oldest_instance_is_forgotten_and_no_other() {
        let mut seen = Seen::default();
        for number in 0..=INSTANCES as u64 {
            assert!(seen.follows(&mark(&format!("n{number}"), 1), number, Some(0)));
        }
        assert_eq!(seen.last.len(), INSTANCES);
        assert!(!seen.has(&mark("n0", 1)) && seen.has(&mark("n1", 1)));
    }
}
