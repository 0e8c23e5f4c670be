//! Whether a listener has seen what it should.

use std::collections::{HashMap, HashSet};

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
    /// A gap in which nothing was lost is a fault where the row of all nodes lost nothing. Where it did, every
    /// listener is told, also one that had seen everything; `spare` is how often that may be.
    pub(super) fn judge(
        &mut self,
        seed: u64,
        is_finished: bool,
        seen: &[Seen],
        fates: &HashMap<Voice, Vec<Fate>>,
        spare: usize,
    ) {
        let mut fault = |text: String| self.faults.push(format!("listener {seed}: {text}"));
        let mut known: HashMap<Voice, Known> = HashMap::new();
        let (mut gaps, mut losses) = (0_usize, HashSet::new());
        // Who comes back late after a gap may have lost more in the same place.
        let (mut at_gap, mut is_back) = (false, false);
        for seen in seen {
            let (voice, number) = match *seen {
                Seen::Opened => {
                    is_back = true;
                    continue;
                }
                Seen::Gap => {
                    gaps += usize::from(!at_gap || !is_back);
                    (at_gap, is_back) = (true, false);
                    continue;
                }
                Seen::Number(voice, number) => (voice, number),
            };
            at_gap = false;
            self.numbers += 1;
            let Known { next, gaps: before } = known.get(&voice).copied().unwrap_or_default();
            if number < next {
                fault(format!("{number} of {voice} after {}", next - 1));
                continue;
            }
            let is_lost = fates[&voice][next..number].contains(&Fate::Arrives);
            if is_lost && gaps == before {
                let last = number - 1;
                fault(format!(
                    "{next} to {last} of {voice} are missing in silence"
                ));
            }
            if number > next && gaps > before {
                losses.insert(gaps);
            }
            let next = number + 1;
            known.insert(voice, Known { next, gaps });
        }
        // What a voice said last may be lost too.
        for (voice, fates) in fates {
            let Known { next, gaps: before } = known.get(voice).copied().unwrap_or_default();
            if fates[next..].contains(&Fate::Arrives) {
                if gaps == before {
                    fault(format!("{next} and more of {voice} are missing in silence"));
                } else {
                    losses.insert(gaps);
                }
            }
        }
        self.losses += losses.len();
        let needless = gaps.saturating_sub(losses.len());
        self.needless += needless;
        if needless > spare {
            fault(format!("{needless} gaps in which nothing was lost"));
        }
        if !is_finished {
            fault("waits in vain".to_owned());
        }
    }
}
