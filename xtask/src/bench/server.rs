//! A measured program while it runs: its port, its CPU time, its memory.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{programs, workspace};

/// Clock ticks per second in `/proc/<pid>/stat`; Linux has it fixed for programs.
///
/// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
const TICKS: f64 = 100.0;

/// How long a program may take to answer `/health`.
const START: Duration = Duration::from_secs(20);

/// A running program; it ends with this value.
pub(super) struct Server {
    child: Child,
    log: PathBuf,
    /// Where it listens on 127.0.0.1.
    pub(super) port: u16,
    /// From the start of the process to its first answer.
    pub(super) startup: Duration,
}

impl Server {
    /// Starts a program of `xtask/bench` with a free port as its first argument.
    pub(super) fn start(
        program: &str,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Self, String> {
        let port = free_port()?;
        let mut command = Command::new(workspace::target().join("release").join(program));
        command.arg(port.to_string()).args(arguments);
        command.env_remove("RUST_LOG");
        command.envs(environment.iter().copied());
        Self::run(command, port)
    }

    /// Starts a command that will listen on `port`, and waits for its `/health`.
    ///
    /// What it writes goes into a file, as the log of a service does, and the file with the process.
    pub(super) fn run(mut command: Command, port: u16) -> Result<Self, String> {
        let line = programs::line(&command);
        let log = workspace::target().join(format!("bench-{port}.log"));
        let output = File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let begun = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .spawn()
            .map_err(|error| format!("`{line}` could not start: {error}"))?;
        let startup = Duration::ZERO;
        let mut server = Self {
            child,
            log,
            port,
            startup,
        };
        while server.get("/health", "").is_err() {
            let ended = server.child.try_wait().map_err(|error| error.to_string())?;
            if let Some(status) = ended {
                return Err(format!("`{line}` ended at once ({status})"));
            }
            if begun.elapsed() > START {
                return Err(format!("`{line}` does not answer /health"));
            }
            sleep(Duration::from_micros(200));
        }
        server.startup = begun.elapsed();
        Ok(server)
    }

    /// Sends SIGTERM and says how long the end took.
    ///
    /// # Errors
    ///
    /// It did not end within the limit, or not with code 0.
    pub(super) fn terminate(&mut self, limit: Duration) -> Result<Duration, String> {
        let id = self.child.id().to_string();
        programs::run(Command::new("kill").args(["-TERM", &id]))?;
        let begun = Instant::now();
        loop {
            match self.child.try_wait().map_err(|error| error.to_string())? {
                Some(status) if status.success() => return Ok(begun.elapsed()),
                Some(status) => return Err(format!("a node ended with {status}")),
                None if begun.elapsed() > limit => return Err("a node does not end".into()),
                None => sleep(Duration::from_millis(10)),
            }
        }
    }

    /// The URL of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// One answer as it came over the wire, to a request with more header lines if `headers` has some.
    ///
    /// # Errors
    ///
    /// No answer, or another one than 200.
    pub(super) fn get(&self, path: &str, headers: &str) -> Result<String, String> {
        let answer = self
            .exchange(path, headers)
            .map_err(|error| error.to_string())?;
        if answer.starts_with("HTTP/1.1 200 ") {
            return Ok(answer);
        }
        let status = answer.lines().next().unwrap_or("nothing");
        Err(format!("{path} answers {status}"))
    }

    fn exchange(&self, path: &str, headers: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(START))?;
        let port = self.port;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The CPU time of all its threads so far, in seconds.
    pub(super) fn cpu(&self) -> Result<f64, String> {
        let text = self.proc("stat")?;
        cpu_ticks(&text)
            .map(|ticks| ticks / TICKS)
            .ok_or_else(|| format!("no CPU time in `{text}`"))
    }

    /// What it holds in memory, in MB.
    pub(super) fn rss(&self) -> Result<f64, String> {
        self.memory("VmRSS:")
    }

    /// The most that it has held in memory, in MB.
    pub(super) fn peak_rss(&self) -> Result<f64, String> {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> Result<f64, String> {
        let text = self.proc("status")?;
        kilobytes(&text, name)
            .map(|kilobytes| kilobytes / 1024.0)
            .ok_or_else(|| format!("no {name} in /proc"))
    }

    fn proc(&self, file: &str) -> Result<String, String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.log);
    }
}

/// A port that nobody listens on.
pub(super) fn free_port() -> Result<u16, String> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok(address.port())
}

/// User and system time; the name before them may hold spaces and parentheses.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(str::parse::<f64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

fn kilobytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_stand_behind_the_name() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194304 1 2 3 4 150 50 7 8 20 0 3 0 99";
        assert_eq!(cpu_ticks(stat), Some(200.0));
        assert_eq!(cpu_ticks("42"), None);
    }

    #[test]
    fn memory_is_read_by_name() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(1024.0));
        assert_eq!(kilobytes(status, "VmSwap:"), None);
    }
}
