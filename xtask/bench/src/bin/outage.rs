//! A service whose Redis is not there, comes, hangs and is killed: `bench-outage <port> <port of Redis>`.
//!
//! Service, visitors and Redis are started and ended here. 500 requests a second come at their pace, every other one for
//! a page without a session; the rest count the visits of sessions. The one line at the end is what was seen.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use acton_bench::{address, client::Client, p99};
use acton_service::{Config, prelude::*, session::Storage, versioning::VersionedApiBuilder};
use tokio::{task::JoinSet, time};
use tower_sessions::Session;

/// How often Redis hangs, and how often it is killed.
const ROUNDS: usize = 5;
/// How long it is away, and how long it is there afterwards.
const AWAY: Duration = Duration::from_secs(2);
const BACK: Duration = Duration::from_secs(3);

async fn count(session: Session) -> Result<String, Error> {
    let visits = session.get::<u32>("visits").await?.unwrap_or(0) + 1;
    session.insert("visits", visits).await?;
    Ok(visits.to_string())
}

async fn seen(session: Session) -> Result<String, Error> {
    let visits = session.get::<u32>("visits").await?;
    Ok(visits.unwrap_or(0).to_string())
}

async fn serve(redis: u16) -> Result<()> {
    let mut config: Config = Config::default();
    config.service.bind = address();
    config.session.storage = Storage::Redis;
    config.redis.url = format!("redis://127.0.0.1:{redis}");
    let routes = VersionedApiBuilder::new().with_frontend_routes(|router| {
        router
            .route("/", get(|| async { "public" }))
            .route("/count", get(count))
            .route("/seen", get(seen))
    });
    let service = ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes.build_routes());
    service.with_sessions().build().serve().await
}

/// A Redis that writes down what it acknowledges.
struct Redis {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl Redis {
    fn start(port: u16, folder: &Path) -> io::Result<Self> {
        let mut redis = Command::new("redis-server");
        redis.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
        redis.args(["--save", "", "--appendonly", "yes"]);
        redis.args(["--appendfsync", "always"]);
        redis.arg("--dir").arg(folder).stdout(Stdio::null());
        let (process, folder) = (redis.spawn()?, folder.to_owned());
        Ok(Self {
            process,
            port,
            folder,
        })
    }

    fn signal(&self, signal: &str) -> io::Result<()> {
        let id = self.process.id().to_string();
        Command::new("kill").args([signal, &id]).status().map(drop)
    }

    fn kill(&mut self) -> io::Result<()> {
        self.process.kill()?;
        self.process.wait().map(drop)
    }

