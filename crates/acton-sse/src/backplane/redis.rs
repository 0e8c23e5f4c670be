//! Redis Streams.
//!
//! Reference: <https://redis.io/docs/latest/develop/data-types/streams/>

use std::{collections::HashMap, fmt, time::Duration};

use fred::{
    clients::{Client, Pool},
    interfaces::{ClientLike, LuaInterface, StreamsInterface},
    types::{Value, config::Options},
};
use tokio::{sync::Mutex, time::timeout};

use super::{Backplane, BackplaneError, Known, Record, Row};
use crate::{config::SseConfig, moment::FAR, random};

const OPEN: &str = concat!(include_str!("row.lua"), include_str!("open.lua"));
const APPEND: &str = concat!(include_str!("row.lua"), include_str!("append.lua"));
/// Records read at once.
const BATCH: u64 = 512;
/// How long a read waits inside Redis, in milliseconds.
const BLOCK_MS: u64 = 1000;
/// How long a connection may take beyond that, and its end.
const PATIENCE: Duration = Duration::from_secs(3);

/// One Redis Stream for all topics: the truth about their order, and what an instance starts from.
///
/// It takes commands through the pool, and keeps one connection of its own to wait for news. The
/// stream keeps `backplane_history` records, and drops what is older than `history_age`.
///
/// ```no_run
/// use acton_sse::{RedisBackplane, SseBroadcaster, SseConfig};
/// use fred::clients::Pool;
///
/// fn broadcaster(config: &SseConfig, pool: Pool) -> SseBroadcaster {
///     SseBroadcaster::with_backplane(config, RedisBackplane::new(pool, config))
/// }
/// ```
pub struct RedisBackplane {
    pool: Pool,
    stream: String,
    epoch: String,
    age: Duration,
    timeout: Duration,
    count: i64,
    reader: Mutex<Option<Client>>,
}

impl RedisBackplane {
    /// A backplane at the key `{acton:sse}`, with the bounds of the settings.
    #[must_use]
    pub fn new(pool: Pool, config: &SseConfig) -> Self {
        Self {
            pool,
            stream: "{acton:sse}:records".to_owned(),
            epoch: "{acton:sse}:epoch".to_owned(),
            age: config.history_age,
            timeout: config.backplane_timeout.min(FAR),
            count: config.backplane_history.try_into().unwrap_or(i64::MAX),
            reader: Mutex::new(None),
        }
    }

    /// Keeps apart what several applications share a Redis for. Default prefix: none.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.stream = format!("{{{prefix}acton:sse}}:records");
        self.epoch = format!("{{{prefix}acton:sse}}:epoch");
        self
    }

    fn keys(&self) -> Vec<String> {
        vec![self.stream.clone(), self.epoch.clone()]
    }

    /// Whether the stream begins at this sequence or before.
    async fn reaches_back_to(&self, after: u64) -> Result<bool, BackplaneError> {
        let stream = self.stream.as_str();
        let first: Vec<Entry> = self.pool.xrange_values(stream, "-", "+", Some(1)).await?;
        let first = first.first().and_then(|(id, _)| sequence(id));
        Ok(first.is_some_and(|first| first <= after))
    }

    /// The connection that waits, a new one after a failure.
    async fn reader(&self) -> Result<Client, BackplaneError> {
        if let Some(client) = self.reader.lock().await.take() {
            return Ok(client);
        }
        let client = self.pool.next().clone_new();
        let Ok(connected) = timeout(PATIENCE.max(self.timeout), client.init()).await else {
            dismiss(client);
            return Err("no connection in time".into());
        };
        connected?;
        Ok(client)
    }
}

impl Backplane for RedisBackplane {
    async fn open(&self, known: &Known) -> Result<Row, BackplaneError> {
        let age = i64::try_from(self.age.as_millis()).unwrap_or(i64::MAX);
        let arguments: Vec<Value> = vec![
            random::name().to_string().into(),
            age.into(),
            known.epoch.as_str().into(),
            id(known.last).into(),
        ];
        let (epoch, last, lost): (String, String, String) =
            self.pool.eval(OPEN, self.keys(), arguments).await?;
        let number = |id: &str| sequence(id).ok_or("a stream id that is none");
        Ok(Row {
            epoch,
            lost: number(&lost)?,
            last: number(&last)?,
        })
    }

    async fn append(&self, records: &[Record], known: &Known) -> Result<Vec<u64>, BackplaneError> {
        let mut arguments: Vec<Value> = vec![
            known.epoch.as_str().into(),
            id(known.last).into(),
            self.count.into(),
        ];
        for record in records {
            arguments.push(serde_json::to_string(record)?.into());
        }
        let ids: Vec<String> = self.pool.eval(APPEND, self.keys(), arguments).await?;
        if ids.is_empty() {
            return Err("the stream is not what it was".into());
        }
        let places: Option<Vec<_>> = ids.iter().map(|id| sequence(id)).collect();
        places.ok_or_else(|| "a stream id that is none".into())
    }

