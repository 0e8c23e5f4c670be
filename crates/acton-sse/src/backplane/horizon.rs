//! How far an instance can see along the row, and which cursors can be true.

use std::collections::VecDeque;

/// What is known of the row beyond the history.
#[derive(Debug)]
pub(crate) struct Horizon {
    /// The greatest place that this instance was told of.
    reached: u64,
    /// The places of the records that were read, the newest last, and how many are remembered.
    places: VecDeque<u64>,
    limit: usize,
    /// How many looks at the row have begun, the last that is done, and where the row ended then.
    begun: u64,
    done: u64,
    end: u64,
    /// Whether somebody waits for the next look.
    is_wanted: bool,
}

/// What a place is to this instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has been passed.
    Passed,
    /// Another instance may be there already.
    Ahead,
    /// No record of the row is there.
    Nowhere,
}

impl Horizon {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            reached: 0,
            places: VecDeque::new(),
            limit: limit.max(1),
            begun: 0,
            done: 0,
            end: 0,
            is_wanted: false,
        }
    }

    /// The greatest place that is known.
    pub(crate) fn reached(&self) -> u64 {
        self.reached
    }

    /// How many looks at the row have begun.
    pub(crate) fn looks(&self) -> u64 {
        self.begun
    }

    /// Whether the row was looked at since so many looks had begun. One that was under way then
    /// does not count: it may be older than what was heard meanwhile.
    pub(crate) fn has_looked_since(&self, begun: u64) -> bool {
        self.done > begun
    }

    /// A look begins; it may fail.
    pub(crate) fn begin_look(&mut self) {
        self.begun += 1;
    }

    /// A record has this place.
    pub(crate) fn reach(&mut self, place: u64) {
        self.reached = self.reached.max(place);
    }

    /// Whether records that follow a place go past the greatest one that is known, and do not have
    /// it.
    pub(crate) fn is_skipped(&self, after: u64, mut places: impl Iterator<Item = u64>) -> bool {
        let next = places.find(|place| *place >= self.reached);
        after < self.reached && next.is_some_and(|next| next > self.reached)
    }

    /// A record was read here.
    pub(crate) fn pass(&mut self, place: u64) {
        self.reach(place);
        if self.places.len() == self.limit {
            self.places.pop_front();
        }
        self.places.push_back(place);
    }

    /// The row was looked at, and ends here. Says whether somebody waited for that.
    pub(crate) fn look(&mut self, end: u64) -> bool {
        self.reach(end);
        self.done = self.begun;
        self.end = end;
        std::mem::take(&mut self.is_wanted)
    }

    /// No look can be had now. Says whether somebody waited for one.
    pub(crate) fn give_up(&mut self) -> bool {
        std::mem::take(&mut self.is_wanted)
    }

    /// Asks for a look soon.
    pub(crate) fn want(&mut self) {
        self.is_wanted = true;
    }

    /// Whether somebody waits for the next look.
    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Another epoch has begun, of which records up to here are dropped.
    pub(crate) fn begin_anew(&mut self, lost: u64) {
        self.reached = 0;
        self.places.clear();
        self.pass(lost);
    }

    /// What a place is, which a browser has named when so many looks had begun; the history has
    /// come to `last`.
    pub(crate) fn standing(&self, place: u64, named_at: u64, last: u64) -> Standing {
        if place <= last {
            let is_known =
                self.is_older(place) || self.has(place) || self.has(place.saturating_add(1));
            return if is_known {
                Standing::Passed
            } else {
                Standing::Nowhere
            };
        }
        if self.has_looked_since(named_at) && place > self.end {
            Standing::Nowhere
        } else {
            Standing::Ahead
        }
    }

    /// Whether a place is older than what is remembered.
    fn is_older(&self, place: u64) -> bool {
        self.places.front().is_none_or(|oldest| place < *oldest)
    }

    /// Whether a record was read here. A reader that was told of a gap stands just before one.
    fn has(&self, place: u64) -> bool {
        self.places.binary_search(&place).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_behind_the_end_of_the_row_is_nowhere_after_the_next_whole_look() {
        let mut horizon = Horizon::new(10);
        horizon.begin_look();
        let named_at = horizon.looks();
        horizon.look(10);
        assert_eq!(horizon.standing(10, named_at, 10), Standing::Passed);
        assert_eq!(horizon.standing(20, named_at, 10), Standing::Ahead);
        // One that fails.
        horizon.begin_look();
        assert_eq!(horizon.standing(20, named_at, 10), Standing::Ahead);
        horizon.begin_look();
        horizon.look(30);
        assert_eq!(horizon.standing(20, named_at, 10), Standing::Ahead);
        assert_eq!(horizon.standing(40, named_at, 10), Standing::Nowhere);
    }

    #[test]
    fn a_place_that_the_row_has_jumped_over_is_nowhere() {
        let mut horizon = Horizon::new(10);
        [5, 30, 40, 50]
            .into_iter()
            .for_each(|place| horizon.pass(place));
        for place in [20, 35, 45] {
            assert_eq!(horizon.standing(place, 1, 50), Standing::Nowhere, "{place}");
        }
        for place in [5, 30, 39, 40, 49, 50] {
            assert_eq!(horizon.standing(place, 1, 50), Standing::Passed, "{place}");
        }
        horizon.begin_anew(30);
        horizon.pass(50);
        assert_eq!(horizon.standing(20, 1, 50), Standing::Passed);
        assert_eq!(horizon.standing(40, 1, 50), Standing::Nowhere);
    }

    #[test]
    fn a_known_place_that_is_not_among_what_is_read_is_skipped() {
        let mut horizon = Horizon::new(10);
        horizon.pass(10);
        assert!(!horizon.is_skipped(10, [30].into_iter()));
        horizon.reach(20);
        assert!(!horizon.is_skipped(10, [15].into_iter()));
        assert!(!horizon.is_skipped(10, [15, 20, 30].into_iter()));
        assert!(horizon.is_skipped(10, [15, 30].into_iter()));
    }

    #[test]
    fn what_is_older_than_the_places_that_are_remembered_was_passed() {
        let mut horizon = Horizon::new(2);
        [10, 20, 30]
            .into_iter()
            .for_each(|place| horizon.pass(place));
        assert_eq!(horizon.standing(15, 1, 30), Standing::Passed);
        assert_eq!(horizon.standing(25, 1, 30), Standing::Nowhere);
    }
}
