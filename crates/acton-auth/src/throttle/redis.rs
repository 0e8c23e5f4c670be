use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fred::{
    clients::{Pool, WithOptions},
    error::Error as RedisError,
    interfaces::{ClientLike, KeysInterface, LuaInterface},
    types::config::Options,
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{
    memory::MemoryFailures,
    store::{FailureStore, Refused, Rule},
};

/// Somebody waits at the login form.
const DEADLINE: Duration = Duration::from_millis(500);
/// How long a Redis that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(1);
/// Nobody waits longer; Redis refuses what does not fit into 64 bits.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Counts one failure at `KEYS[1]`, or answers with the milliseconds to wait.
///
/// `ARGV`: limit, window, and the longest block, -1 for none. `f` are the times of the failures, `u` is the end of the
/// block, `b` how many there were. The time is that of Redis, so the clocks of the instances need not agree.
const CHARGE: &str = "local time = redis.call('TIME') \
    local now = time[1] * 1000 + math.floor(time[2] / 1000) \
    local limit, window, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) \
    local text = redis.call('GET', KEYS[1]) \
    local record = text and cjson.decode(text) or { f = {}, u = 0, b = 0 } \
    if record.u > now then return record.u - now end \
    local failures = {} \
    for _, at in ipairs(record.f) do if at + window > now then failures[#failures + 1] = at end end \
    if #failures >= limit then return (failures[1] or now) + window - now end \
    failures[#failures + 1] = now \
    record.f = failures \
    if longest >= 0 and #failures >= limit then \
      record.u = now + math.min(window * 2 ^ record.b, longest) \
      record.b = record.b + 1 \
    end \
    redis.call('SET', KEYS[1], cjson.encode(record), 'PX', window + 2 * math.max(longest, 0)) \
    return 0";

/// Takes back the newest failure, and the block that it led to unless that is over.
const REFUND: &str = "local text = redis.call('GET', KEYS[1]) \
    local left = redis.call('PTTL', KEYS[1]) \
    if not text or left <= 0 then return 0 end \
    local record = cjson.decode(text) \
    local time = redis.call('TIME') \
    local now = time[1] * 1000 + math.floor(time[2] / 1000) \
    table.remove(record.f) \
    if record.u > now then record.b = math.max(record.b - 1, 0) end \
    record.u = 0 \
    redis.call('SET', KEYS[1], cjson.encode(record), 'PX', left) \
    return 0";

/// Failures counted in Redis, for every instance of a service together.
///
/// Keys are kept as hashes, since people type passwords into the wrong field. While Redis does not answer, each
/// instance counts in memory: nobody is locked out, and nobody guesses freely.
pub struct RedisFailures {
    client: WithOptions<Pool>,
    /// Milliseconds since `start`; until then Redis is not asked.
    ask_again_at: AtomicU64,
    start: Instant,
    meanwhile: MemoryFailures,
}

impl RedisFailures {
    /// Counts through this pool, which comes connected or connecting.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        let options = Options {
            timeout: Some(DEADLINE),
            max_attempts: Some(1),
            ..Options::default()
        };
        Self {
            client: pool.with_options(&options),
            ask_again_at: AtomicU64::new(0),
            start: Instant::now(),
            meanwhile: MemoryFailures::default(),
        }
    }

    /// `None` while Redis does not answer.
    async fn ask<T>(&self, answer: impl Future<Output = Result<T, RedisError>>) -> Option<T> {
        if self.elapsed_ms() < self.ask_again_at.load(Ordering::Relaxed) {
            return None;
        }
        // The client's own deadline does not cover the wait for a connection.
        let reason = match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(%reason, "failed logins are counted in memory while Redis does not answer");
        let at = self.elapsed_ms().saturating_add(millis(PAUSE));
        self.ask_again_at.store(at, Ordering::Relaxed);
        None
    }

    fn elapsed_ms(&self) -> u64 {
        millis(self.start.elapsed())
    }

    async fn run<T>(&self, script: &'static str, key: &str, arguments: Vec<i64>) -> Option<T>
    where
        T: fred::types::FromValue,
    {
        let keys = vec![name_of(key)];
        self.ask(self.client.eval::<T, _, _, _>(script, keys, arguments))
            .await
    }
}

impl FailureStore for RedisFailures {
    fn charge<'a>(
        &'a self,
        key: &'a str,
        rule: Rule,
    ) -> Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>> {
        Box::pin(async move {
            let arguments = vec![
                i64::from(rule.limit),
                whole_ms(rule.window).max(1),
                rule.longest_block.map_or(-1, whole_ms),
            ];
            match self.run::<u64>(CHARGE, key, arguments).await {
                Some(0) => Ok(()),
                Some(wait) => Err(Refused {
                    retry_after: Duration::from_millis(wait),
                }),
                None => self.meanwhile.charge(key, rule).await,
            }
        })
    }

    fn refund<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            self.meanwhile.refund(key).await;
            self.run::<()>(REFUND, key, Vec::new()).await;
        })
    }

    fn forget<'a>(&'a self, key: &'a str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            self.meanwhile.forget(key).await;
            self.ask(self.client.del::<(), _>(name_of(key))).await;
        })
    }
}

impl fmt::Debug for RedisFailures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisFailures").finish_non_exhaustive()
    }
}

fn name_of(key: &str) -> String {
    let hash = Sha256::digest(key.as_bytes());
    format!("acton:throttle:{}", URL_SAFE_NO_PAD.encode(hash))
}

fn whole_ms(duration: Duration) -> i64 {
    i64::try_from(duration.min(YEAR).as_millis()).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_not_in_the_name() {
        let name = name_of("account:hunter2");
        assert!(name.starts_with("acton:throttle:") && !name.contains("hunter2"));
        assert_ne!(name, name_of("account:hunter3"));
    }
}
