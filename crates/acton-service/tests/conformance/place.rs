//! Where the fixtures of a case keep their sessions: each case runs for every place.

use crate::fixture::Fixture;
use crate::redis::Redis;

/// Runs each case with sessions in memory, and with sessions and failed logins in Redis.
macro_rules! on_both_stores {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::place::Place::memory()).await;
            })*
        }
        mod redis {
            $(#[tokio::test]
            async fn $case() {
                if let Some(place) = crate::place::Place::redis() {
                    super::$case(place).await;
                }
            })*
        }
    };
}

/// Where the fixtures of one case keep their sessions.
pub(crate) struct Place(Option<Redis>);

impl Place {
    pub(crate) fn memory() -> Self {
        Self(None)
    }

    /// A Redis of its own; `None` where there is none to start.
    pub(crate) fn redis() -> Option<Self> {
        Redis::start().map(|redis| Self(Some(redis)))
    }

    pub(crate) fn start(&self) -> Fixture {
        self.with(&[])
    }

    pub(crate) fn with(&self, environment: &[(&str, &str)]) -> Fixture {
        let url = self.0.as_ref().map(Redis::url);
        let mut environment = environment.to_vec();
        if let Some(url) = &url {
            environment.extend([
                ("ACTON_SESSION__STORAGE", "redis"),
                ("ACTON_THROTTLE__STORAGE", "redis"),
                ("ACTON_REDIS__URL", url),
            ]);
        }
        Fixture::with(&environment)
    }
}
