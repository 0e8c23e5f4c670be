//! The settings of live updates.

use std::time::Duration;

use serde::Deserialize;

/// The `[sse]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SseConfig {
    /// What connects several instances: `memory` or `redis`. Default: `memory`, one instance.
    pub backplane: BackplaneKind,
    /// Messages kept per topic for browsers that reconnect. Default: 1000.
    pub history: usize,
    /// Bytes kept per topic, about twice those of the data. Default: 4 MiB, a thousand messages of
    /// 2 kB.
    pub history_bytes: usize,
    /// Bytes kept for all topics together. Default: 64 MiB.
    pub history_total_bytes: usize,
    /// How long a message is kept, e.g. `10m`. Default: 10 minutes.
    #[serde(with = "humantime_serde")]
    pub history_age: Duration,
    /// Messages that a connected reader may be behind before it gets a gap, when `history` is
    /// smaller. Default: 256.
    pub queue: usize,
    /// How long the backplane may take to answer before this instance goes on alone, e.g. `1s`.
    /// Default: 1 second.
    #[serde(with = "humantime_serde")]
    pub backplane_timeout: Duration,
    /// Messages that the backplane keeps for all topics together. Default: 100000.
    pub backplane_history: usize,
    /// Messages kept while the backplane is out of reach; more than that are a gap for other
    /// instances. Default: 10000.
    pub backlog: usize,
    /// Bytes kept meanwhile. Default: 16 MiB.
    pub backlog_bytes: usize,
    /// Time between keep-alive comments, e.g. `15s`. Default: 15 seconds, as WHATWG suggests.
    ///
    /// <https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes>
    #[serde(with = "humantime_serde")]
    pub keep_alive: Duration,
    /// How long a connection lasts before the browser is made to reconnect, ± 20 % by chance, so
    /// that connections spread over instances anew. Default: 10 minutes.
    #[serde(with = "humantime_serde")]
    pub rotate_after: Duration,
    /// The shortest time after which a browser reconnects. Default: 2 seconds.
    #[serde(with = "humantime_serde")]
    pub retry_min: Duration,
    /// The longest time after which a browser reconnects; the time is drawn by chance, so that a
    /// restart is not followed by a storm. Default: 5 seconds.
    #[serde(with = "humantime_serde")]
    pub retry_max: Duration,
    /// Open streams of this instance; one more is answered 503. Default: 10000.
    pub max_connections: usize,
    /// Open streams of one user; one more is answered 429. Default: 20.
    pub max_connections_per_user: usize,
    /// How often at most a region that changes all the time is told to change, e.g. `300ms`. The
    /// first change is told at once. Default: 300 milliseconds.
    #[serde(with = "humantime_serde")]
    pub refresh_every: Duration,
    /// How long somebody stays present whose last stream has ended; longer than `retry_max`, so
    /// that nobody flickers who reconnects. Default: 10 seconds.
    #[serde(with = "humantime_serde")]
    pub presence_linger: Duration,
    /// How long the people of another instance are believed to be there without a sign of life
    /// from it, which is due each third of this. Default: 30 seconds.
    #[serde(with = "humantime_serde")]
    pub presence_lease: Duration,
}

/// What connects several instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BackplaneKind {
    /// Nothing: one instance.
    #[default]
    Memory,
    /// Redis Streams (feature `redis`).
    Redis,
}

impl Default for SseConfig {
    fn default() -> Self {
        Self {
            backplane: BackplaneKind::default(),
            history: 1000,
            history_bytes: 4 * 1024 * 1024,
            history_total_bytes: 64 * 1024 * 1024,
            history_age: Duration::from_secs(10 * 60),
            queue: 256,
            backplane_timeout: Duration::from_secs(1),
            backplane_history: 100_000,
            backlog: 10_000,
            backlog_bytes: 16 * 1024 * 1024,
            keep_alive: Duration::from_secs(15),
            rotate_after: Duration::from_secs(10 * 60),
            retry_min: Duration::from_secs(2),
            retry_max: Duration::from_secs(5),
            max_connections: 10_000,
            max_connections_per_user: 20,
            refresh_every: Duration::from_millis(300),
            presence_linger: Duration::from_secs(10),
            presence_lease: Duration::from_secs(30),
        }
    }
}
