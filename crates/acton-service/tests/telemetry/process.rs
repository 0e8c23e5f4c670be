//! This test program, started again to serve.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, ExitStatus, Stdio},
    thread::{JoinHandle, sleep},
    time::{Duration, Instant},
};

/// Set for the process that serves.
pub(crate) const SERVE: &str = "SERVE_UNTIL_TOLD_TO_STOP";

pub(crate) struct Process {
    child: Child,
    /// Reads on, because a full pipe would stop the process.
    log: Option<JoinHandle<String>>,
    address: String,
}

impl Process {
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "serve_when_asked", "--nocapture"])
            .env(SERVE, "1")
            .env("ACTON_SERVICE__BIND", "127.0.0.1:0")
            .env("RUST_LOG", "info")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut log = String::new();
        let address = loop {
            let begin = log.len();
            let read = output.read_line(&mut log).unwrap();
            assert_ne!(read, 0, "the process ended early: {log}");
            if let Some((_, rest)) = log[begin..].split_once("listening on http://") {
                let is_part =
                    |letter: &char| letter.is_ascii_digit() || matches!(letter, '.' | ':');
                break rest.chars().take_while(is_part).collect();
            }
        };
        let reading = std::thread::spawn(move || {
            output.read_to_string(&mut log).unwrap();
            log
        });
        Self {
            child,
            log: Some(reading),
            address,
        }
    }

    /// The whole answer, as it came.
    pub(crate) fn get(&self, path: &str, headers: &str) -> String {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close");
        let request = format!("{head}\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends SIGTERM and waits: how it ended, and what it had logged.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(&id).status().unwrap().success());
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "it ends");
            sleep(Duration::from_millis(10));
        };
        (status, self.log.take().unwrap().join().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