    async fn read(&self, after: u64) -> Result<Vec<(u64, Record)>, BackplaneError> {
        let client = self.reader().await?;
        let limit = Duration::from_millis(BLOCK_MS) + PATIENCE.max(self.timeout);
        // The pool's limit for commands is meant for those that do not wait.
        let waiting = client.with_options(&Options {
            timeout: Some(limit),
            ..Options::default()
        });
        let read = waiting.xread(Some(BATCH), Some(BLOCK_MS), self.stream.as_str(), id(after));
        let value = match timeout(limit, read).await {
            Ok(Ok(value)) => value,
            Ok(Err(error)) => {
                dismiss(client);
                return Err(error.into());
            }
            Err(late) => {
                dismiss(client);
                return Err(late.into());
            }
        };
        *self.reader.lock().await = Some(client);
        let entries = entries(value)?;
        if is_behind(&entries, after) && !self.reaches_back_to(after).await? {
            return Err("the stream has dropped records".into());
        }
        records(&entries, after)
    }
}

impl Drop for RedisBackplane {
    fn drop(&mut self) {
        if let Some(client) = self.reader.get_mut().take() {
            dismiss(client);
        }
    }
}

impl fmt::Debug for RedisBackplane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisBackplane")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// Ends a connection without waiting for it.
fn dismiss(client: Client) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move { timeout(PATIENCE, client.quit()).await });
    }
}

/// What stands in the stream: an id and its fields.
type Entry = (String, HashMap<String, String>);

fn entries(value: Value) -> Result<Vec<Entry>, BackplaneError> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    let streams = value.into_xread_response::<String, String, String, String>()?;
    Ok(streams.into_values().flatten().collect())
}

/// The sequence of the record before an entry, as the entry says.
fn before(entry: &Entry) -> Option<u64> {
    entry.1.get("after").and_then(|id| sequence(id))
}

/// Whether records stood between this sequence and the entries.
fn is_behind(entries: &[Entry], after: u64) -> bool {
    let before = entries.first().and_then(before);
    before.is_some_and(|before| before > after)
}

/// The records of an answer, which follow the one at this sequence. What somebody deleted between
/// them is a gap.
fn records(entries: &[Entry], after: u64) -> Result<Vec<(u64, Record)>, BackplaneError> {
    let mut records = Vec::with_capacity(entries.len());
    let mut last = after;
    for entry in entries {
        match before(entry) {
            Some(before) if before > last => {
                records.push((before, Record::unreadable(before, None)));
            }
            Some(before) if before < last => return Err("the stream has lost records".into()),
            _ => {}
        }
        let record = read_entry(&entry.0, &entry.1)?;
        last = record.0;
        records.push(record);
    }
    Ok(records)
}

/// A record that cannot be read is a gap: some other version wrote it.
fn read_entry(id: &str, fields: &HashMap<String, String>) -> Result<(u64, Record), &'static str> {
    let sequence = sequence(id).ok_or("a stream id that is none")?;
    let json = fields.get("record").map(String::as_str);
    let record = json.and_then(|json| serde_json::from_str(json).ok());
    Ok((
        sequence,
        record.unwrap_or_else(|| Record::unreadable(sequence, json)),
    ))
}

/// How many bits of a sequence count within one millisecond; the others last until the year 2109.
const COUNT_BITS: u32 = 22;

/// `milliseconds-count` of Redis as one number in the same order.
fn sequence(id: &str) -> Option<u64> {
    let (time, count) = id.split_once('-')?;
    let (time, count) = (time.parse::<u64>().ok()?, count.parse::<u64>().ok()?);
    let fits = time >> (64 - COUNT_BITS) == 0 && count >> COUNT_BITS == 0;
    fits.then_some(time << COUNT_BITS | count)
}

fn id(sequence: u64) -> String {
    format!(
        "{}-{}",
        sequence >> COUNT_BITS,
        sequence & ((1 << COUNT_BITS) - 1)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backplane::Content;

    #[test]
    fn ids_keep_their_order_as_numbers() {
        let ids = [
            "0-0",
            "0-1",
            "1767225600000-0",
            "1767225600000-4194303",
            "1767225600001-0",
        ];
        let numbers: Vec<_> = ids.iter().map(|id| sequence(id).unwrap()).collect();
        assert!(numbers.is_sorted());
        assert!(
            numbers
                .iter()
                .zip(ids)
                .all(|(number, text)| id(*number) == text)
        );
    }

    #[test]
    fn an_id_that_does_not_fit_is_refused() {
        for text in ["", "1", "-1", "a-0", "0-4194304", "4398046511104-0"] {
            assert_eq!(sequence(text), None, "{text}");
        }
    }

    #[test]
    fn a_record_of_another_version_is_a_gap_of_its_instance() {
        let read = |json: &str| {
            let fields = HashMap::from([("record".to_owned(), json.to_owned())]);
            read_entry("0-7", &fields).unwrap()
        };
        let (place, record) = read(r#"{"node":"x","count":3,"kind":"new"}"#);
        assert_eq!((place, &record.content), (7, &Content::Gap));
        assert_eq!((&*record.origin.node, record.origin.count), ("x", 3));
        assert_eq!(read("{}"), (7, Record::unreadable(7, None)));
    }
}
