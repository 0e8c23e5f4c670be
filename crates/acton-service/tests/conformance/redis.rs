//! A Redis of the test's own, on a free port, ended with the test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::fixture::free_address;

#[path = "../../../../tests/servers/redis.rs"]
mod server;

pub(crate) struct Redis {
    process: Child,
    address: SocketAddr,
    /// Where it puts its copies.
    folder: PathBuf,
}

impl Redis {
    /// Starts a server, or says in one line why the test is skipped.
    ///
    /// With `CI=true` a missing program is a failure.
    pub(crate) fn start() -> Option<Self> {
        let address = free_address();
        match Self::spawn(address) {
            Ok(mut process) => match server::answers(&mut process, address.port()) {
                true => Some(Self {
                    process,
                    address,
                    folder: folder(address),
                }),
                false => Self::start(),
            },
            Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
                panic!("redis-server: {error}")
            }
            Err(_) => {
                eprintln!(
                    "skipped: redis-server is missing; install it with `apt-get install redis-server`"
                );
                None
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Ends the server as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("the server is ours");
        self.process.wait().expect("the server is ours");
    }

    /// Stops or continues it with a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Starts it again on the same port, with the copy that was last [saved](Self::save), else empty.
    pub(crate) fn start_again(&mut self) {
        self.process = Self::spawn(self.address).expect("it started before");
        let answers = server::answers(&mut self.process, self.address.port());
        assert!(answers, "the port is taken");
    }

    /// Saves a copy of what it holds now.
    pub(crate) fn save(&self) {
        let mut socket = TcpStream::connect(self.address).expect("the server listens");
        socket.write_all(b"SAVE\r\n").expect("the server reads");
        let mut answer = [0; 5];
        socket.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"+OK\r\n");
    }

    /// Every command of every client from now on, one line each.
    pub(crate) fn monitor(&self) -> Monitor {
        let mut socket = TcpStream::connect(self.address).expect("the server listens");
        socket.write_all(b"MONITOR\r\n").expect("the server reads");
        socket
            .set_read_timeout(Some(Duration::from_millis(300)))
            .expect("a timeout above zero");
        let mut ok = [0; 5];
        socket.read_exact(&mut ok).expect("+OK");
        Monitor { socket }
    }

    fn spawn(address: SocketAddr) -> std::io::Result<Child> {
        let folder = folder(address);
        std::fs::create_dir_all(&folder)?;
        Command::new("redis-server")
            .args([
                "--port",
                &address.port().to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .arg("--dir")
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn folder(address: SocketAddr) -> PathBuf {
    std::env::temp_dir().join(format!("conformance-redis-{}", address.port()))
}

/// What `MONITOR` shows.
pub(crate) struct Monitor {
    socket: TcpStream,
}

impl Monitor {
    /// The commands about sessions since the last call: all but the client's own housekeeping.
    pub(crate) fn commands(&mut self) -> Vec<String> {
        let mut text = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count) = self.socket.read(&mut buffer) {
            text.extend_from_slice(&buffer[..count]);
            if count == 0 {
                break;
            }
        }
        let text = String::from_utf8_lossy(&text).to_lowercase();
        let housekeeping = [
            "\"ping\"",
            "\"client\"",
            "\"hello\"",
            "\"info\"",
            "\"command\"",
            "lua]",
        ];
        let lines = text
            .lines()
            .filter(|line| !housekeeping.iter().any(|word| line.contains(word)));
        lines.map(ToOwned::to_owned).collect()
    }
}
