use std::{thread, time::Duration};

use serde::Deserialize;

/// How passwords are hashed.
///
/// The defaults are the first choice of the
/// [OWASP cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordConfig {
    /// Memory for one hash, in KiB. Default: 19456 (19 MiB).
    pub memory_kib: u32,
    /// Passes over the memory. Default: 2.
    pub iterations: u32,
    /// Lanes within one hash. Default: 1.
    pub lanes: u32,
    /// The shortest new password, in bytes. Default: 8.
    pub min_bytes: usize,
    /// The longest password, in bytes. Default: 1024. A longer one is refused, never cut.
    pub max_bytes: usize,
    /// Hashes computed at the same time. Default: one per two cores.
    pub workers: usize,
    /// Requests that may wait for each worker. Default: 32. The next one is answered 503 at once.
    ///
    /// So many hashes of some 60 ms fit into `wait`: who would wait longer anyway is better told at once. A request that
    /// waits costs its own memory, not that of a hash.
    pub queue: usize,
    /// The longest wait for a worker, e.g. `2s`. Default: 2 seconds, then 503.
    #[serde(with = "humantime_serde")]
    pub wait: Duration,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            memory_kib: 19_456,
            iterations: 2,
            lanes: 1,
            min_bytes: 8,
            max_bytes: 1024,
            workers: (cores / 2).max(1),
            queue: 32,
            wait: Duration::from_secs(2),
        }
    }
}
