//! Numbered and dated messages, for servers that publish them and clients that check them.

use std::{
    iter,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;

/// What a server is asked to publish.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Series {
    /// How many messages.
    pub count: u64,
    /// Milliseconds between two.
    pub every: u64,
    /// Bytes of each.
    pub size: usize,
}

impl Series {
    /// Sends every message at its time.
    pub async fn publish(self, mut send: impl FnMut(String)) {
        let mut clock = tokio::time::interval(Duration::from_millis(self.every));
        for number in 0..self.count {
            clock.tick().await;
            send(message(number, self.size));
        }
    }
}

/// `<number> <microseconds since 1970> xxx…`.
fn message(number: u64, size: usize) -> String {
    let mut text = format!("{number} {} ", now());
    let filler = iter::repeat_n('x', size.saturating_sub(text.len()));
    text.extend(filler);
    text
}

/// The number in the data of a message, and how long it was on its way.
pub fn read(data: &str) -> Option<(u64, Duration)> {
    let mut words = data.split(' ');
    let number = words.next()?.parse().ok()?;
    let sent: u64 = words.next()?.parse().ok()?;
    Some((number, Duration::from_micros(now().saturating_sub(sent))))
}

/// Microseconds since 1970; one machine, one clock.
fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0, |elapsed| elapsed.as_micros() as u64)
}
