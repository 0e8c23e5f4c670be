use std::{
    env, fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tower_sessions_redis_store::fred::{
    interfaces::ClientLike,
    prelude::{Builder, Config, Pool, ReconnectPolicy},
};

#[path = "../../../../tests/servers/port.rs"]
mod port;
#[path = "../../../../tests/servers/redis.rs"]
mod redis;

/// A Redis of this test alone; it ends with the test.
pub(crate) struct RedisServer {
    port: u16,
    folder: PathBuf,
    process: Option<Child>,
    is_durable: bool,
}

impl RedisServer {
    /// `None`, with a line that says why, where the program is not installed; on CI that is a failure.
    pub(crate) fn start() -> Option<Self> {
        let mut server = Self::prepare()?;
        server.restart();
        Some(server)
    }

    /// As [`start`](Self::start), and it finds again what it acknowledged.
    pub(crate) fn durable() -> Option<Self> {
        let mut server = Self::prepare()?;
        server.is_durable = true;
        server.restart();
        Some(server)
    }

    /// As [`start`](Self::start), but nobody listens yet.
    pub(crate) fn prepare() -> Option<Self> {
        let is_there = Command::new("redis-server")
            .arg("--version")
            .output()
            .is_ok();
        if !is_there {
            assert!(env::var_os("CI").is_none(), "redis-server is not installed");
            eprintln!("skipped: install redis-server, e.g. `apt install redis-server`");
            return None;
        }
        let port = port::free_port();
        let folder = env::temp_dir().join(format!("acton-session-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Some(Self {
            port,
            folder,
            process: None,
            is_durable: false,
        })
    }

    /// Starts it, with what it wrote before.
    pub(crate) fn restart(&mut self) {
        let (log, sync) = match self.is_durable {
            true => ("yes", "always"),
            false => ("no", "no"),
        };
        let process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--appendonly", log, "--appendfsync", sync, "--save", ""])
            .arg("--dir")
            .arg(&self.folder)
            .stdout(Stdio::null())
            .spawn();
        let process = self.process.insert(process.unwrap());
        assert!(redis::answers(process, self.port), "the port is taken");
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops answering without closing a connection, or goes on.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// How many keys match.
    pub(crate) fn keys(&self, pattern: &str) -> usize {
        self.eval(&format!("return #redis.call('KEYS', '{pattern}')"))
    }

    /// Puts this text, in MessagePack, in the place of every session.
    pub(crate) fn spoil(&self, text: &str) {
        let length = 0xa0 + text.len();
        assert!(length <= 0xbf, "a short text");
        self.eval(&format!(
            "local keys = redis.call('KEYS', 'acton:session:*') \
             for _, key in ipairs(keys) do redis.call('SET', key, '\\x{length:x}{text}') end return #keys"
        ));
    }

    /// Nothing is kept any more.
    pub(crate) fn lose(&self) {
        self.eval("redis.call('FLUSHALL') return 0");
    }

    fn eval(&self, script: &str) -> usize {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let command = format!("EVAL \"{script}\" 0\r\n");
        socket.write_all(command.as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(socket).read_line(&mut answer).unwrap();
        answer.trim_start_matches(':').trim().parse().unwrap()
    }

    /// A pool as a service makes it: it keeps trying to connect.
    pub(crate) fn pool(&self) -> Pool {
        self.pool_of(2)
    }

    /// With so many connections; one alone keeps commands in their order.
    pub(crate) fn pool_of(&self, connections: usize) -> Pool {
        let config = Config::from_url(&format!("redis://127.0.0.1:{}", self.port)).unwrap();
        let mut builder = Builder::from_config(config);
        builder
            .set_policy(ReconnectPolicy::new_exponential(0, 50, 500, 2))
            .with_config(|config| config.fail_fast = false)
            .with_connection_config(|config| {
                config.connection_timeout = Duration::from_secs(2);
            });
        let pool = builder.build_pool(connections).unwrap();
        pool.connect();
        pool
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if self.process.is_some() {
            // A stopped process would not notice that it was killed before it goes on.
            self.kill();
        }
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Every command of every client.
pub(crate) struct Monitor(TcpStream);

impl Monitor {
    pub(crate) fn of(server: &RedisServer) -> Self {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
        let deadline = Duration::from_secs(5);
        socket.set_read_timeout(Some(deadline)).unwrap();
        socket.write_all(b"MONITOR\r\n").unwrap();
        socket.read_exact(&mut [0; 5]).unwrap();
        Self(socket)
    }

    /// Those about sessions since the last call. What a script does inside Redis is part of the script.
    pub(crate) fn commands(&mut self) -> Vec<String> {
        // When the mark has come, so has everything before it.
        let mark = "end-of-the-commands";
        let mut marker = TcpStream::connect(self.0.peer_addr().unwrap()).unwrap();
        marker
            .write_all(format!("ECHO {mark}\r\n").as_bytes())
            .unwrap();
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !text.contains(mark) {
            let length = self.0.read(&mut buffer).unwrap();
            text.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        let ours = text
            .lines()
            .filter(|line| line.contains("acton:") && !line.contains(" lua]"));
        ours.map(str::to_owned).collect()
    }
}
