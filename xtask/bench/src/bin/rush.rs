//! More people than there is room for: `bench-rush <port> <path> <requests per second> <seconds>`.
//!
//! They come at their pace, whether others were answered or not. Another one asks for `/health` meanwhile. The one line
//! at the end is what they saw.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use acton_bench::{address, client::Client, p99};
use tokio::{task::JoinSet, time};

/// Connections that nobody uses at the moment.
type Idle = Arc<Mutex<Vec<Client>>>;

fn number(at: usize) -> u64 {
    let argument = std::env::args().nth(at);
    argument
        .and_then(|text| text.parse().ok())
        .expect("bench-rush <port> <path> <requests per second> <seconds>")
}

/// The status, 0 for none, and how long it took.
async fn ask(idle: Idle, path: &str) -> (u16, Duration) {
    let client = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let begun = Instant::now();
    let answer = async {
        let mut client = match client {
            Some(client) => client,
            None => Client::connect(address().port()).await?,
        };
        let answer = client.get(path).await?;
        idle.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(client);
        std::io::Result::Ok(answer.status)
    };
    (answer.await.unwrap_or(0), begun.elapsed())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let path: &'static str = std::env::args().nth(2).expect("a path").leak();
    let (rate, seconds) = (number(3), number(4));
    let idle = Idle::default();
    let probes = tokio::spawn(async move {
        let probe = Idle::default();
        let mut clock = time::interval(Duration::from_millis(50));
        let mut probes = Vec::new();
        for _ in 0..seconds * 20 {
            clock.tick().await;
            probes.push(ask(Arc::clone(&probe), "/health").await);
        }
        probes
    });
    let mut clock = time::interval(Duration::from_secs(1) / rate.try_into().unwrap_or(u32::MAX));
    let mut asked = JoinSet::new();
    let begun = Instant::now();
    for _ in 0..rate * seconds {
        clock.tick().await;
        asked.spawn(ask(Arc::clone(&idle), path));
    }
    let mut answers: BTreeMap<u16, Vec<Duration>> = BTreeMap::new();
    for (status, took) in asked.join_all().await {
        answers.entry(status).or_default().push(took);
    }
    let took = begun.elapsed().as_secs_f64();
    let mut take = |status| answers.remove(&status).unwrap_or_default();
    let (mut good, mut refused) = (take(200), take(503));
    let probes = probes.await.unwrap_or_default();
    let failed_probes = probes.iter().filter(|(status, _)| *status != 200).count();
    let mut probe_times: Vec<_> = probes.into_iter().map(|(_, took)| took).collect();
    println!(
        "rush good={} good_rate={:.1} good_p99={:.1} refused={} refused_p99={:.1} other={} health_failed={} health_p99={:.1}",
        good.len(),
        good.len() as f64 / took,
        p99(&mut good),
        refused.len(),
        p99(&mut refused),
        answers.values().map(Vec::len).sum::<usize>(),
        failed_probes,
        p99(&mut probe_times),
    );
}
