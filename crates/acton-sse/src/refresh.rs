//! "This region changed", said at once and then at most once in a while.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use crate::{connection::ConnectionId, moment::after};

/// What is to be told about a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refresh {
    pub(crate) topic: String,
    pub(crate) event: String,
    /// The page that has seen the change already, if one page alone made it.
    pub(crate) origin: Option<ConnectionId>,
}

/// The regions that changed a moment ago.
#[derive(Debug)]
pub(crate) struct Refreshes {
    every: Duration,
    regions: HashMap<(String, String), Region>,
}

#[derive(Debug)]
struct Region {
    /// Nothing is told before this.
    quiet_until: Instant,
    /// Whether the region changed meanwhile, and by which page.
    waiting: Option<Option<ConnectionId>>,
}

impl Refreshes {
    pub(crate) fn new(every: Duration) -> Self {
        Self {
            every,
            regions: HashMap::new(),
        }
    }

    /// Takes a change in; gives it back when it is to be told now.
    pub(crate) fn ask(&mut self, refresh: Refresh, now: Instant) -> Option<Refresh> {
        let key = (refresh.topic.clone(), refresh.event.clone());
        let Some(region) = self.regions.get_mut(&key) else {
            let region = Region {
                quiet_until: after(now, self.every),
                waiting: None,
            };
            self.regions.insert(key, region);
            return Some(refresh);
        };
        region.waiting = Some(match region.waiting.take() {
            None => refresh.origin,
            // Nobody has seen the changes of everybody.
            Some(origin) => origin.filter(|origin| refresh.origin.as_ref() == Some(origin)),
        });
        None
    }

    /// What has waited long enough; a region that stayed as it was is forgotten.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Refresh> {
        let mut due = Vec::new();
        let every = self.every;
        self.regions.retain(|(topic, event), region| {
            if region.quiet_until > now {
                return true;
            }
            let Some(origin) = region.waiting.take() else {
                return false;
            };
            region.quiet_until = after(now, every);
            due.push(Refresh {
                topic: topic.clone(),
                event: event.clone(),
                origin,
            });
            true
        });
        due
    }

    /// Everything that waits, because later is too late.
    pub(crate) fn drain(&mut self) -> Vec<Refresh> {
        let regions = self.regions.drain();
        let waiting = regions.filter_map(|((topic, event), region)| {
            Some(Refresh {
                topic,
                event,
                origin: region.waiting?,
            })
        });
        waiting.collect()
    }

    /// When there is something to do next.
    pub(crate) fn next(&self) -> Option<Instant> {
        let regions = self.regions.values();
        regions.map(|region| region.quiet_until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(300);

    fn change(origin: Option<&str>) -> Refresh {
        Refresh {
            topic: "board".to_owned(),
            event: "list".to_owned(),
            origin: origin.and_then(ConnectionId::parse),
        }
    }

    #[test]
    fn the_first_change_is_told_at_once_and_a_burst_once_more() {
        let (mut refreshes, start) = (Refreshes::new(EVERY), Instant::now());
        assert_eq!(refreshes.ask(change(None), start), Some(change(None)));
        for _ in 0..100 {
            assert_eq!(refreshes.ask(change(None), start), None);
        }
        assert_eq!(refreshes.due(start), []);
        assert_eq!(refreshes.due(start + EVERY), [change(None)]);
        assert_eq!(refreshes.due(start + EVERY * 2), []);
        assert_eq!(refreshes.next(), None);
    }

    #[test]
    fn a_steady_stream_of_changes_is_told_once_in_a_while() {
        let (mut refreshes, start) = (Refreshes::new(EVERY), Instant::now());
        let mut told = 0;
        for tick in 0..100 {
            let now = start + EVERY / 10 * tick;
            told += usize::from(refreshes.ask(change(None), now).is_some());
            told += refreshes.due(now).len();
        }
        assert!((10..=11).contains(&told), "{told}");
        assert_eq!(refreshes.due(start + EVERY * 20).len(), 1);
    }

    #[test]
    fn only_who_made_all_changes_is_left_out() {
        let (mut refreshes, start) = (Refreshes::new(EVERY), Instant::now());
        assert!(refreshes.ask(change(Some("a")), start).is_some());
        refreshes.ask(change(Some("a")), start);
        assert_eq!(refreshes.due(start + EVERY), [change(Some("a"))]);
        refreshes.ask(change(Some("a")), start + EVERY);
        refreshes.ask(change(Some("b")), start + EVERY);
        refreshes.ask(change(Some("a")), start + EVERY);
        assert_eq!(refreshes.due(start + EVERY * 2), [change(None)]);
    }

    #[test]
    fn regions_do_not_wait_for_each_other() {
        let (mut refreshes, start) = (Refreshes::new(EVERY), Instant::now());
        let other = Refresh {
            event: "counters".to_owned(),
            ..change(None)
        };
        assert!(refreshes.ask(change(None), start).is_some());
        assert!(refreshes.ask(other, start).is_some());
    }
}
