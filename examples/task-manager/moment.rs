//! Points in time, as people and browsers read them.

use std::{fmt, time::SystemTime};

use time::OffsetDateTime;

/// A point in time, in UTC. It displays as a `datetime` attribute wants it: `2026-11-23T04:05:06Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment(OffsetDateTime);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(OffsetDateTime::now_utc())
    }

    pub(crate) fn from_unix(seconds: i64) -> Self {
        Self(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }

    pub(crate) fn unix(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// `23 Nov 2026`
    pub(crate) fn day(self) -> String {
        let month = self.0.month().to_string();
        format!("{} {} {}", self.0.day(), &month[..3], self.0.year())
    }

    /// `23 Nov 2026, 04:05 UTC`
    pub(crate) fn minute(self) -> String {
        let (hour, minute, _) = self.0.to_hms();
        format!("{}, {hour:02}:{minute:02} UTC", self.day())
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        Self(time.into())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.0.to_calendar_date();
        let (hour, minute, second) = self.0.to_hms();
        let month = u8::from(month);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_browsers_read_the_same_moment() {
        let moment = Moment::from_unix(1_795_406_706);
        assert_eq!(moment.to_string(), "2026-11-23T04:05:06Z");
        assert_eq!(moment.day(), "23 Nov 2026");
        assert_eq!(moment.minute(), "23 Nov 2026, 04:05 UTC");
    }
}
