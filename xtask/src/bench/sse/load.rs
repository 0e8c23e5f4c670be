//! Many readers in a process of their own.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use super::with_files;
use crate::bench::report::Report;

/// Who reads, and for how long.
#[derive(Clone, Copy, Default)]
pub(super) struct Readers {
    /// Connections that read what comes.
    pub(super) healthy: u64,
    /// Messages that each waits for; without any it only stays connected.
    pub(super) messages: u64,
    /// Connections that take nothing at first.
    pub(super) stalled: u64,
    /// How long those take nothing, or, without messages, all stay.
    pub(super) seconds: u64,
}

/// Readers that are connected.
pub(super) struct Load {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Load {
    /// Connects them all.
    pub(super) fn start(port: u16, readers: Readers) -> Result<Self, String> {
        let numbers = [
            port.into(),
            readers.healthy,
            readers.messages,
            readers.stalled,
            readers.seconds,
        ];
        let mut child = with_files("bench-sse-load")
            .args(numbers.map(|number| number.to_string()))
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("`bench-sse-load` could not start: {error}"))?;
        let output = child.stdout.take().ok_or("no output of the readers")?;
        let lines = BufReader::new(output).lines();
        let mut load = Self { child, lines };
        match load.line()?.as_str() {
            "ready" => Ok(load),
            other => Err(format!("the readers are not ready: {other}")),
        }
    }

    /// Waits until all have read what they wait for: first the healthy, then those that stalled.
    pub(super) fn finish(mut self) -> Result<[Report; 2], String> {
        Ok([Report::new(self.line()?), Report::new(self.line()?)])
    }

    fn line(&mut self) -> Result<String, String> {
        let line = self.lines.next().ok_or("the readers ended early")?;
        line.map_err(|error| error.to_string())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
