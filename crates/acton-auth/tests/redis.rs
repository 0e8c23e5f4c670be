//! Failed logins counted in a Redis of the test's own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use acton_auth::{Error, FailureStore, RedisFailures, Rule, Throttle, ThrottleConfig};
use fred::{
    interfaces::{ClientLike, KeysInterface},
    prelude::{Builder, Config, Pool, ReconnectPolicy},
};

#[path = "../../../tests/servers/port.rs"]
mod port;
#[path = "../../../tests/servers/redis.rs"]
mod redis;

use port::free_port;

const HERE: [u8; 4] = [192, 0, 2, 1];

struct RedisServer {
    port: u16,
    process: Child,
}

impl RedisServer {
    /// `None`, with a line that says why, where the program is not installed; on CI that is a failure.
    fn start() -> Option<Self> {
        loop {
            let port = free_port();
            let process = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "no"])
                .stdout(Stdio::null())
                .spawn();
            let Ok(mut process) = process else {
                assert!(env::var_os("CI").is_none(), "redis-server is not installed");
                eprintln!("skipped: install redis-server, e.g. `apt install redis-server`");
                return None;
            };
            if redis::answers(&mut process, port) {
                return Some(Self { port, process });
            }
        }
    }

    async fn pool(&self) -> Pool {
        let config = Config::from_url(&format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut builder = Builder::from_config(config);
        builder
            .set_policy(ReconnectPolicy::new_exponential(0, 50, 500, 2))
            .with_config(|config| config.fail_fast = false);
        let pool = builder.build_pool(2).unwrap();
        pool.connect();
        pool.wait_for_connect().await.unwrap();
        pool
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

async fn throttle(server: &RedisServer, config: &ThrottleConfig) -> Throttle {
    Throttle::with_store(config, RedisFailures::new(server.pool().await))
}

async fn fail(throttle: &Throttle, account: &str, times: u32) {
    for _ in 0..times {
        drop(throttle.attempt(account, HERE).await);
    }
}

async fn wait_for(throttle: &Throttle, account: &str) -> Option<Duration> {
    match throttle.attempt(account, HERE).await {
        Err(Error::Throttled { retry_after }) => Some(retry_after),
        _ => None,
    }
}

fn about(wait: Option<Duration>, seconds: u64) -> bool {
    let (least, most) = (
        Duration::from_secs(seconds - 5),
        Duration::from_secs(seconds),
    );
    wait.is_some_and(|wait| wait > least && wait <= most)
}

#[tokio::test]
async fn instances_count_together() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let config = ThrottleConfig::default();
    let (one, other) = (
        throttle(&server, &config).await,
        throttle(&server, &config).await,
    );
    fail(&one, "alice", 5).await;
    fail(&other, "alice", 5).await;
    for instance in [&one, &other] {
        let wait = wait_for(instance, " ALICE ").await;
        assert!(about(wait, 15 * 60), "{wait:?}");
        assert_eq!(wait_for(instance, "bob").await, None);
    }
}

#[tokio::test]
async fn a_success_clears_the_account_and_what_was_not_tried_costs_nothing() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let throttle = throttle(&server, &ThrottleConfig::default()).await;
    fail(&throttle, "alice", 9).await;
    throttle
        .attempt("alice", HERE)
        .await
        .unwrap()
        .succeeded()
        .await;
    fail(&throttle, "alice", 9).await;
    let attempt = throttle.attempt("alice", HERE).await.unwrap();
    assert!(wait_for(&throttle, "alice").await.is_some());
    attempt.not_tried().await;
    assert_eq!(wait_for(&throttle, "alice").await, None);
    assert!(about(wait_for(&throttle, "alice").await, 15 * 60));
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_is_refused() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let throttle = throttle(&server, &ThrottleConfig::default()).await;
    for number in 0..10 {
        fail(&throttle, &format!("user-{number}"), 1).await;
    }
    let wait = wait_for(&throttle, "alice").await;
    assert!(about(wait, 2 * 60), "{wait:?}");
    assert!(throttle.attempt("alice", [192, 0, 2, 2]).await.is_ok());
}

#[tokio::test]
async fn every_block_lasts_twice_as_long_as_the_one_before() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let failures = RedisFailures::new(server.pool().await);
    let rule = Rule {
        limit: 2,
        window: Duration::from_millis(60),
        longest_block: Some(Duration::from_millis(200)),
    };
    let mut blocks = Vec::new();
    for _ in 0..4 {
        failures.charge("key", rule).await.unwrap();
        failures.charge("key", rule).await.unwrap();
        let refused = failures.charge("key", rule).await.unwrap_err();
        blocks.push(refused.retry_after.as_millis());
        tokio::time::sleep(refused.retry_after).await;
    }
    for (block, full) in blocks.iter().zip([60, 120, 200, 200]) {
        assert!((full / 2..=full).contains(block), "{blocks:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_the_same_time_are_counted_each() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let throttle = throttle(&server, &ThrottleConfig::default()).await;
    let guesses = (0..50).map(|_| {
        let throttle = throttle.clone();
        tokio::spawn(async move { throttle.attempt("alice", HERE).await.is_ok() })
    });
    let mut begun = 0;
    for guess in guesses.collect::<Vec<_>>() {
        begun += usize::from(guess.await.unwrap());
    }
    assert_eq!(begun, 10);
}

#[tokio::test]
async fn redis_holds_neither_names_nor_anything_for_ever() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let pool = server.pool().await;
    let config = ThrottleConfig::default();
    let throttle = Throttle::with_store(&config, RedisFailures::new(pool.clone()));
    fail(&throttle, "hunter2", 3).await;
    let (_, keys): (String, Vec<String>) = pool
        .next()
        .scan_page("0", "*", Some(100), None)
        .await
        .unwrap();
    assert_eq!(keys.len(), 3, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("acton:throttle:") && !key.contains("hunter2"));
        let left: i64 = pool.pttl(&key).await.unwrap();
        assert!(left > 0 && left <= 3 * 60 * 60 * 1_000, "{left}");
    }
}

/// Nobody is locked out, nobody guesses freely, and nobody waits long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_does_not_answer_each_instance_counts_for_itself() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let throttle = throttle(&server, &ThrottleConfig::default()).await;
    server.signal("-STOP");
    let start = Instant::now();
    assert!(throttle.attempt("alice", HERE).await.is_ok());
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    fail(&throttle, "alice", 9).await;
    assert!(about(wait_for(&throttle, "alice").await, 15 * 60));
    server.signal("-CONT");
    let start = Instant::now();
    while throttle.attempt("alice", HERE).await.is_err() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "Redis is asked again"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
