//! `cargo xtask bench overload`: three times as many requests as can be answered.

use std::process::Command;

use super::load::Load;
use super::report::Report;
use super::server::Server;
use super::{build, table};
use crate::{Outcome, programs, workspace};

/// What `cargo xtask bench overload --help` says.
pub(super) const HELP: &str = "\
Usage: cargo xtask bench overload

A service that begins 40 requests at most (`limits.requests`), lets them wait for a core 20 ms at most
(`limits.queue_delay`), and has a bottleneck:

  work     a handler that waits for one of eight places and keeps it for ten milliseconds
  compute  a handler that keeps a core for two milliseconds

wrk finds how many it answers in a second over 8 connections. Then three times as many come for ten
seconds, at their pace, whether others were answered or not.

Targets: at least 80 % of the peak is answered well, 99 % of the refusals come within 50 ms, and
`/health` answers always.
";

/// Measures, and prints the tables.
pub(super) fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Err("`cargo xtask bench overload` takes nothing".into());
    }
    build(&["bench-overload", "bench-rush"])?;
    println!("{}", table::machine());
    ["work", "compute"].into_iter().try_for_each(scenario)
}

fn scenario(name: &str) -> Outcome {
    let server = Server::start("bench-overload", &[], &[])?;
    let path = format!("/{name}");
    let mut enough = Load::on(&path);
    enough.connections = 8;
    let peak = enough.run(&server)?.rate;
    let offered = (peak * 3.0).round();
    let mut rush = Command::new(workspace::target().join("release/bench-rush"));
    rush.args([&server.port.to_string(), &path, &offered.to_string(), "10"]);
    let seen = Report::new(programs::output(&mut rush)?);
    print(name, peak, offered, &seen);
    Ok(())
}

fn print(name: &str, peak: f64, offered: f64, seen: &Report) {
    let met = |is_met: bool| if is_met { "met" } else { "**missed**" };
    let share = seen.get("good_rate") / peak * 100.0;
    println!("\n| overload, {name} | | target |\n|---|---|---|");
    println!("| answered at most, per second | {peak:.0} | – |");
    println!("| asked, per second | {offered:.0} | – |");
    println!(
        "| answered well, % of the most | {share:.0} | ≥ 80 {} |",
        met(share >= 80.0)
    );
    println!("| … 99 % within, ms | {:.1} | – |", seen.get("good_p99"));
    println!("| refused with 503 | {:.0} | – |", seen.get("refused"));
    println!(
        "| … 99 % within, ms | {:.1} | ≤ 50 {} |",
        seen.get("refused_p99"),
        met(seen.get("refused_p99") <= 50.0)
    );
    println!(
        "| any other answer, or none | {:.0} | – |",
        seen.get("other")
    );
    println!(
        "| `/health` not answered | {:.0} | 0 {} |",
        seen.get("health_failed"),
        met(seen.get("health_failed") == 0.0)
    );
    println!("| … 99 % within, ms | {:.1} | – |", seen.get("health_p99"));
}
