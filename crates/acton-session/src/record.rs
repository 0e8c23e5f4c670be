use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_sessions::session::Id;

use crate::{
    auth,
    csrf::{Sealed, Secret},
    flash::FlashMessage,
    remember::Series,
    store::Key,
};

/// Values by key, as handlers see them.
pub(crate) type Data = HashMap<String, Value>;

/// What a store keeps under a key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Slot {
    /// A session.
    #[serde(rename = "v1")]
    Live(Stored),
    /// The id was exchanged for another one a moment ago.
    #[serde(rename = "rotated")]
    Rotated(Rotated),
    /// A browser that is remembered.
    #[serde(rename = "series")]
    Series(Series),
    /// It was ended a moment ago, and a command that is still on its way must not begin it again.
    #[serde(rename = "ended")]
    Ended,
}

/// One session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stored {
    /// When the session began, or its user logged in.
    pub(crate) created_ms: u64,
    /// When it was last used, to the nearest tenth of the idle time.
    pub(crate) seen_ms: u64,
    /// A shorter or longer idle time, if a handler asked for it.
    pub(crate) idle_ms: Option<u64>,
    /// An earlier end, if a handler asked for it.
    pub(crate) ends_ms: Option<u64>,
    pub(crate) csrf: Option<Sealed>,
    pub(crate) flash: Vec<PendingFlash>,
    /// Number of the next flash message; numbers are never used twice.
    pub(crate) next_flash: u64,
    /// `User-Agent` of whoever began the session.
    pub(crate) device: Option<String>,
    /// Store key of the series, if the browser is remembered.
    pub(crate) series: Option<String>,
    /// Hash of the token that came with this session, until the browser brings both.
    pub(crate) awaits: Option<String>,
    pub(crate) data: Data,
}

/// A message nobody has seen yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PendingFlash {
    pub(crate) number: u64,
    pub(crate) message: FlashMessage,
    /// The request that is about to show it, and how long it may take.
    pub(crate) lease: Option<Lease>,
}

/// Only the holder shows the message, until the time is over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) holder: u64,
    pub(crate) until_ms: u64,
}

/// Where requests that were under way leave what they still have to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rotated {
    /// Store key of the session that took over: a hash, so the id cannot be read from it.
    pub(crate) successor: String,
    /// A login took over, or nobody after somebody: nothing of the old session's requests may reach it.
    #[serde(rename = "login")]
    pub(crate) is_apart: bool,
    /// The same user goes on there, or the same visitor: who ends this session ends that one too.
    #[serde(default)]
    pub(crate) is_same_user: bool,
    /// As the session had it that was here: who ends it while the exchange is undone finds the browser here alone.
    #[serde(default)]
    pub(crate) series: Option<String>,
    pub(crate) until_ms: u64,
}

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    pub(crate) idle: Duration,
    pub(crate) absolute: Duration,
}

impl Slot {
    /// Where the remembered browser is kept whose session is here, or was.
    pub(crate) fn series(&self) -> Option<Key> {
        let series = match self {
            Self::Live(session) => session.series.as_deref(),
            Self::Rotated(rotated) => rotated.series.as_deref(),
            Self::Series(_) | Self::Ended => None,
        };
        series.and_then(Key::parse)
    }
}

impl Stored {
    pub(crate) fn begin(now_ms: u64, device: Option<String>, id: &Id) -> Self {
        Self {
            created_ms: now_ms,
            seen_ms: now_ms,
            csrf: Some(Secret::generate().seal(id)),
            device,
            ..Self::default()
        }
    }

    /// When the session ends unless it is used again.
    pub(crate) fn expires_ms(&self, lifetimes: &Lifetimes) -> u64 {
        let idle = self.idle_ms.unwrap_or(millis(lifetimes.idle));
        let idle_end = self.seen_ms.saturating_add(idle);
        let end = self.created_ms.saturating_add(millis(lifetimes.absolute));
        idle_end.min(end).min(self.ends_ms.unwrap_or(u64::MAX))
    }

    /// Whether a tenth of the idle time has passed since the session was last seen.
    pub(crate) fn is_touch_due(&self, lifetimes: &Lifetimes, now_ms: u64) -> bool {
        let idle = self.idle_ms.unwrap_or(millis(lifetimes.idle));
        now_ms.saturating_sub(self.seen_ms) >= idle / 10
    }

    pub(crate) fn user(&self) -> Option<&str> {
        auth::user_in(&self.data)
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes = Lifetimes {
        idle: Duration::from_secs(100),
        absolute: Duration::from_secs(1000),
    };

    #[test]
    fn a_session_ends_when_idle_or_when_its_time_is_over() {
        let mut session = Stored::begin(0, None, &Id(1));
        assert_eq!(session.expires_ms(&LIFETIMES), 100_000);
        session.seen_ms = 950_000;
        assert_eq!(session.expires_ms(&LIFETIMES), 1_000_000);
    }

    #[test]
    fn a_touch_is_due_after_a_tenth_of_the_idle_time() {
        let session = Stored::begin(0, None, &Id(1));
        assert!(!session.is_touch_due(&LIFETIMES, 9_999));
        assert!(session.is_touch_due(&LIFETIMES, 10_000));
    }
}
