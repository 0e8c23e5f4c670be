//! Positions in the history, as browsers carry them: ASCII, `epoch-sequence`.
//!
//! While the backplane is out of reach, `epoch-sequence.node.count` adds what the node has
//! delivered by itself, and once more for each node that the browser has come to meanwhile.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::random;

/// One life of the numbering: a new one starts when the history is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(Arc<str>);

/// Where a reader stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) sequence: u64,
    pub(crate) marks: Marks,
}

/// What nodes have delivered by themselves, the last one last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(Vec<Mark>);

/// How many nodes a browser can have come to while all of them were alone.
const MARKS: usize = 8;

impl Marks {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a node has delivered a message by itself.
    pub(crate) fn have(&self, origin: &Mark) -> bool {
        self.reach(&origin.node, origin.count)
    }

    /// The same for all that a node has published up to a count.
    pub(crate) fn reach(&self, node: &str, count: u64) -> bool {
        let mark = self.0.iter().find(|mark| *mark.node == *node);
        mark.is_some_and(|mark| count <= mark.count)
    }

    /// A node has delivered a message by itself.
    pub(crate) fn set(&mut self, origin: &Mark) {
        self.0.retain(|mark| mark.node != origin.node);
        if self.0.len() == MARKS {
            self.0.remove(0);
        }
        self.0.push(origin.clone());
    }

    /// A message has its place. Whether it was delivered before; nothing is left to know of its
    /// node when none behind it was.
    pub(crate) fn settle(&mut self, origin: &Mark) -> bool {
        let had = self.have(origin);
        let is_past = |mark: &Mark| mark.node == origin.node && mark.count <= origin.count;
        self.0.retain(|mark| !is_past(mark));
        had
    }
}

/// Which message of a node: everything that it publishes is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) node: Arc<str>,
    pub(crate) count: u64,
}

impl Epoch {
    pub(crate) fn random() -> Self {
        Self(random::name())
    }

    /// No epoch at all: an id of it is answered with a gap.
    pub(crate) fn nowhere() -> Self {
        Self("gap".into())
    }

    /// Whether a node may have given this id to a browser, in whichever epoch.
    pub(crate) fn may_have_named(id: &str) -> bool {
        read(id).is_some_and(|(epoch, _)| is_name(epoch) && epoch != &*Self::nowhere().0)
    }

    /// An epoch that another node began; nothing unless it is short visible ASCII.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        is_name(name).then(|| Self(name.into()))
    }

    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The id of one message.
    pub(crate) fn id(&self, sequence: u64) -> String {
        format!("{self}-{sequence}")
    }

    /// The id of a place.
    pub(crate) fn id_of(&self, place: &Place) -> String {
        let mut id = self.id(place.sequence);
        for Mark { node, count } in &place.marks.0 {
            id.push_str(&format!(".{node}.{count}"));
        }
        id
    }

    /// The place of an id of this epoch; nothing for any other text.
    pub(crate) fn place(&self, id: &str) -> Option<Place> {
        let (epoch, place) = read(id)?;
        (epoch == &*self.0).then_some(place)
    }
}

impl Marks {
    /// What nodes have delivered by themselves, of an id of any epoch: nodes outlive epochs.
    pub(crate) fn of(id: &str) -> Self {
        read(id).map(|(_, place)| place.marks).unwrap_or_default()
    }
}

fn read(id: &str) -> Option<(&str, Place)> {
    let (epoch, rest) = id.split_once('-')?;
    let mut parts = rest.split('.');
    let mut place = Place {
        sequence: number(parts.next()?)?,
        marks: Marks::default(),
    };
    while let Some(node) = parts.next() {
        let mark = Mark {
            node: is_name(node).then(|| node.into())?,
            count: number(parts.next()?)?,
        };
        place.marks.set(&mark);
    }
    Some((epoch, place))
}

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Digits only, and not more than a number has.
fn number(digits: &str) -> Option<u64> {
    let plain = digits.len() <= 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_this_epoch_is_read_back() {
        let epoch = Epoch::random();
        assert_eq!(epoch.place(&epoch.id(42)).unwrap().sequence, 42);
        assert_eq!(epoch.place(&epoch.id(u64::MAX)).unwrap().sequence, u64::MAX);
    }

    #[test]
    fn what_a_node_delivered_by_itself_is_read_back() {
        let epoch = Epoch::random();
        let mut place = Place {
            sequence: 7,
            marks: Marks::default(),
        };
        place.marks.set(&mark("n1", 3));
        assert_eq!(epoch.id_of(&place), format!("{epoch}-7.n1.3"));
        assert_eq!(epoch.place(&epoch.id_of(&place)), Some(place.clone()));
        place.marks.set(&mark("n2", 1));
        place.marks.set(&mark("n1", 4));
        assert_eq!(epoch.id_of(&place), format!("{epoch}-7.n2.1.n1.4"));
        assert_eq!(epoch.place(&epoch.id_of(&place)), Some(place));
    }

    #[test]
    fn marks_of_several_nodes_are_kept_until_each_is_settled() {
        let mut marks = Marks::default();
        marks.set(&mark("a", 2));
        marks.set(&mark("b", 1));
        assert!(marks.settle(&mark("a", 1)) && marks.settle(&mark("b", 1)));
        assert!(!marks.settle(&mark("b", 2)) && marks.settle(&mark("a", 2)));
        assert!(marks.is_empty());
        marks.set(&mark("a", 4));
        assert!(!marks.settle(&mark("a", 5)));
        assert!(marks.is_empty());
        (0..20).for_each(|number| marks.set(&mark(&format!("n{number}"), 1)));
        assert_eq!(marks.0.len(), MARKS);
    }

    fn mark(node: &str, count: u64) -> Mark {
        Mark {
            node: node.into(),
            count,
        }
    }

    #[test]
    fn any_other_text_is_refused() {
        let epoch = Epoch::random();
        for text in ["", "-", "42", "x-1", "é", &format!("{epoch}")] {
            assert_eq!(epoch.place(text), None, "{text}");
        }
        for digits in [
            "",
            "+1",
            "-1",
            " 1",
            "1x",
            "99999999999999999999",
            "000000000000000000001",
            "1.",
            "1.n",
            "1.n.",
            "1.n.x",
            "1..1",
            "1.n.1.1",
            ".n.1",
        ] {
            assert_eq!(epoch.place(&format!("{epoch}-{digits}")), None, "{digits}");
        }
        assert_eq!(epoch.place(&Epoch::random().id(1)), None);
    }
}
