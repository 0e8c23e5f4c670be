//! Readers that take nothing, beside others that do.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::figures::{Figure, Target, print};
use super::load::{Load, Readers};
use super::{NAIVE, OURS, server};
use crate::Outcome;
use crate::bench::report::Report;
use crate::bench::server::Server;

const HEALTHY: u64 = 500;
const STALLED: u64 = 100;
/// Ten a second.
const MESSAGES: u64 = 400;
const SECONDS: u64 = 35;

struct Run {
    healthy: Report,
    stalled: Report,
    /// The most that the process and the kernel's sockets had, in KiB.
    memory: f64,
    /// When the last of those that stalled was dropped, in seconds; never is infinite.
    dropped: f64,
}

pub(super) fn run() -> Outcome {
    let [naive_alone, ours_alone] = [measure(NAIVE, 0)?, measure(OURS, 0)?];
    let [naive, ours] = [measure(NAIVE, STALLED)?, measure(OURS, STALLED)?];
    let p99 = |run: &Run| run.healthy.get("p99");
    let slower = [
        p99(&naive) / p99(&naive_alone),
        p99(&ours) / p99(&ours_alone),
    ];
    let each = |with: &Run, alone: &Run| (with.memory - alone.memory) / STALLED as f64;
    let memory = [each(&naive, &naive_alone), each(&ours, &ours_alone)];
    let healthy = |run: &Run| lost(&run.healthy, HEALTHY);
    let told = |run: &Run| run.stalled.get("gaps");
    let silent = |run: &Run| run.stalled.get("silent_losses");
    print(
        "500 healthy, 100 stalled, 10/s × 4 kB",
        &[
            Figure::new(
                "healthy alone, 99 % arrive within, ms",
                [p99(&naive_alone), p99(&ours_alone)],
                Target::None,
            ),
            Figure::new(
                "healthy beside stalled, 99 % arrive within, ms",
                [p99(&naive), p99(&ours)],
                Target::None,
            ),
            Figure::new("… as a multiple", slower, Target::AtMost(1.1)),
            Figure::new(
                "missing or not in order for the healthy",
                [healthy(&naive), healthy(&ours)],
                Target::AtMost(0.0),
            ),
            Figure::new(
                "memory of a stalled one with the kernel's, KiB",
                memory,
                Target::AtMost(256.0),
            ),
            Figure::new(
                "stalled are dropped after, s",
                [naive.dropped, ours.dropped],
                Target::AtMost(30.0),
            ),
            Figure::new(
                "messages that the stalled miss in the end",
                [lost(&naive.stalled, STALLED), lost(&ours.stalled, STALLED)],
                Target::None,
            ),
            Figure::new(
                "… of which they are told, in gaps",
                [told(&naive), told(&ours)],
                Target::None,
            ),
            Figure::new(
                "… holes of which they are not told",
                [silent(&naive), silent(&ours)],
                Target::AtMost(0.0),
            ),
        ],
    );
    Ok(())
}

fn lost(report: &Report, readers: u64) -> f64 {
    (readers * MESSAGES) as f64 - report.get("messages") + report.get("disorder")
}

fn measure(program: &str, stalled: u64) -> Result<Run, String> {
    let server = server(program)?;
    let readers = Readers {
        healthy: HEALTHY,
        messages: MESSAGES,
        stalled,
        seconds: SECONDS,
    };
    let load = Load::start(server.port, readers)?;
    server.get(
        &format!("/publish?count={MESSAGES}&every=100&size=4000"),
        "",
    )?;
    let begun = Instant::now();
    let (mut memory, mut dropped) = (0.0, f64::INFINITY);
    // Those that stalled come back then.
    while begun.elapsed() < Duration::from_secs(SECONDS) {
        sleep(Duration::from_millis(500));
        memory = f64::max(memory, server.rss()? * 1024.0 + socket_memory()?);
        if dropped.is_infinite() && open(&server)? <= HEALTHY {
            dropped = begun.elapsed().as_secs_f64();
        }
    }
    let [healthy, stalled] = load.finish()?;
    Ok(Run {
        healthy,
        stalled,
        memory,
        dropped,
    })
}

/// What TCP sockets of this machine hold, in KiB.
///
/// <https://man7.org/linux/man-pages/man5/proc_pid_net.5.html>
fn socket_memory() -> Result<f64, String> {
    let text = read("/proc/net/sockstat")?;
    let line = text.lines().find(|line| line.starts_with("TCP:"));
    let pages = line.and_then(|line| line.rsplit_once("mem ")?.1.trim().parse::<f64>().ok());
    pages
        .map(|pages| pages * 4.0)
        .ok_or_else(|| "no memory of TCP in /proc/net/sockstat".into())
}

/// How many connections a server has.
fn open(server: &Server) -> Result<u64, String> {
    Ok(established(&read("/proc/net/tcp")?, server.port))
}

fn established(table: &str, port: u16) -> u64 {
    let local = format!(":{port:04X}");
    let is_open = |line: &&str| {
        let mut fields = line.split_whitespace();
        fields.nth(1).is_some_and(|field| field.ends_with(&local)) && fields.nth(1) == Some("01")
    };
    table.lines().filter(is_open).count() as u64
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn established_connections_are_counted_at_the_server() {
        let table = "  sl  local_address rem_address   st\n   \
            0: 0100007F:1F90 0100007F:C000 01 00000000\n   \
            1: 0100007F:C000 0100007F:1F90 01 00000000\n   \
            2: 0100007F:1F90 00000000:0000 0A 00000000\n";
        assert_eq!(established(table, 8080), 1);
    }
}
