//! Requests as fast as they are answered, by wrk.

use std::time::Duration;

use super::server::Server;
use crate::programs;

/// What asks, and for how long.
#[derive(Clone)]
pub(super) struct Load {
    /// The path that is asked for.
    pub(super) path: String,
    /// More headers, as `Name: value`.
    pub(super) headers: Vec<String>,
    /// How many connections ask at once; each waits for its answer before it asks again.
    pub(super) connections: u32,
    /// How long.
    pub(super) duration: Duration,
}

/// What one run of it showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    /// CPU time of the server process per request, in microseconds.
    pub(super) micros: f64,
    /// Answers per second.
    pub(super) rate: f64,
}

impl Load {
    /// 32 connections for two seconds.
    pub(super) fn on(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            headers: Vec::new(),
            connections: 32,
            duration: Duration::from_secs(2),
        }
    }

    /// Sends a header with every request.
    pub(super) fn header(mut self, header: String) -> Self {
        self.headers.push(header);
        self
    }

    /// Runs it once.
    ///
    /// # Errors
    ///
    /// wrk is missing, or anything but a good answer came.
    pub(super) fn run(&self, server: &Server) -> Result<Cost, String> {
        let mut wrk = programs::command("wrk", "on Debian: apt-get install wrk")?;
        wrk.arg("--threads=1")
            .arg(format!("--connections={}", self.connections))
            .arg(format!("--duration={}s", self.duration.as_secs()));
        for header in &self.headers {
            wrk.arg(format!("--header={header}"));
        }
        wrk.arg(server.url(&self.path));
        let before = server.cpu()?;
        let report = programs::output(&mut wrk)?;
        let cpu = server.cpu()? - before;
        let (requests, seconds) = totals(&report)
            .ok_or_else(|| format!("{} was not always answered well:\n{report}", self.path))?;
        Ok(Cost {
            micros: cpu * 1e6 / requests,
            rate: requests / seconds,
        })
    }
}

/// Requests and seconds, if every answer was a good one.
fn totals(report: &str) -> Option<(f64, f64)> {
    if report.contains("Socket errors") || report.contains("Non-2xx") {
        return None;
    }
    let line = report.lines().find(|line| line.contains(" requests in "))?;
    let (requests, rest) = line.trim().split_once(" requests in ")?;
    let (time, _) = rest.split_once(',')?;
    let seconds = match time.strip_suffix('s')? {
        millis if millis.ends_with('m') => millis.strip_suffix('m')?.parse::<f64>().ok()? / 1e3,
        seconds => seconds.parse().ok()?,
    };
    Some((requests.parse().ok().filter(|count| *count > 0.0)?, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "Running 3s test @ http://127.0.0.1:1/\n  1 threads and 32 connections\n  \
        270000 requests in 3.00s, 33.2MB read\nRequests/sec:  90000.00\n";

    #[test]
    fn totals_are_read_from_the_report() {
        assert_eq!(totals(REPORT), Some((270_000.0, 3.0)));
    }

    #[test]
    fn a_run_with_errors_is_no_measurement() {
        let broken = format!("{REPORT}  Socket errors: connect 0, read 7, write 0, timeout 0\n");
        assert_eq!(totals(&broken), None);
        let refused = format!("{REPORT}  Non-2xx or 3xx responses: 12\n");
        assert_eq!(totals(&refused), None);
        assert_eq!(totals("  0 requests in 3.00s, 0B read\n"), None);
    }
}
