//! People at the login form: `bench-visitors <port> storm <attempts> <connections>`, or `… timing <rounds>`.
//!
//! Prints a line for each who: the name, and what was seen as `name=number`, times in milliseconds.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use acton_bench::client::Client;

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| -> usize {
        let argument: Option<&String> = arguments.get(index);
        argument
            .and_then(|number| number.parse().ok())
            .expect("a number")
    };
    let port = acton_bench::address().port();
    match arguments.get(1).map(String::as_str) {
        Some("storm") => storm(port, number(2), number(3)).await,
        Some("timing") => timing(port, number(2)).await,
        _ => panic!("storm or timing"),
    }
}

/// Every attempt names another account and comes from another address, so that the throttle lets it through to the
/// queue; meanwhile two visitors look at pages, a hundred times a second each.
async fn storm(port: u16, attempts: usize, connections: usize) -> io::Result<()> {
    let calm = watch(
        port,
        Arc::new(AtomicBool::new(false)),
        Duration::from_secs(3),
    )
    .await?;
    print_latency("calm", calm);
    let is_over = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn(watch(port, Arc::clone(&is_over), Duration::MAX));
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let guessers = (0..connections).map(|_| tokio::spawn(guess(port, Arc::clone(&next), attempts)));
    let guessers: Vec<_> = guessers.collect();
    let mut answers: BTreeMap<u16, Vec<Duration>> = BTreeMap::new();
    for guesser in guessers {
        for (status, latency) in guesser.await.expect("a guesser does not panic")? {
            answers.entry(status).or_default().push(latency);
        }
    }
    let took = begun.elapsed();
    is_over.store(true, Ordering::Relaxed);
    print_latency("storm", watching.await.expect("a watcher does not panic")?);
    for (status, latencies) in answers {
        print_latency(&status.to_string(), latencies);
    }
    println!("all seconds={:.1}", took.as_secs_f64());
    Ok(())
}

async fn guess(
    port: u16,
    next: Arc<AtomicUsize>,
    attempts: usize,
) -> io::Result<Vec<(u16, Duration)>> {
    let mut client = Client::connect(port).await?;
    let token = client.get("/token").await?.body;
    let mut answers = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= attempts {
            return Ok(answers);
        }
        let [_, a, b, c] = u32::try_from(number).unwrap_or(0).to_be_bytes();
        let headers = format!("X-CSRF-Token: {token}\r\nX-Forwarded-For: 10.{a}.{b}.{c}\r\n");
        let form = format!("username=user-{number}&password=wrong-{number}");
        let begun = Instant::now();
        let answer = client.post("/login", &headers, &form).await?;
        answers.push((answer.status, begun.elapsed()));
    }
}

/// A page without a session, and one that reads it.
async fn watch(port: u16, is_over: Arc<AtomicBool>, most: Duration) -> io::Result<Vec<Duration>> {
    let mut client = Client::connect(port).await?;
    client.get("/token").await?;
    let mut latencies = Vec::new();
    let start = Instant::now();
    while !is_over.load(Ordering::Relaxed) && start.elapsed() < most {
        for path in ["/ping", "/me"] {
            let begun = Instant::now();
            client.get(path).await?;
            latencies.push(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(latencies)
}

fn print_latency(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort_unstable();
    let at = |share: f64| quantile(&latencies, share).as_secs_f64() * 1e3;
    println!(
        "{what} median={:.1} p99={:.1} longest={:.1} count={}",
        at(0.5),
        at(0.99),
        at(1.0),
        latencies.len()
    );
}

fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list of some thousands"
    )]
    let place = (last as f64 * share).round() as usize;
    sorted.get(place).copied().unwrap_or_default()
}

/// Whether the time of an answer tells which names exist.
async fn timing(port: u16, rounds: usize) -> io::Result<()> {
    let mut client = Client::connect(port).await?;
    let token = client.get("/token").await?.body;
    let names = ["known", "unknown", "disabled"];
    let mut times = [(); 3].map(|()| Vec::new());
    // The first one also makes the hash that nobody has.
    for round in 0..=rounds {
        for turn in 0..names.len() {
            // Each comes first, second and third equally often.
            let who = (round + turn) % names.len();
            let headers = format!("X-CSRF-Token: {token}\r\n");
            let form = format!("username={}&password=wrong-{round}", names[who]);
            let begun = Instant::now();
            let answer = client.post("/login", &headers, &form).await?;
            let took = begun.elapsed();
            assert_eq!(answer.status, 422, "{}", answer.body);
            if round > 0 {
                times[who].push(took);
            }
        }
    }
    let known = times[0].clone();
    for (name, times) in names.iter().zip(&mut times) {
        let area = area_under_curve(&known, times);
        times.sort_unstable();
        let median = quantile(times, 0.5).as_secs_f64() * 1e3;
        println!(
            "{name} median={median:.3} area={area:.3} count={}",
            times.len()
        );
    }
    Ok(())
}

/// How likely one of `those` took longer than one of `these`; one half when nothing can be told.
///
/// <https://en.wikipedia.org/wiki/Mann%E2%80%93Whitney_U_test>
#[expect(clippy::cast_precision_loss, reason = "counts of some millions")]
fn area_under_curve(these: &[Duration], those: &[Duration]) -> f64 {
    let mut wins = 0.0;
    for one in these {
        let longer = those.iter().filter(|other| *other > one).count();
        let same = those.iter().filter(|other| *other == one).count();
        wins += longer as f64 + same as f64 / 2.0;
    }
    wins / (these.len() * those.len()) as f64
}
