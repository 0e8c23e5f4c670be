//! So many requests in so much time.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// So many requests in so much time: all of them at once, or one after the other.
///
/// What was used comes back evenly: of `600/1m` ten requests each second.
/// In a setting it is written `600/1m`.
///
/// ```
/// use acton_service::Rate;
/// use std::time::Duration;
///
/// assert_eq!(Rate::per_minute(600), Rate::new(600, Duration::from_secs(60)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    requests: u32,
    window: Duration,
}

impl Rate {
    /// So many requests in `window`; none counts as one, and no time as one nanosecond.
    #[must_use]
    pub const fn new(requests: u32, window: Duration) -> Self {
        let requests = if requests == 0 { 1 } else { requests };
        let window = if window.is_zero() {
            Duration::from_nanos(1)
        } else {
            window
        };
        Self { requests, window }
    }

    /// So many requests a second.
    #[must_use]
    pub const fn per_second(requests: u32) -> Self {
        Self::new(requests, Duration::from_secs(1))
    }

    /// So many requests a minute.
    #[must_use]
    pub const fn per_minute(requests: u32) -> Self {
        Self::new(requests, Duration::from_secs(60))
    }

    /// So many requests an hour.
    #[must_use]
    pub const fn per_hour(requests: u32) -> Self {
        Self::new(requests, Duration::from_secs(60 * 60))
    }

    /// The window, in nanoseconds; a century at most, so that no sum of times overflows.
    pub(super) fn window_nanos(self) -> u64 {
        const CENTURY: u64 = 100 * 366 * 24 * 60 * 60 * 1_000_000_000;
        u64::try_from(self.window.as_nanos()).map_or(CENTURY, |nanos| nanos.min(CENTURY))
    }

    /// The time after which one request has come back, in nanoseconds.
    pub(super) fn step_nanos(self) -> u64 {
        (self.window_nanos() / u64::from(self.requests)).max(1)
    }

    fn parse(text: &str) -> Option<Self> {
        let (requests, window) = text.split_once('/')?;
        let requests = requests.trim().parse().ok().filter(|number| *number > 0)?;
        let window = humantime_serde::re::humantime::parse_duration(window.trim()).ok()?;
        (!window.is_zero()).then(|| Self::new(requests, window))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::invalid_value(
                de::Unexpected::Other("text"),
                &"requests and a time, such as 600/1m",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_a_time_are_a_rate() {
        for (text, rate) in [
            ("600/1m", Rate::per_minute(600)),
            ("10/1s", Rate::per_second(10)),
            (" 5 / 1h ", Rate::per_hour(5)),
            ("3/2m 30s", Rate::new(3, Duration::from_secs(150))),
        ] {
            assert_eq!(Rate::parse(text), Some(rate), "{text}");
        }
    }

    #[test]
    fn nonsense_is_no_rate() {
        for text in [
            "", "600", "600/", "/1m", "0/1m", "5/0s", "-1/1m", "1.5/1m", "5/minute", "5/1",
        ] {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_rate_overflows() {
        let rate = Rate::new(u32::MAX, Duration::MAX);
        assert!(rate.window_nanos() < u64::MAX / 4);
        assert_eq!(Rate::new(u32::MAX, Duration::ZERO).step_nanos(), 1);
    }
}
