//! A crowd that stays: `bench-crowd <port> <requests per second> <streams>`.
//!
//! So many requests a second for `/health` and so many open streams, until its standard input ends. `ready` on its own
//! line says that the streams are open; the last line is what was seen.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use acton_bench::{
    address,
    client::Client,
    reader::{Reader, Seen},
};
use tokio::{io::AsyncReadExt, sync::Mutex, time};

/// How many connections the requests are spread over.
const CONNECTIONS: u32 = 30;

#[derive(Default)]
struct Total {
    requests: AtomicU64,
    failed: AtomicU64,
    opened: AtomicU64,
    refused: AtomicU64,
    latencies: Mutex<Vec<Duration>>,
}

fn argument(at: usize) -> u32 {
    let argument = std::env::args().nth(at);
    argument
        .and_then(|text| text.parse().ok())
        .expect("bench-crowd <port> <requests per second> <streams>")
}

fn count(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

/// Asks at its pace, and connects again after a failure.
async fn ask(total: Arc<Total>, every: Duration) {
    let mut clock = time::interval(every);
    let mut client = None;
    loop {
        clock.tick().await;
        let begun = Instant::now();
        let answer = async {
            let mut open = match client.take() {
                Some(open) => open,
                None => Client::connect(address().port()).await?,
            };
            let answer = open.get("/health").await?;
            std::io::Result::Ok((open, answer))
        };
        count(&total.requests);
        match answer.await {
            Ok((open, answer)) if answer.status == 200 => client = Some(open),
            Ok((_, answer)) => {
                count(&total.failed);
                eprintln!("status {}", answer.status);
            }
            Err(error) => {
                count(&total.failed);
                eprintln!("{error}");
            }
        }
        total.latencies.lock().await.push(begun.elapsed());
    }
}

/// Reads a stream, and comes back after its end within a second.
async fn follow(total: Arc<Total>, mut reader: Option<Reader>, pause: Duration) {
    let mut seen = Seen::default();
    loop {
        match reader.take() {
            Some(mut reader) => reader.read(&mut seen, u64::MAX).await,
            None => count(&total.refused),
        }
        time::sleep(pause).await;
        reader = Reader::open(address(), &seen, false).await.ok();
        count(&total.opened);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let [rate, streams] = [2, 3].map(argument);
    let total = Arc::new(Total::default());
    for number in 0..streams {
        let reader = Reader::open(address(), &Seen::default(), false).await;
        let pause = Duration::from_millis(100 + u64::from(number * 37 % 900));
        tokio::spawn(follow(Arc::clone(&total), reader.ok(), pause));
    }
    let every = Duration::from_secs(1) * CONNECTIONS / rate;
    for number in 0..CONNECTIONS {
        let total = Arc::clone(&total);
        tokio::spawn(async move {
            time::sleep(every * number / CONNECTIONS).await;
            ask(total, every).await;
        });
    }
    println!("ready");
    // Its end is the sign to stop, however it comes.
    let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
    let mut latencies = std::mem::take(&mut *total.latencies.lock().await);
    latencies.sort_unstable();
    let last = latencies.len().saturating_sub(1);
    let at = |place: usize| {
        latencies
            .get(place)
            .copied()
            .unwrap_or_default()
            .as_secs_f64()
            * 1e3
    };
    let number = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "crowd requests={} failed={} opened={} refused={} p99={:.2} max={:.2}",
        number(&total.requests),
        number(&total.failed),
        number(&total.opened),
        number(&total.refused),
        at(last * 99 / 100),
        at(last),
    );
}