    fn restart(&mut self) -> io::Result<()> {
        *self = Self::start(self.port, &self.folder)?;
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// One who counts visits, and what the answers said.
#[derive(Default)]
struct Visitor {
    client: Option<Client>,
    asked: u32,
    acknowledged: u32,
}

impl Visitor {
    async fn ask(&mut self, path: &str) -> io::Result<(u16, String)> {
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(Client::connect(address().port()).await?),
        };
        let answer = client.get(path).await;
        if answer.is_err() {
            self.client = None;
        }
        answer.map(|answer| (answer.status, answer.body))
    }
}

type Idle = Arc<Mutex<Vec<Visitor>>>;

/// The status, 0 for none, and how long it took.
async fn visit(idle: Idle, path: &'static str) -> (&'static str, u16, Duration) {
    let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut visitor = known.unwrap_or_default();
    let begun = Instant::now();
    let status = visitor.ask(path).await.map_or(0, |(status, _)| status);
    let took = begun.elapsed();
    if path == "/count" {
        visitor.asked += 1;
        visitor.acknowledged += u32::from(status == 200);
    }
    let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
    idle.push(visitor);
    (path, status, took)
}

type Seen = BTreeMap<(&'static str, u16), Vec<Duration>>;

/// Visits until it is over.
async fn crowd(idle: Idle, is_over: Arc<AtomicBool>) -> Seen {
    let mut clock = time::interval(Duration::from_millis(2));
    let mut visits = JoinSet::new();
    while !is_over.load(Ordering::Relaxed) {
        for path in ["/", "/count"] {
            clock.tick().await;
            visits.spawn(visit(Arc::clone(&idle), path));
        }
    }
    let mut seen = Seen::new();
    for (path, status, took) in visits.join_all().await {
        seen.entry((path, status)).or_default().push(took);
    }
    seen
}

/// How long it takes until this path is answered well.
async fn until_good(path: &str) -> io::Result<Duration> {
    let begun = Instant::now();
    let mut visitor = Visitor::default();
    loop {
        match visitor.ask(path).await {
            Ok((200, _)) => return Ok(begun.elapsed()),
            Ok(_) => {}
            Err(_) => visitor = Visitor::default(),
        }
        if begun.elapsed() > Duration::from_secs(60) {
            return Err(io::Error::other(format!("{path} is never answered well")));
        }
        time::sleep(Duration::from_millis(20)).await;
    }
}

/// The longest time until sessions are back.
async fn faults(redis: &mut Redis) -> io::Result<Duration> {
    let mut longest = Duration::ZERO;
    for _ in 0..ROUNDS {
        time::sleep(BACK).await;
        redis.signal("-STOP")?;
        time::sleep(AWAY).await;
        redis.signal("-CONT")?;
        longest = longest.max(until_good("/count").await?);
        time::sleep(BACK).await;
        redis.kill()?;
        time::sleep(AWAY).await;
        redis.restart()?;
        longest = longest.max(until_good("/count").await?);
    }
    time::sleep(BACK).await;
    Ok(longest)
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = std::env::args().nth(2).and_then(|port| port.parse().ok());
    let port: u16 = port.expect("bench-outage <port> <port of Redis>");
    let begun = Instant::now();
    let service = tokio::spawn(serve(port));
    until_good("/health").await?;
    let up = begun.elapsed();

    let folder = std::env::temp_dir().join(format!("acton-outage-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let mut redis = Redis::start(port, &folder)?;
    let ready = until_good("/ready").await?;

    let (idle, is_over) = (Idle::default(), Arc::new(AtomicBool::new(false)));
    let crowd = tokio::spawn(crowd(Arc::clone(&idle), Arc::clone(&is_over)));
    let back = faults(&mut redis).await;
    is_over.store(true, Ordering::Relaxed);
    let mut seen = crowd.await.map_err(io::Error::other)?;

    let mut lost = 0;
    let visitors = std::mem::take(&mut *idle.lock().unwrap_or_else(PoisonError::into_inner));
    for mut visitor in visitors.into_iter().filter(|visitor| visitor.asked > 0) {
        let (_, visits) = visitor.ask("/seen").await?;
        // A write whose answer was lost may have happened.
        let may_be = visitor.acknowledged..=visitor.asked;
        lost += u32::from(!visits.parse().is_ok_and(|visits| may_be.contains(&visits)));
    }
    drop(redis);
    let _ = std::fs::remove_dir_all(folder);
    service.abort();

    let mut take = |path, status| seen.remove(&(path, status)).unwrap_or_default();
    let (mut free, mut good, mut refused) =
        (take("/", 200), take("/count", 200), take("/count", 503));
    println!(
        "outage up={:.3} ready={:.3} free={} free_p99={:.1} good={} good_p99={:.1} refused={} refused_p99={:.1} \
         back={:.3} lost={lost} other={}",
        up.as_secs_f64(),
        ready.as_secs_f64(),
        free.len(),
        p99(&mut free),
        good.len(),
        p99(&mut good),
        refused.len(),
        p99(&mut refused),
        back?.as_secs_f64(),
        seen.values().map(Vec::len).sum::<usize>(),
    );
    Ok(())
}
