//! Keeps an instance and its backplane in step: one task writes, one reads.

use std::{
    sync::{Arc, Weak},
    task::Waker,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{Backplane, BackplaneError, Known, Record, Row};
use crate::{broadcaster::Shared, cursor::Epoch, keeper, moment::FAR, state::State};

/// How many records are appended at once.
const BATCH: usize = 64;
/// How much longer a read may take than an append: it waits about a second for news.
const READ_MORE: Duration = Duration::from_secs(4);
/// How often the state of the row is looked at.
const LOOK_AFTER: Duration = Duration::from_secs(5);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Starts both tasks. They end with the last clone of the broadcaster.
pub(crate) fn connect(shared: &Arc<Shared>, backplane: impl Backplane) {
    let backplane = Arc::new(backplane);
    tokio::spawn(write(Arc::downgrade(shared), Arc::clone(&backplane)));
    tokio::spawn(read(Arc::downgrade(shared), backplane));
}

async fn write(shared: Weak<Shared>, backplane: Arc<impl Backplane>) {
    let Some((queued, limit)) = shared
        .upgrade()
        .map(|shared| (Arc::clone(&shared.queued), shared.config.backplane_timeout))
    else {
        return;
    };
    let mut pause = Pause::default();
    loop {
        let (batch, known) = match shared.upgrade() {
            Some(shared) => {
                let mut state = shared.state();
                let batch = state.with_outbox(|outbox, history| {
                    let batch = outbox.batch(BATCH, &history.epoch);
                    let last = batch.last().map_or(0, |record| record.origin.count);
                    history.unsettled.attempt(last);
                    batch
                });
                (batch, state.known())
            }
            None => return,
        };
        if batch.is_empty() {
            queued.notified().await;
            continue;
        }
        let places = in_time(limit, backplane.append(&batch, &known)).await;
        let places = places.and_then(|places| complete(places, batch.len()));
        let Some(shared) = shared.upgrade() else {
            return;
        };
        match places {
            Ok(places) => {
                pause = Pause::default();
                shared.state().with_outbox(|outbox, history| {
                    // What another epoch has taken is appended again.
                    if history.epoch.to_string() == known.epoch {
                        outbox.confirm(&batch, &places, &history.epoch);
                    }
                });
                shared.sent.notify_waiters();
            }
            Err(error) => {
                pause.warn("append", &error);
                let wakers = shared.state().with_outbox(|outbox, history| {
                    outbox.horizon.want();
                    outbox.wrote(false, history)
                });
                wake(wakers);
                drop(shared);
                pause.wait().await;
            }
        }
    }
}

fn complete(places: Vec<u64>, count: usize) -> Result<Vec<u64>, BackplaneError> {
    let whole = places.len() == count;
    whole
        .then_some(places)
        .ok_or_else(|| "not every record got a place".into())
}

async fn read(shared: Weak<Shared>, backplane: Arc<impl Backplane>) {
    let mut pause = Pause::default();
    let mut look = Look::default();
    loop {
        let after = match shared.upgrade() {
            Some(shared) => shared.state().history.last(),
            None => return,
        };
        let result = read_once(&shared, &*backplane, after, &mut look).await;
        match shared.upgrade() {
            Some(shared) => note(&shared, &result, look.last),
            None => return,
        }
        match result {
            Ok(_) => pause = Pause::default(),
            Err(error) => {
                look.at = None;
                pause.warn("read", &error);
                pause.wait().await;
            }
        }
    }
}

/// When the state of the row was looked at, and the last record that stood in it then.
#[derive(Default)]
struct Look {
    at: Option<Instant>,
    last: u64,
}

/// Remembers how a read went; the first that reaches the end of the row, or fails, opens the house.
fn note(shared: &Shared, result: &Result<More, BackplaneError>, end: u64) {
    let mut state = shared.state();
    let well = result.is_ok();
    let mut wakers = state.with_outbox(|outbox, history| outbox.has_read(well, history));
    if !well && state.with_outbox(|outbox, _| outbox.horizon.give_up()) {
        wakers.extend(state.history.wake_all());
    }
    let behind = matches!(result, Ok(More::Perhaps)) && state.history.last() < end;
    let starting = !state.is_ready() && !behind;
    if starting {
        wakers.extend(state.start());
    }
    let last = state.history.last();
    drop(state);
    wake(wakers);
    shared.begin(last);
}

/// Whether there is more to read at once.
enum More {
    Perhaps,
    No,
}

async fn read_once(
    shared: &Weak<Shared>,
    backplane: &impl Backplane,
    mut after: u64,
    look: &mut Look,
) -> Result<More, BackplaneError> {
    let Some(limit) = shared
        .upgrade()
        .map(|shared| shared.config.backplane_timeout.min(FAR) + READ_MORE)
    else {
        return Ok(More::No);
    };
    if look.at.is_none_or(|at| at.elapsed() > LOOK_AFTER) || wants_look(shared) {
        let Some(known) = shared.upgrade().map(|shared| begin_look(&shared)) else {
            return Ok(More::No);
        };
        let row = in_time(limit, backplane.open(&known)).await?;
        *look = Look {
            at: Some(Instant::now()),
            last: row.last,
        };
        let Some(shared) = shared.upgrade() else {
            return Ok(More::No);
        };
        let mut state = shared.state();
        let broken = adopt(&mut state, &row)?;
        if broken.is_some() {
            state.ask_again();
        }
        let is_wanted = state.with_outbox(|outbox, _| outbox.horizon.look(row.last));
        let waiting = is_wanted.then(|| state.history.wake_all());
        after = state.history.last();
        drop(state);
        wake(broken.unwrap_or_default());
        wake(waiting.unwrap_or_default());
        shared.begin(row.last);
    }
    let records = in_time(limit, backplane.read(after)).await?;
    let more = if records.is_empty() {
        More::No
    } else {
        More::Perhaps
    };
    let Some(shared) = shared.upgrade() else {
        return Ok(More::No);
    };
    let mut state = shared.state();
    let other = |(_, record): &(u64, Record)| record.is_of_another(&state.history.epoch);
    if records.iter().any(other) {
        look.at = None;
        return Ok(More::Perhaps);
    }
    let places = records.iter().map(|(place, _)| *place);
    if state.with_outbox(|outbox, _| outbox.horizon.is_skipped(after, places)) {
        return Err("the row has lost a record that was appended".into());
    }
    let mut wakers = Vec::new();
    for (place, record) in records {
        wakers.extend(state.hear(place, &record));
        wakers.extend(state.with_outbox(|outbox, history| outbox.receive(place, record, history)));
    }
    drop(state);
    shared.sent.notify_waiters();
    keeper::attend_to(&shared, wakers);
    Ok(more)
}

fn begin_look(shared: &Shared) -> Known {
    let mut state = shared.state();
    state.with_outbox(|outbox, _| outbox.horizon.begin_look());
    state.known()
}

fn wants_look(shared: &Weak<Shared>) -> bool {
    let wants = |shared: Arc<Shared>| {
        shared
            .state()
            .with_outbox(|outbox, _| outbox.horizon.is_wanted())
    };
    shared.upgrade().is_some_and(wants)
}

/// Follows the row: into a new epoch, or past what it has dropped. Says whom to wake if so.
fn adopt(state: &mut State, row: &Row) -> Result<Option<Vec<Waker>>, BackplaneError> {
    let epoch = Epoch::parse(&row.epoch).ok_or("the epoch is no short ASCII name")?;
    if state.history.epoch != epoch {
        state.with_outbox(|outbox, _| outbox.begin_anew(row.lost));
        return Ok(Some(state.history.restart(epoch, row.lost)));
    }
    if row.last < state.history.last() {
        return Err("the row ends before what was read of it".into());
    }
    if row.lost > state.history.last() {
        state.with_outbox(|outbox, history| outbox.skip(row.lost, history));
        return Ok(Some(state.history.lose(row.lost)));
    }
    Ok(None)
}

async fn in_time<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, BackplaneError>>,
) -> Result<T, BackplaneError> {
    timeout(limit, answer).await?
}

fn wake(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

/// Attempts get rarer, and only the first failure is a warning.
#[derive(Default)]
struct Pause(u32);

impl Pause {
    fn warn(&self, action: &str, error: &BackplaneError) {
        if self.0 == 0 {
            tracing::warn!(%error, action, "backplane out of reach; messages stay on this instance meanwhile");
        }
    }

    async fn wait(&mut self) {
        sleep(Duration::from_millis(50 << self.0.min(6)).min(LONGEST_PAUSE)).await;
        self.0 += 1;
    }
}
