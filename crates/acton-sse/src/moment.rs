//! Moments that a setting puts into the future.

use std::time::Duration;

use tokio::time::Instant;

/// Later than any of this matters, and early enough for every clock: about thirty years.
pub(crate) const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// So long after a moment; a time without end is [`FAR`].
pub(crate) fn after(moment: Instant, time: Duration) -> Instant {
    moment + time.min(FAR)
}
