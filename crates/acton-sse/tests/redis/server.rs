//! A Redis of the test's own.

use std::process::{Child, Command, Stdio};

use fred::prelude::{Builder, ClientLike, Config, LuaInterface, Pool, ReconnectPolicy};

#[path = "../../../../tests/servers/port.rs"]
mod port;
#[path = "../../../../tests/servers/redis.rs"]
mod redis;

/// A Redis on a free port, without files; it ends with the test.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts a Redis; nothing, and a line on how to get it, when the program is missing.
    pub(crate) fn start() -> Option<Self> {
        loop {
            let port = port::free_port();
            match spawn(port) {
                Ok(mut child) => {
                    if redis::answers(&mut child, port) {
                        return Some(Self { child, port });
                    }
                }
                Err(error) => {
                    assert!(std::env::var_os("CI").is_none(), "redis-server: {error}");
                    eprintln!("skipped: redis-server is missing (apt-get install redis-server)");
                    return None;
                }
            }
        }
    }

    /// A pool of connections to it, as an application has one.
    pub(crate) async fn pool(&self) -> Pool {
        let config = Config::from_url(&format!("redis://127.0.0.1:{}", self.port)).expect("a URL");
        let pool = Builder::from_config(config)
            .set_policy(ReconnectPolicy::new_constant(0, 50))
            .build_pool(2)
            .expect("a pool");
        pool.init().await.expect("a connection");
        pool
    }

    /// Does something to the row in one step.
    pub(crate) async fn run(&self, script: &str) {
        let row = vec!["{acton:sse}:records"];
        let pool = self.pool().await;
        let done: Result<(), _> = pool.eval(script, row, Vec::<String>::new()).await;
        done.expect("a script that runs");
    }

    /// Kills it at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a process");
        self.child.wait().expect("its end");
    }

    /// Starts it again, empty.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.port).expect("a Redis as before");
        assert!(
            redis::answers(&mut self.child, self.port),
            "the port is taken"
        );
    }

    /// Stops or continues it with a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([name, &id]).status();
        assert!(status.expect("kill").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16) -> std::io::Result<Child> {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
