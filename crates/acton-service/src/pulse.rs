//! Whether requests wait long before anybody begins with them.
//!
//! A handler that keeps a core busy is done when it lets go, so a count of open requests never sees it: those that
//! came meanwhile wait for the runtime. A task that is woken by a bell waits as they do, and how long says how long they
//! wait. What a worker of the runtime wakes overtakes them, so it is a thread outside that rings.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crate::bell::{self, Rope};

/// Beats while the queue is long, when each answer depends on the last one.
const SHORT: Duration = Duration::from_millis(1);
/// A queue that is long for so many times the limit is no burst.
const BURST: u32 = 2;
/// After so long without a late beat the overload is over.
const CALM: Duration = Duration::from_secs(1);
/// Where there is no knock that waits to be heard.
const SILENCE: u64 = u64::MAX;

/// How late the runtime is; costs requests next to nothing as long as it is not.
pub(crate) struct Pulse {
    limit: Duration,
    overload: AtomicBool,
    /// Whether the last beat of an overload was late: others of its time still wait, in the queue of another worker.
    was_late: AtomicBool,
    knock: Arc<Knock>,
    /// When a request first saw that the beat is late, or 0 after one that was not.
    late_since: AtomicU64,
}

/// What wakes the next beat.
struct Knock {
    begun: Instant,
    /// When it came, in microseconds after the beginning.
    at: AtomicU64,
}

impl Knock {
    /// A thread that knocks once after each pause that it is told, until nobody is left who tells it.
    fn thread(self: Arc<Self>, mut rope: Rope) -> io::Result<mpsc::Sender<Duration>> {
        let (ask, pauses) = mpsc::channel();
        let knock = move || {
            for pause in pauses {
                thread::sleep(pause);
                let now = micros(self.begun.elapsed());
                self.at.store(now, Ordering::Relaxed);
                if rope.pull().is_err() {
                    break;
                }
            }
            self.at.store(SILENCE, Ordering::Relaxed);
        };
        let named = thread::Builder::new().name("acton-pulse".into());
        named.spawn(knock).map(|_| ask)
    }
}

impl Pulse {
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            overload: AtomicBool::new(false),
            was_late: AtomicBool::new(false),
            knock: Arc::new(Knock {
                begun: Instant::now(),
                at: AtomicU64::new(SILENCE),
            }),
            late_since: AtomicU64::new(0),
        }
    }

    /// One that has been late for long.
    #[cfg(test)]
    pub(crate) fn overloaded() -> Self {
        let pulse = Self::new(Duration::ZERO);
        pulse.overload.store(true, Ordering::Relaxed);
        pulse.knock.at.store(0, Ordering::Relaxed);
        pulse
    }

    /// Whether a request that comes now waited too long, in an overload that lasts.
    pub(crate) fn is_late(&self) -> bool {
        // Most often nothing waits, and then nobody needs to look at the clock.
        self.was_late.load(Ordering::Relaxed)
            || self.knock.at.load(Ordering::Relaxed) != SILENCE
                && self.is_late_at(self.knock.begun.elapsed())
    }

    /// The next beat waits behind all requests that have come, so it is them who find out that it stays late: in a
    /// queue that grows it would come too late to say so.
    fn is_late_at(&self, now: Duration) -> bool {
        if self.lateness(now) <= self.limit {
            return false;
        }
        if self.overload.load(Ordering::Relaxed) {
            return true;
        }
        let micros = micros(now);
        let first =
            self.late_since
                .compare_exchange(0, micros, Ordering::Relaxed, Ordering::Relaxed);
        // A process that was stopped for a while has a late beat too, and right after it one that is not.
        let lasts = first.is_err_and(|since| {
            Duration::from_micros(micros - since.min(micros)) > self.limit * BURST
        });
        if lasts {
            self.overload.store(true, Ordering::Relaxed);
        }
        lasts
    }

    fn lateness(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_micros(self.knock.at.load(Ordering::Relaxed)))
    }

    /// Beats for ever.
    pub(crate) async fn beat(&self) {
        let bell = bell::pair().and_then(|(rope, ear)| {
            let ask = Arc::clone(&self.knock).thread(rope)?;
            Ok((ask, ear))
        });
        let (ask, mut ear) = match bell {
            Ok(bell) => bell,
            Err(error) => {
                tracing::warn!(%error, "limits.queue_delay does nothing: there is nothing to watch it");
                return;
            }
        };
        /// Who is not watched is not late, also where the watch is dropped.
        struct Watch<'a>(&'a AtomicBool);

        impl Drop for Watch<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Relaxed);
            }
        }

        let _watch = Watch(&self.was_late);
        let mut last_late = None;
        loop {
            let pause = match last_late {
                Some(_) => SHORT,
                None => (self.limit / 2).clamp(SHORT, CALM),
            };
            if ask.send(pause).is_err() || ear.heard().await.is_err() {
                return;
            }
            let was = last_late.is_some();
            last_late = self.took(self.knock.begun.elapsed(), last_late);
            self.knock.at.store(SILENCE, Ordering::Relaxed);
            match (was, last_late.is_some()) {
                (false, true) => tracing::warn!(
                    "requests wait longer than limits.queue_delay for somebody to begin; refusing some"
                ),
                (true, false) => tracing::info!("requests are begun in time again"),
                _ => {}
            }
        }
    }

    /// A beat is there: in an overload, says when one was late the last time.
    fn took(&self, now: Duration, last_late: Option<Duration>) -> Option<Duration> {
        let is_late = self.lateness(now) > self.limit;
        if !is_late {
            self.late_since.store(0, Ordering::Relaxed);
        }
        if !self.overload.load(Ordering::Relaxed) {
            return None;
        }
        self.was_late.store(is_late, Ordering::Relaxed);
        let last_late = last_late.filter(|_| !is_late).unwrap_or(now);
        if now - last_late >= CALM {
            self.overload.store(false, Ordering::Relaxed);
            return None;
        }
        Some(last_late)
    }
}

