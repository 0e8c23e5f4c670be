//! `cargo xtask bench outage`: a Redis that is not there, hangs and is killed.

use std::process::Command;

use super::report::Report;
use super::server::free_port;
use super::{build, table};
use crate::{Outcome, programs, workspace};

/// What `cargo xtask bench outage --help` says.
pub(super) const HELP: &str = "\
Usage: cargo xtask bench outage

A service with its sessions in Redis starts before Redis does. Then Redis, which writes down what it
acknowledges, hangs five times for two seconds (SIGSTOP) and is killed five times (SIGKILL), while 500
requests a second come at their pace: half of them for a page without a session, half count the visits
of sessions. Needs redis-server; takes a minute.

Targets: up within 2 s without Redis, ready within 3 s with it; pages without a session are answered
always; those with one are answered, or refused with 503, within 2 s (99 %), and well within 5 s after
Redis is back; nothing that was acknowledged is lost.
";

/// Measures, and prints the table.
pub(super) fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Err("`cargo xtask bench outage` takes nothing".into());
    }
    build(&["bench-outage"])?;
    println!("{}", table::machine());
    let mut outage = Command::new(workspace::target().join("release/bench-outage"));
    outage.args([free_port()?.to_string(), free_port()?.to_string()]);
    print(&Report::new(programs::output(&mut outage)?));
    Ok(())
}

fn print(seen: &Report) {
    let row = |what: &str, number: f64, most: f64| {
        let met = if number <= most { "met" } else { "**missed**" };
        println!("| {what} | {number:.1} | ≤ {most} {met} |");
    };
    println!("\n| outages of Redis | | target |\n|---|---|---|");
    row("up without Redis, s", seen.get("up"), 2.0);
    row("ready after Redis is there, s", seen.get("ready"), 3.0);
    println!("| pages without a session | {:.0} | – |", seen.get("free"));
    println!("| … 99 % within, ms | {:.1} | – |", seen.get("free_p99"));
    println!("| visits counted | {:.0} | – |", seen.get("good"));
    row("… 99 % within, ms", seen.get("good_p99"), 2000.0);
    println!(
        "| visits refused with 503 | {:.0} | – |",
        seen.get("refused")
    );
    row("… 99 % within, ms", seen.get("refused_p99"), 2000.0);
    row("any other answer, or none", seen.get("other"), 0.0);
    row("sessions are back within, s", seen.get("back"), 5.0);
    row(
        "sessions with other visits than acknowledged",
        seen.get("lost"),
        0.0,
    );
}
