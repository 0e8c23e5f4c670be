//! Many browsers in one process: `bench-sse-load <port> <readers> <messages> <stalled> <seconds>`.
//!
//! So many readers follow the stream up to so many messages, and those that stall take nothing for the first
//! seconds after it begins; what comes later is not timed. Without messages all stay for the seconds. `ready` on its
//! own line says that all are connected; the last lines are what they saw.

use std::{process::ExitCode, time::Duration};

use acton_bench::{
    address,
    reader::{Reader, Seen, follow},
};
use tokio::{task::JoinSet, time};

/// How many connect at once.
const AT_ONCE: usize = 100;

fn argument(at: usize) -> u64 {
    let argument = std::env::args().nth(at);
    argument
        .and_then(|text| text.parse().ok())
        .expect("bench-sse-load <port> <readers> <messages> <stalled> <seconds>")
}

async fn connect(count: usize, small_window: bool) -> std::io::Result<Vec<Reader>> {
    let mut readers = Vec::with_capacity(count);
    while readers.len() < count {
        let seen = Seen::default();
        let some = (count - readers.len()).min(AT_ONCE);
        let opened = (0..some).map(|_| Reader::open(address(), &seen, small_window));
        readers.extend(futures_util::future::try_join_all(opened).await?);
    }
    Ok(readers)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let [readers, messages, stalled, seconds] = [2, 3, 4, 5].map(argument);
    let pause = Duration::from_secs(seconds);
    let healthy = connect(readers as usize, false).await;
    let slow = connect(stalled as usize, true).await;
    let (Ok(healthy), Ok(slow)) = (healthy, slow) else {
        eprintln!("not every reader could connect");
        return ExitCode::FAILURE;
    };
    println!("ready");
    let mut tasks = JoinSet::new();
    let mut late = JoinSet::new();
    for mut reader in healthy {
        tasks.spawn(async move {
            let mut seen = Seen::timed_for(pause);
            match messages {
                0 => drop(time::timeout(pause, reader.read(&mut seen, 1)).await),
                _ => seen = follow(address(), reader, seen, messages).await,
            }
            seen
        });
    }
    for reader in slow {
        late.spawn(async move {
            time::sleep(pause).await;
            follow(address(), reader, Seen::default(), messages).await
        });
    }
    println!("healthy {}", line(&tasks.join_all().await));
    println!("stalled {}", line(&late.join_all().await));
    ExitCode::SUCCESS
}

/// Sums, and latencies in milliseconds.
fn line(seen: &[Seen]) -> String {
    let sum = |of: fn(&Seen) -> u64| seen.iter().map(of).sum::<u64>();
    let all = seen.iter().flat_map(|seen| &seen.latencies);
    let mut latencies: Vec<u32> = all.copied().collect();
    latencies.sort_unstable();
    let part = |share: f64| {
        let last = latencies.len().saturating_sub(1) as f64;
        let micros = latencies.get((last * share) as usize);
        micros.map_or(0.0, |micros| f64::from(*micros) / 1e3)
    };
    format!(
        "messages={} silent_losses={} disorder={} gaps={} comments={} ends={} p50={:.2} p99={:.2} max={:.2}",
        sum(|seen| seen.messages),
        sum(|seen| seen.silent_losses),
        sum(|seen| seen.disorder),
        sum(|seen| seen.gaps),
        sum(|seen| seen.comments),
        sum(|seen| seen.ends),
        part(0.5),
        part(0.99),
        part(1.0),
    )
}
