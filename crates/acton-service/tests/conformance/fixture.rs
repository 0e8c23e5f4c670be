//! Starts an example as a process on a free port, and ends it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::browser::Browser;

#[path = "../../../../tests/servers/port.rs"]
mod port;

use port::free_port;

/// A running example.
pub(crate) struct Fixture {
    command: Command,
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Fixture {
    /// Starts with the embedded defaults.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts with further environment variables.
    pub(crate) fn with(environment: &[(&str, &str)]) -> Self {
        Self::of("conformance", environment)
    }

    /// As [`Fixture::with`]; what the process writes goes to this file.
    pub(crate) fn writing_to(file: &Path, environment: &[(&str, &str)]) -> Self {
        let file = File::create(file).expect("a file for the log");
        let errors = file.try_clone().expect("a file for the log");
        Self::spawn("conformance", environment, file.into(), errors.into())
    }

    /// Starts any example with further environment variables.
    pub(crate) fn of(example: &str, environment: &[(&str, &str)]) -> Self {
        Self::spawn(example, environment, Stdio::inherit(), Stdio::inherit())
    }

    fn spawn(example: &str, environment: &[(&str, &str)], output: Stdio, errors: Stdio) -> Self {
        let address = free_address();
        let mut command = Command::new(program(example));
        command
            .env_clear()
            .env("ACTON_SERVICE__BIND", address.to_string())
            .env("ACTON_SERVICE__PUBLIC_ORIGIN", format!("http://{address}"))
            .env("RUST_LOG", "warn")
            .envs(environment.iter().copied())
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let process = command.spawn().expect("the fixture starts");
        let mut fixture = Self {
            command,
            process,
            address,
        };
        fixture.wait_until_listening();
        fixture
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.origin())
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill runs");
        assert!(sent.success(), "SIGTERM reaches the fixture");
    }

    /// Ends the process as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("the process is ours");
        self.process.wait().expect("the process is ours");
    }

    /// Starts the process again, at the same address, after its end.
    pub(crate) fn start_again(&mut self) {
        self.process = self.command.spawn().expect("it started before");
        self.wait_until_listening();
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Some(status) = self.process.try_wait().expect("the process can be asked") {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    fn wait_until_listening(&mut self) {
        let start = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.process.try_wait().expect("the process can be asked") {
                panic!("the fixture ended at start: {status}");
            }
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "the fixture listens within 20 s"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that nobody has.
pub(crate) fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}

/// Cargo puts examples beside the folder of the test binaries; one test target alone does not build them.
pub(crate) fn program(example: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("this test has a path");
    let profile = tests
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps/<test>");
    let program = profile.join("examples").join(example);
    assert!(
        program.exists(),
        "the example is not built: cargo build -p acton-service --example {example} --all-features"
    );
    program
}