fn micros(time: Duration) -> u64 {
    time.as_micros().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(300);

    /// Waits for a beat that was asked for after a second; later than two is late.
    fn waiting() -> Pulse {
        let pulse = Pulse::new(Duration::from_secs(1));
        pulse.knock.at.store(1_000_000, Ordering::Relaxed);
        pulse
    }

    /// Which requests at these times are told that they waited too long, in tenths of seconds.
    fn told(pulse: &Pulse, times: &[u64]) -> Vec<bool> {
        let at = |tenths: &u64| pulse.is_late_at(Duration::from_millis(tenths * 100));
        times.iter().map(at).collect()
    }

    #[test]
    fn a_queue_that_stays_long_is_an_overload_before_the_next_beat() {
        let pulse = waiting();
        let told = told(&pulse, &[5, 19, 21, 30, 40, 42, 60]);
        assert_eq!(told, [false, false, false, false, false, true, true]);
    }

    #[test]
    fn beats_that_are_late_too_change_nothing_about_it() {
        let pulse = waiting();
        assert_eq!(told(&pulse, &[21]), [false]);
        assert_eq!(pulse.took(Duration::from_secs(3), None), None);
        assert_eq!(told(&pulse, &[42]), [true]);
    }

    #[test]
    fn a_process_that_was_stopped_once_is_not_overloaded() {
        let pulse = waiting();
        assert_eq!(told(&pulse, &[600, 601]), [false, false]);
        assert_eq!(pulse.took(Duration::from_secs(61), None), None);
        pulse.knock.at.store(62_000_000, Ordering::Relaxed);
        assert_eq!(pulse.took(Duration::from_secs(62), None), None);
        assert_eq!(told(&pulse, &[640]), [false]);
    }

    #[test]
    fn it_is_over_after_a_second_without_delay() {
        let pulse = waiting();
        told(&pulse, &[21, 42]);
        let seconds = Duration::from_secs;
        let late = pulse.took(seconds(5), None);
        assert_eq!(late, Some(seconds(5)));
        pulse.knock.at.store(5_500_000, Ordering::Relaxed);
        assert_eq!(pulse.took(seconds(5) + STEP, late), late);
        assert_eq!(told(&pulse, &[54]), [false]);
        assert_eq!(pulse.took(seconds(6), late), None);
        assert!(!pulse.overload.load(Ordering::Relaxed));
    }

    #[test]
    fn after_a_late_beat_of_an_overload_others_are_late_until_one_is_in_time() {
        let pulse = waiting();
        assert_eq!(told(&pulse, &[21, 42]), [false, true]);
        let late = pulse.took(Duration::from_secs(5), None);
        pulse.knock.at.store(SILENCE, Ordering::Relaxed);
        assert!(pulse.is_late());
        pulse.knock.at.store(5_100_000, Ordering::Relaxed);
        pulse.took(Duration::from_secs(5) + STEP, late);
        pulse.knock.at.store(SILENCE, Ordering::Relaxed);
        assert!(!pulse.is_late());
    }

    #[tokio::test]
    async fn who_knocks_ends_with_who_asked() {
        let pulse = Pulse::new(Duration::ZERO);
        let (rope, mut ear) = bell::pair().unwrap();
        let ask = Arc::clone(&pulse.knock).thread(rope).unwrap();
        ask.send(Duration::ZERO).unwrap();
        ear.heard().await.unwrap();
        assert_ne!(pulse.knock.at.load(Ordering::Relaxed), SILENCE);
        drop(ask);
        let begun = Instant::now();
        while Arc::strong_count(&pulse.knock) > 1 {
            assert!(begun.elapsed() < Duration::from_secs(30), "it goes on");
            thread::yield_now();
        }
        // Nobody knocks any more, so nobody is late.
        assert_eq!(pulse.knock.at.load(Ordering::Relaxed), SILENCE);
    }

    #[test]
    fn a_service_that_nobody_watches_is_never_late() {
        assert!(!told(&Pulse::new(Duration::ZERO), &[0, 1, 1000]).contains(&true));
    }
}
