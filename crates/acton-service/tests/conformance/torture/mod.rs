//! Numbered events while everything around them fails.
//!
//! Listeners come and go at random, and some stall, and both nodes are published through at once, while one is killed
//! and started again, Redis stops for a while, Redis is killed and comes back with an older copy, and a node is told
//! to stop that holds messages which Redis does not take. `ACTON_TORTURE=full` runs the long form.

mod listener;
mod publisher;
mod verdict;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::listener::Listener;
use self::publisher::{Progress, Publisher};
use self::verdict::Verdict;
use crate::fixture::Fixture;
use crate::redis::Redis;
use crate::security_redis::wait_for_ready_within;

/// How much of it.
struct Form {
    events: usize,
    listeners: u64,
    /// Messages that a node keeps; who stays away for long has a real loss.
    history: usize,
    /// How long a listener may take to see the end, once everything is published.
    limit: Duration,
}

impl Form {
    fn asked_for() -> Self {
        if std::env::var_os("ACTON_TORTURE").is_some_and(|form| form == "full") {
            return Self {
                events: 10_000,
                listeners: 200,
                history: 250,
                limit: Duration::from_secs(180),
            };
        }
        Self {
            events: 1800,
            listeners: 25,
            history: 60,
            limit: Duration::from_secs(90),
        }
    }
}

fn node(redis: &Redis, history: usize) -> Fixture {
    Fixture::with(&[
        ("ACTON_SSE__BACKPLANE", "redis"),
        ("ACTON_SSE__HISTORY", &history.to_string()),
        ("ACTON_SSE__QUEUE", "20"),
        ("ACTON_SSE__MAX_CONNECTIONS", "400"),
        ("ACTON_REDIS__URL", &redis.url()),
        // Redis that stops is no surprise here.
        ("RUST_LOG", "off"),
    ])
}

/// How many publish at once, each through a node of its own until that fails.
const PUBLISHERS: usize = 2;

/// How often the row loses records: every listener is told of that once, also one that had seen everything.
const ROW_LOSSES: usize = 1;

/// How long a node may take to be ready, on a machine that is busy too.
const READY: Duration = Duration::from_secs(20);

/// So long after everything is published.
async fn late(mut published: watch::Receiver<bool>, limit: Duration) {
    if published
        .wait_for(|is_published| *is_published)
        .await
        .is_ok()
    {
        sleep(limit).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_listener_ends_with_every_number_once_and_in_order_or_one_gap_per_loss() {
    let Some(mut redis) = Redis::start() else {
        return;
    };
    let form = Form::asked_for();
    let mut nodes = [(); 2].map(|()| node(&redis, form.history));
    let addresses: Arc<[SocketAddr]> = nodes.iter().map(|node| node.address).collect();
    for node in &nodes {
        wait_for_ready_within(READY, node, 200).await;
    }
    let between = Arc::new(AtomicBool::new(false));
    let (all_published, published) = watch::channel(false);
    let mut listeners = JoinSet::new();
    for seed in 0..form.listeners {
        let mut listener = Listener::open(&addresses, &between, seed).await;
        let too_late = late(published.clone(), form.limit);
        listeners.spawn(async move {
            let is_finished = tokio::select! {
                () = listener.listen() => true,
                () = too_late => false,
            };
            (seed, is_finished, listener.seen)
        });
    }
    let progress = Arc::new(Progress::default());
    let voices = Arc::default();
    let each = form.events / PUBLISHERS;
    let publishers: [_; PUBLISHERS] = std::array::from_fn(|name| {
        tokio::spawn(Publisher::new(&addresses, name, &progress, &voices).publish(each))
    });
    let part = |number: usize| form.events * number / 6;
    let half = part(1) / 2;

    progress.allow(part(1) + half);
    progress.reach(part(1)).await;
    nodes[0].kill();
    progress.reach(part(1) + half).await;
    nodes[0].start_again();
    wait_for_ready_within(READY, &nodes[0], 200).await;

    progress.allow(part(2));
    progress.reach(part(2)).await;
    redis.save();
    redis.signal("-STOP");
    progress.allow(part(2) + half);
    sleep(Duration::from_millis(2500)).await;
    redis.signal("-CONT");

    progress.allow(part(3));
    progress.reach(part(3)).await;
    between.store(true, Ordering::Relaxed);
    redis.kill();
    progress.allow(part(3) + half);
    sleep(Duration::from_millis(500)).await;
    redis.start_again();
    for node in &nodes {
        wait_for_ready_within(READY, node, 200).await;
    }
    between.store(false, Ordering::Relaxed);

    progress.allow(part(4));
    progress.reach(part(4)).await;
    redis.signal("-STOP");
    // More than fit into one append, and the node answers at once when it knows that it is alone.
    progress.allow(part(4) + 200);
    progress.reach(part(4) + 200).await;
    nodes[1].terminate();
    sleep(Duration::from_secs(2)).await;
    redis.signal("-CONT");
    progress.allow(form.events);
    let status = nodes[1].wait(Duration::from_secs(30));
    assert!(
        status.is_some_and(|status| status.success()),
        "the node that was told to stop: {status:?}"
    );
    nodes[1].start_again();

    let mut fates = HashMap::new();
    let mut acknowledged = 0;
    let mut finished = Vec::new();
    for publisher in publishers {
        finished.push(publisher.await.unwrap());
    }
    for mut publisher in finished {
        let end = timeout(form.limit, publisher.finish()).await;
        end.expect("a node takes the last number");
        acknowledged += publisher.acknowledged;
        fates.extend(publisher.fates);
    }
    all_published.send_replace(true);
    let mut verdict = Verdict::default();
    while let Some(listener) = listeners.join_next().await {
        let (seed, is_finished, seen) = listener.unwrap();
        verdict.judge(seed, is_finished, &seen, &fates, ROW_LOSSES);
    }
    eprintln!("{verdict:?}");
    assert!(verdict.faults.is_empty(), "{:#?}", verdict.faults);
    assert!(verdict.losses > 0, "nobody lost anything: {verdict:?}");
    // While Redis is away a node says at once that it takes time, so many are published then.
    assert!(
        acknowledged > form.events / 4,
        "{acknowledged}, {verdict:?}"
    );
}
