use std::{future::Future, iter, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use tower_sessions_redis_store::fred::{
    clients::WithOptions,
    error::Error as RedisError,
    interfaces::{ClientLike, KeysInterface, LuaInterface},
    prelude::Pool,
    types::config::Options,
};

use super::{EXCESS, Key, SOON_MS, Snapshot, Swap, Version};
use crate::{
    error::Error,
    record::{Slot, now_ms},
};

const DEADLINE: Duration = Duration::from_secs(1);

/// Writes `ARGV[2]` if the key still holds `ARGV[1]` (the empty text: nothing), for `ARGV[3]` milliseconds.
/// Answers with nothing when it did, otherwise with what is there, `""` for nothing.
const SWAP: &str = "local now = redis.call('GET', KEYS[1]) or '' \
    if now ~= ARGV[1] then return now end \
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) \
    return false";

/// Writes `ARGV[1]` for `ARGV[2]` milliseconds, whatever is there, and answers with that.
const END: &str = "local now = redis.call('GET', KEYS[1]) \
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) \
    return now";

/// Adds to the list of a user, which is sorted by end, takes out what has ended, and keeps the list as long as any
/// session in it could live. Answers with those that are more than `ARGV[5]`, of those that end after `ARGV[4]`.
const ENLIST: &str = "redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) \
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3]) \
    local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES') \
    redis.call('PEXPIRE', KEYS[1], math.max(last[2] - ARGV[3], 1)) \
    local excess = redis.call('ZCOUNT', KEYS[1], '(' .. ARGV[4], '+inf') - ARGV[5] \
    if excess <= 0 then return {} end \
    return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[4], '+inf', 'LIMIT', 0, math.min(excess, ARGV[6]))";
const DELIST: &str = "local until_ms = redis.call('ZSCORE', KEYS[1], ARGV[1]) \
    if until_ms and tonumber(until_ms) <= tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1], ARGV[1]) end \
    return false";
const LISTED: &str = "return redis.call('ZRANGE', KEYS[1], 0, -1)";

/// Sessions in Redis.
///
/// The client is the one of tower-sessions-redis-store. Its `RedisStore` is not used: it overwrites (no compare-and-set,
/// so parallel requests lose writes), names keys by the raw id, and knows no deadline.
pub(crate) struct Redis {
    client: WithOptions<Pool>,
}

impl Redis {
    pub(crate) fn new(pool: Pool) -> Self {
        let options = Options {
            timeout: Some(DEADLINE),
            max_attempts: Some(1),
            ..Options::default()
        };
        let client = pool.with_options(&options);
        Self { client }
    }

    pub(crate) async fn ping(&self) -> Result<(), Error> {
        within(self.client.ping::<()>(None)).await
    }

    pub(crate) async fn load(&self, key: &Key) -> Result<Option<Snapshot>, Error> {
        let bytes = within(self.client.get::<Option<Bytes>, _>(session_key(key))).await?;
        Ok(bytes.and_then(snapshot))
    }

    pub(crate) async fn swap(
        &self,
        key: &Key,
        seen: Option<&Snapshot>,
        slot: Slot,
        expires_ms: u64,
    ) -> Result<Swap, Error> {
        let next = encode(&slot)?;
        let seen = match seen.map(|seen| &seen.version) {
            Some(Version::Bytes(bytes)) => bytes.clone(),
            _ => Bytes::new(),
        };
        let left = expires_ms.saturating_sub(now_ms()).max(1);
        let arguments = vec![seen, next.clone(), Bytes::from(left.to_string())];
        let keys = vec![session_key(key)];
        let now = within(
            self.client
                .eval::<Option<Bytes>, _, _, _>(SWAP, keys, arguments),
        )
        .await?;
        Ok(match now {
            None => Swap::Done(Snapshot {
                slot: Arc::new(slot),
                version: Version::Bytes(next),
            }),
            Some(now) => Swap::Changed(snapshot(now)),
        })
    }

    pub(crate) async fn end(&self, key: &Key, until_ms: u64) -> Result<Option<Arc<Slot>>, Error> {
        let left = until_ms.saturating_sub(now_ms()).max(1);
        let arguments = vec![encode(&Slot::Ended)?, Bytes::from(left.to_string())];
        let keys = vec![session_key(key)];
        let ended = self
            .client
            .eval::<Option<Bytes>, _, _, _>(END, keys, arguments);
        let ended = within(ended).await?;
        Ok(ended.and_then(snapshot).map(|ended| ended.slot))
    }

    pub(crate) async fn enlist(
        &self,
        user: &Key,
        session: &Key,
        until_ms: u64,
        most: usize,
    ) -> Result<Vec<Key>, Error> {
        let now_ms = now_ms();
        let numbers = [until_ms, now_ms, now_ms + SOON_MS];
        let counts = [most, EXCESS].map(|count| count.to_string());
        let arguments: Vec<_> = iter::once(session.to_string())
            .chain(numbers.map(|number| number.to_string()))
            .chain(counts)
            .collect();
        let keys = vec![user_key(user)];
        let enlisted = self
            .client
            .eval::<Vec<String>, _, _, _>(ENLIST, keys, arguments);
        Ok(parse(&within(enlisted).await?))
    }

    pub(crate) async fn delist(
        &self,
        user: &Key,
        session: &Key,
        before_ms: u64,
    ) -> Result<(), Error> {
        let arguments = vec![session.to_string(), before_ms.to_string()];
        within(
            self.client
                .eval::<(), _, _, _>(DELIST, vec![user_key(user)], arguments),
        )
        .await
    }

    pub(crate) async fn listed(&self, user: &Key) -> Result<Vec<Key>, Error> {
        let nothing = Vec::<String>::new();
        let keys = vec![user_key(user)];
        let listed = self
            .client
            .eval::<Vec<String>, _, _, _>(LISTED, keys, nothing);
        Ok(parse(&within(listed).await?))
    }
}

fn parse(keys: &[String]) -> Vec<Key> {
    keys.iter().filter_map(|key| Key::parse(key)).collect()
}

fn session_key(key: &Key) -> String {
    format!("acton:session:{key}")
}

fn user_key(user: &Key) -> String {
    format!("acton:user:{user}")
}

fn encode(slot: &Slot) -> Result<Bytes, Error> {
    let bytes = rmp_serde::to_vec_named(slot);
    bytes
        .map(Bytes::from)
        .map_err(|_| Error::Value("no MessagePack"))
}

/// Bytes that are not ours are no session; they stay until their time is over.
fn snapshot(bytes: Bytes) -> Option<Snapshot> {
    if bytes.is_empty() {
        return None;
    }
    match rmp_serde::from_slice(&bytes) {
        Ok(slot) => Some(Snapshot {
            slot: Arc::new(slot),
            version: Version::Bytes(bytes),
        }),
        // The text of the error quotes what is there.
        Err(_) => {
            let length = bytes.len();
            tracing::warn!(length, "a stored session cannot be read and is ignored");
            None
        }
    }
}

/// The client's own deadline does not cover the wait for a connection, so there is one around it.
fn within<'a, T: 'a>(
    answer: impl Future<Output = Result<T, RedisError>> + Send + 'a,
) -> impl Future<Output = Result<T, Error>> + Send + 'a {
    // The futures of commands are deep and large: put aside at once, they are in no future that holds them.
    let answer: Pin<Box<dyn Future<Output = _> + Send + 'a>> = Box::pin(answer);
    async move {
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(answer) => answer.map_err(|error| Error::Unavailable(error.to_string())),
            Err(_) => Err(Error::Unavailable("no answer in time".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Stored;
    use serde_json::json;
    use tower_sessions::session::Id;

    #[test]
    fn what_is_encoded_is_decoded() {
        let mut session = Stored::begin(7, Some("Firefox".to_owned()), &Id(1));
        for (key, value) in [
            ("text", json!("é")),
            ("numbers", json!([1, -2, 3.5, u64::MAX])),
            ("nested", json!({"a": {"b": null}, "c": true})),
        ] {
            session.data.insert(key.to_owned(), value);
        }
        let slot = Slot::Live(session);
        let read = snapshot(encode(&slot).unwrap()).unwrap();
        assert_eq!(*read.slot, slot);
        let ended = snapshot(encode(&Slot::Ended).unwrap()).unwrap();
        assert_eq!(*ended.slot, Slot::Ended);
    }

    #[test]
    fn foreign_bytes_are_no_session() {
        assert!(snapshot(Bytes::from_static(b"PHPREDIS_SESSION")).is_none());
    }
}
