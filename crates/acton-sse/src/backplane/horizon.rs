//! How far an instance can see along the row, and which cursors can be true.

/// What is known of the row beyond the history.
#[derive(Debug, Default)]
pub(crate) struct Horizon {
    /// The greatest place that this instance was told of.
    reached: u64,
    /// Where the row ended at the first look at it in this epoch, and the first record behind
    /// that: no record was ever between the two.
    hole: Option<(u64, Option<u64>)>,
    /// How often the row was looked at, and where it ended then.
    looks: u64,
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
    /// The greatest place that is known.
    pub(crate) fn reached(&self) -> u64 {
        self.reached
    }

    /// How often the row was looked at.
    pub(crate) fn looks(&self) -> u64 {
        self.looks
    }

    /// A record has this place.
    pub(crate) fn reach(&mut self, place: u64) {
        self.reached = self.reached.max(place);
    }

    /// A record was read here.
    pub(crate) fn pass(&mut self, place: u64) {
        self.reach(place);
        if let Some((begin, end)) = &mut self.hole
            && place > *begin
        {
            end.get_or_insert(place);
        }
    }

    /// The row was looked at, and ends here. Says whether somebody waited for that.
    pub(crate) fn look(&mut self, end: u64) -> bool {
        self.reach(end);
        self.hole.get_or_insert((end, None));
        self.looks += 1;
        self.end = end;
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

    /// Another epoch has begun.
    pub(crate) fn begin_anew(&mut self) {
        (self.reached, self.hole) = (0, None);
    }

    /// What a place is, which a browser has named when the row had been looked at so many times;
    /// the history has come to `last`.
    ///
    /// The look that was under way then does not count: it may be older than the place.
    pub(crate) fn standing(&self, place: u64, named_at: u64, last: u64) -> Standing {
        let in_hole =
            |(begin, end): (u64, Option<u64>)| place > begin && end.is_some_and(|end| place < end);
        if self.hole.is_some_and(in_hole) {
            Standing::Nowhere
        } else if place <= last {
            Standing::Passed
        } else if self.looks >= named_at + 2 && place > self.end {
            Standing::Nowhere
        } else {
            Standing::Ahead
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_behind_the_end_of_the_row_is_nowhere_after_the_next_whole_look() {
        let mut horizon = Horizon::default();
        horizon.look(10);
        assert_eq!(horizon.standing(10, 1, 10), Standing::Passed);
        assert_eq!(horizon.standing(20, 1, 10), Standing::Ahead);
        horizon.look(10);
        assert_eq!(horizon.standing(20, 1, 10), Standing::Ahead);
        horizon.look(30);
        assert_eq!(horizon.standing(20, 1, 10), Standing::Ahead);
        assert_eq!(horizon.standing(40, 1, 10), Standing::Nowhere);
    }

    #[test]
    fn a_place_that_the_row_has_jumped_over_is_nowhere() {
        let mut horizon = Horizon::default();
        horizon.look(10);
        horizon.pass(5);
        horizon.pass(30);
        horizon.pass(40);
        assert_eq!(horizon.standing(20, 1, 40), Standing::Nowhere);
        assert_eq!(horizon.standing(30, 1, 40), Standing::Passed);
        assert_eq!(horizon.standing(35, 1, 40), Standing::Passed);
        horizon.begin_anew();
        assert_eq!(horizon.standing(20, 1, 40), Standing::Passed);
    }
}
