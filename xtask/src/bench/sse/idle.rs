//! Connections on which nothing happens.

use std::thread::sleep;
use std::time::Duration;

use super::figures::{Figure, Target, print};
use super::load::{Load, Readers};
use super::{NAIVE, OURS, server};
use crate::Outcome;

const CONNECTIONS: u64 = 10_000;
const SECONDS: u64 = 45;

/// Memory per connection in KiB, share of a core, ended streams, comments per connection.
pub(super) fn run() -> Outcome {
    let [naive, ours] = [measure(NAIVE)?, measure(OURS)?];
    let row = |at: usize, what, target| Figure::new(what, [naive[at], ours[at]], target);
    print(
        "10 000 idle connections",
        &[
            row(0, "memory each, KiB", Target::AtMost(16.0)),
            row(1, "CPU, % of a core", Target::AtMost(10.0)),
            row(2, "connections dropped", Target::AtMost(0.0)),
            row(3, "comments received each", Target::None),
        ],
    );
    Ok(())
}

fn measure(program: &str) -> Result<[f64; 4], String> {
    let server = server(program)?;
    let before = server.rss()?;
    let readers = Readers {
        healthy: CONNECTIONS,
        seconds: SECONDS,
        ..Readers::default()
    };
    let load = Load::start(server.port, readers)?;
    let cpu = server.cpu()?;
    sleep(Duration::from_secs(SECONDS - 2));
    let cpu = server.cpu()? - cpu;
    let memory = server.rss()? - before;
    let [report, _] = load.finish()?;
    let each = CONNECTIONS as f64;
    Ok([
        memory * 1024.0 / each,
        cpu * 100.0 / (SECONDS - 2) as f64,
        report.get("ends"),
        report.get("comments") / each,
    ])
}
