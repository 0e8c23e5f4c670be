//! Whether a listener has seen what it should.

use std::collections::HashMap;

use super::listener::Seen;
use super::publisher::{Fate, Voice};

/// What all listeners saw, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) faults: Vec<String>,
    /// Messages seen.
    pub(super) numbers: usize,
    /// Times that a listener was told that it has lost something.
    pub(super) losses: usize,
    /// Times that it was told so and had lost nothing.
    pub(super) needless: usize,
    /// The most often that one listener was, and how often it may be.
    pub(super) most_needless: (usize, usize),
}

/// Messages that a listener did not get, and the gaps that may stand for them.
#[derive(Clone, Copy, Debug)]
struct Loss {
    messages: usize,
    after: usize,
    up_to: usize,
}

/// What a listener knows of one voice.
#[derive(Clone, Copy, Default)]
struct Known {
    next: usize,
    /// How many gaps there were before its last number.
    gaps: usize,
}

impl Verdict {
    /// Judges what one listener saw against what became of the numbers of each voice.
    ///
    /// Each gap stands for messages of its own: who is told twice has lost at least two. A message that a node showed
    /// while it was alone may be among them: when many come into the row at once it falls out of the history there.
    ///
    /// Where the row of all nodes lost records, every listener is told, also one that had seen everything;
    /// `row_losses` is how often that was.
    /// A node that cannot reach the row answers a place of another one with a gap, and so does every node that knows
    /// the other one afterwards: twice at most for each time that a listener comes to a node meanwhile.
    pub(super) fn judge(
        &mut self,
        seed: u64,
        is_finished: bool,
        seen: &[Seen],
        fates: &HashMap<Voice, Vec<Fate>>,
        row_losses: usize,
    ) {
        let mut fault = |text: String| self.faults.push(format!("listener {seed}: {text}"));
        let mut known: HashMap<Voice, Known> = HashMap::new();
        let (mut gaps, mut losses) = (0_usize, Vec::new());
        let (mut early, mut spare) = (Vec::new(), row_losses);
        let mut miss =
            |voice: Voice, missing: std::ops::Range<usize>, after: usize, up_to: usize| {
                if up_to > after && !missing.is_empty() {
                    losses.push(Loss {
                        messages: missing.len(),
                        after,
                        up_to,
                    });
                } else if fates[&voice][missing.clone()].contains(&Fate::Arrives) {
                    fault(format!("{missing:?} of {voice} are missing in silence"));
                }
            };
        let mut repeated = Vec::new();
        for seen in seen {
            let (voice, number) = match *seen {
                Seen::Number(voice, number) => (voice, number),
                Seen::Gap => {
                    gaps += 1;
                    continue;
                }
                Seen::Early => {
                    early.push(Loss {
                        messages: 1,
                        after: gaps,
                        up_to: usize::MAX,
                    });
                    continue;
                }
                Seen::Between => {
                    spare += 2 * usize::from(row_losses > 0);
                    continue;
                }
            };
            self.numbers += 1;
            let Known { next, gaps: before } = known.get(&voice).copied().unwrap_or_default();
            if number < next {
                repeated.push(format!("{number} of {voice} after {}", next - 1));
                continue;
            }
            miss(voice, next..number, before, gaps);
            let next = number + 1;
            known.insert(voice, Known { next, gaps });
        }
        // What a voice said last may be lost too.
        for (voice, fates) in fates {
            let Known { next, gaps: before } = known.get(voice).copied().unwrap_or_default();
            miss(*voice, next..fates.len(), before, gaps);
        }
        repeated.into_iter().for_each(&mut fault);
        losses.extend(early);
        let needless = needless(gaps, losses);
        self.losses += gaps - needless;
        self.needless += needless;
        self.most_needless = self.most_needless.max((needless, spare));
        if needless > spare {
            fault(format!(
                "{needless} of {gaps} gaps in which nothing was lost, not {spare}"
            ));
        }
        if !is_finished {
            fault("waits in vain".to_owned());
        }
    }
}

/// How many gaps are left when each takes a message that was lost where it stands.
fn needless(gaps: usize, mut losses: Vec<Loss>) -> usize {
    let mut needless = 0;
    for gap in 1..=gaps {
        let fits =
            |loss: &&mut Loss| loss.messages > 0 && (loss.after + 1..=loss.up_to).contains(&gap);
        // The one that fits the fewest of the gaps to come.
        match losses.iter_mut().filter(fits).min_by_key(|loss| loss.up_to) {
            Some(loss) => loss.messages -= 1,
            None => needless += 1,
        }
    }
    needless
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [Seen; 3] = [Seen::Number(0, 0), Seen::Number(0, 1), Seen::Number(0, 4)];

    fn faults(seen: &[Seen], row_losses: usize) -> usize {
        let fates = HashMap::from([(0, vec![Fate::Arrives; 5])]);
        let mut verdict = Verdict::default();
        verdict.judge(0, true, seen, &fates, row_losses);
        verdict.faults.len()
    }

    #[test]
    fn each_gap_needs_a_loss_of_its_own() {
        let [zero, one, four] = NUMBERS;
        assert_eq!(faults(&[zero, one, four], 0), 1, "a silent loss");
        assert_eq!(faults(&[zero, one, Seen::Gap, four], 0), 0);
        assert_eq!(faults(&[zero, one, Seen::Gap, Seen::Gap, four], 0), 0);
        let three = [Seen::Gap; 3];
        assert_eq!(faults(&[&[zero, one][..], &three, &[four]].concat(), 0), 1);
        assert_eq!(faults(&[&[zero, one][..], &three, &[four]].concat(), 1), 0);
        assert_eq!(faults(&[zero, Seen::Gap, one, Seen::Gap, four], 0), 1);
        assert_eq!(
            faults(
                &[
                    Seen::Early,
                    zero,
                    one,
                    Seen::Gap,
                    Seen::Gap,
                    Seen::Number(0, 2),
                    Seen::Number(0, 3),
                    four
                ],
                1
            ),
            0
        );
        let between = [zero, Seen::Between, Seen::Gap, Seen::Gap, Seen::Gap, one];
        assert_eq!(faults(&[&between[..], &[Seen::Gap, four]].concat(), 1), 0);
        assert_eq!(faults(&[&between[..], &[Seen::Gap, four]].concat(), 0), 1);
        assert_eq!(faults(&[zero, one, Seen::Gap, four, four], 0), 1, "twice");
        assert_eq!(faults(&[zero, one], 0), 1, "the end is missing");
        assert_eq!(faults(&[zero, one, Seen::Gap], 0), 0);
    }
}
