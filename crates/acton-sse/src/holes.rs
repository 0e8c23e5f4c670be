//! Where an instance could not keep everything.

use std::collections::VecDeque;

use crate::cursor::{Mark, Place};

/// How many holes are told apart.
const HOLES: usize = 64;

/// Places of the row before which messages of one instance are missing.
#[derive(Debug, Default)]
pub(crate) struct Holes {
    /// Up to here, whose messages are missing is not known any more.
    blurred: u64,
    open: VecDeque<Hole>,
}

/// One such place.
#[derive(Debug)]
pub(crate) struct Hole {
    pub(crate) place: u64,
    /// Whose messages, and up to which count.
    pub(crate) mark: Mark,
    /// When they are our own: up to this count none is missing.
    pub(crate) ours_after: Option<u64>,
}

impl Holes {
    /// Messages are missing.
    pub(crate) fn add(&mut self, hole: Hole) {
        if self.open.len() == HOLES
            && let Some(oldest) = self.open.pop_front()
        {
            self.blurred = oldest.place;
        }
        self.open.push_back(hole);
    }

    /// Everything up to here is lost anyway.
    pub(crate) fn forget(&mut self, place: u64) {
        self.open.retain(|hole| hole.place > place);
    }

    /// Up to where a reader misses something; of the messages of this instance that were dropped,
    /// the last in its topics has this count.
    pub(crate) fn missed(&self, reader: &Place, dropped: u64) -> u64 {
        let ahead = self.open.iter().rev();
        let mut ahead = ahead.take_while(|hole| hole.place > reader.sequence);
        let missed = ahead.find(|hole| hole.is_missed(reader, dropped));
        missed.map_or(self.blurred, |hole| hole.place)
    }
}

impl Hole {
    /// A reader that was shown the messages when they had no place yet, or told that they are
    /// missing, knows.
    fn is_missed(&self, reader: &Place, dropped: u64) -> bool {
        let count = match self.ours_after {
            Some(after) if dropped <= after => return false,
            Some(_) => dropped.min(self.mark.count),
            None => self.mark.count,
        };
        !reader.marks.reach(&self.mark.node, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(place: u64, node: &str, count: u64) -> Hole {
        Hole {
            place,
            mark: mark(node, count),
            ours_after: None,
        }
    }

    fn mark(node: &str, count: u64) -> Mark {
        Mark {
            node: node.into(),
            count,
        }
    }

    fn reader(sequence: u64, marks: &[Mark]) -> Place {
        let mut place = Place {
            sequence,
            ..Place::default()
        };
        marks.iter().for_each(|mark| place.marks.set(mark));
        place
    }

    #[test]
    fn who_has_passed_a_hole_or_knows_of_it_misses_nothing() {
        let mut holes = Holes::default();
        holes.add(hole(10, "a", 5));
        holes.add(hole(20, "b", 7));
        let missed = |sequence, marks: &[Mark]| holes.missed(&reader(sequence, marks), 0);
        assert_eq!(missed(0, &[]), 20);
        assert_eq!(missed(20, &[]), 0);
        assert_eq!(missed(0, &[mark("b", 7)]), 10);
        assert_eq!(missed(0, &[mark("b", 7), mark("a", 4)]), 10);
        assert_eq!(missed(0, &[mark("b", 9), mark("a", 5)]), 0);
    }

    #[test]
    fn of_our_own_messages_only_those_in_the_topics_of_a_reader_count() {
        let mut holes = Holes::default();
        holes.add(Hole {
            ours_after: Some(3),
            ..hole(10, "us", 9)
        });
        let missed = |dropped, marks: &[Mark]| holes.missed(&reader(0, marks), dropped);
        assert_eq!(missed(3, &[]), 0);
        assert_eq!(missed(4, &[]), 10);
        assert_eq!(missed(4, &[mark("us", 4)]), 0);
        assert_eq!(missed(12, &[mark("us", 8)]), 10);
        assert_eq!(missed(12, &[mark("us", 9)]), 0);
    }

    #[test]
    fn many_holes_are_one_for_who_has_not_passed_the_oldest() {
        let mut holes = Holes::default();
        for count in 1..=HOLES as u64 + 1 {
            holes.add(hole(10 * count, "a", count));
        }
        let all = [mark("a", 1000)];
        assert_eq!(holes.missed(&reader(9, &all), 0), 10);
        assert!(holes.missed(&reader(10, &all), 0) <= 10);
        assert_eq!(holes.open.len(), HOLES);
        holes.forget(650);
        assert!(holes.open.is_empty());
    }
}
