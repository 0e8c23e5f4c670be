//! What has come from each instance.

use std::{collections::HashMap, sync::Arc};

use crate::cursor::Mark;

/// How many instances are remembered; each start of a process is a new one.
const INSTANCES: usize = 4096;

/// The last record of each instance.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashMap<Arc<str>, Last>);

#[derive(Debug)]
struct Last {
    count: u64,
    place: u64,
    /// Whether records after this one may be missing, because the readers know.
    is_forgiven: bool,
}

impl Seen {
    /// Whether a record has been taken in before: an append that was tried again stands twice.
    pub(crate) fn has(&self, origin: &Mark) -> bool {
        let last = self.0.get(&origin.node);
        last.is_some_and(|last| origin.count <= last.count)
    }

    /// Takes a record in; false when one of its instance is missing before it.
    pub(crate) fn follows(&mut self, origin: &Mark, place: u64) -> bool {
        let last = Last {
            count: origin.count,
            place,
            is_forgiven: false,
        };
        let before = self.0.insert(Arc::clone(&origin.node), last);
        if before.is_none() && self.0.len() > INSTANCES {
            self.forget_the_oldest();
        }
        before.is_none_or(|before| before.is_forgiven || before.count + 1 == origin.count)
    }

    /// The readers are told that records may be missing, of whichever instance.
    pub(crate) fn forgive(&mut self) {
        for last in self.0.values_mut() {
            last.is_forgiven = true;
        }
    }

    fn forget_the_oldest(&mut self) {
        let oldest = self.0.iter().min_by_key(|(_, last)| last.place);
        if let Some(node) = oldest.map(|(node, _)| Arc::clone(node)) {
            self.0.remove(&node);
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
        assert!(seen.follows(&mark("a", 7), 1));
        assert!(seen.follows(&mark("a", 8), 2));
        assert!(seen.has(&mark("a", 8)) && !seen.has(&mark("a", 9)));
        assert!(!seen.follows(&mark("a", 10), 3));
        assert!(seen.follows(&mark("a", 11), 4));
    }

    #[test]
    fn what_the_readers_know_is_not_told_again() {
        let mut seen = Seen::default();
        assert!(seen.follows(&mark("a", 1), 1));
        seen.forgive();
        assert!(seen.follows(&mark("a", 5), 2));
        assert!(!seen.follows(&mark("a", 7), 3));
    }

    #[test]
    fn the_oldest_instance_is_forgotten_and_no_other() {
        let mut seen = Seen::default();
        for number in 0..=INSTANCES as u64 {
            assert!(seen.follows(&mark(&format!("n{number}"), 1), number));
        }
        assert_eq!(seen.0.len(), INSTANCES);
        assert!(!seen.has(&mark("n0", 1)) && seen.has(&mark("n1", 1)));
    }
}
