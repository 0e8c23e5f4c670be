//! The time of a line: UTC, RFC 3339, to the microsecond.

use std::{
    cell::Cell,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const LENGTH: usize = "2026-11-27T09:30:00".len();

/// How long the two clocks of the system are taken to go alike.
const ALIKE: Duration = Duration::from_millis(50);

thread_local! {
    /// When the line that is written was said, if somebody knows.
    static SAID: Cell<Option<Instant>> = const { Cell::new(None) };
    /// One moment on both clocks.
    static ANCHOR: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

/// Lines are of this moment, which whoever says them has looked up already: a look at the clock takes as long as a
/// third of a line.
pub(crate) fn at(moment: Instant, say: impl FnOnce()) {
    /// Whoever listens may panic, and later lines are not of that moment.
    struct Over;

    impl Drop for Over {
        fn drop(&mut self) {
            SAID.set(None);
        }
    }

    let _over = Over;
    SAID.set(Some(moment));
    say();
}

/// Since 1970.
pub(super) fn now() -> Duration {
    SAID.get().map_or_else(since_epoch, on_the_wall)
}

fn since_epoch() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

/// What time it was at a moment of just now.
fn on_the_wall(moment: Instant) -> Duration {
    let known = ANCHOR.get().and_then(|(at, since)| {
        let later = moment.checked_duration_since(at)?;
        (later < ALIKE).then_some(since + later)
    });
    known.unwrap_or_else(|| {
        let since = since_epoch();
        ANCHOR.set(Some((moment, since)));
        since
    })
}

pub(super) fn write(line: &mut Vec<u8>, since_epoch: Duration) {
    let (seconds, micros) = (since_epoch.as_secs(), since_epoch.subsec_micros());
    thread_local! {
        static LAST: Cell<(u64, [u8; LENGTH])> = const { Cell::new((u64::MAX, [0; LENGTH])) };
    }
    // Many lines fall into one second.
    let (mut known, mut text) = LAST.get();
    if known != seconds {
        (known, text) = (seconds, date_time(seconds));
        LAST.set((known, text));
    }
    let mut fraction = *b".000000Z";
    put(&mut fraction[1..7], u64::from(micros));
    line.extend_from_slice(&text);
    line.extend_from_slice(&fraction);
}

fn date_time(seconds: u64) -> [u8; LENGTH] {
    let (year, month, day) = date(seconds / 86_400);
    let mut text = *b"0000-00-00T00:00:00";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], seconds / 3600 % 24);
    put(&mut text[14..16], seconds / 60 % 60);
    put(&mut text[17..19], seconds % 60);
    text
}

/// The day of the Gregorian calendar, so many days after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    // 400 years have 146,097 days and bring every date back.
    let (mut year, mut rest) = (1970 + days / 146_097 * 400, days % 146_097);
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if rest < length {
            break;
        }
        rest -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if rest < length {
            break;
        }
        rest -= length;
        month += 1;
    }
    (year, month, rest + 1)
}

/// As many digits as there is room for.
fn put(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(seconds: u64, micros: u32) -> String {
        let mut line = Vec::new();
        write(&mut line, Duration::new(seconds, micros * 1000));
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn times_are_written_by_rfc_3339() {
        assert_eq!(written(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(written(951_868_799, 999_999), "2000-02-29T23:59:59.999999Z");
        assert_eq!(written(951_868_800, 1), "2000-03-01T00:00:00.000001Z");
        assert_eq!(written(1_795_771_800, 123), "2026-11-27T09:30:00.000123Z");
        assert_eq!(written(4_107_542_399, 0), "2100-02-28T23:59:59.000000Z");
        assert_eq!(written(4_107_542_400, 0), "2100-03-01T00:00:00.000000Z");
    }

    #[test]
    fn a_moment_has_one_time_however_often_it_is_asked_for() {
        let moment = Instant::now();
        let first = on_the_wall(moment);
        assert!(since_epoch() - first < Duration::from_secs(60));
        assert_eq!(on_the_wall(moment), first);
        let step = Duration::from_millis(10);
        assert_eq!(on_the_wall(moment + step), first + step);
    }

    #[test]
    fn only_what_is_said_there_is_of_that_moment() {
        let moment = Instant::now();
        at(moment, || assert_eq!(SAID.get(), Some(moment)));
        assert_eq!(SAID.get(), None);
        let panics = || at(moment, || panic!("whoever listens panics"));
        assert!(std::panic::catch_unwind(panics).is_err());
        assert_eq!(SAID.get(), None);
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = (1969, 12, 31);
        for day in 0..200_000 {
            let next = date(day);
            assert!(next > last && next.2 <= last.2 + 1, "{last:?} {next:?}");
            last = next;
        }
    }
}
