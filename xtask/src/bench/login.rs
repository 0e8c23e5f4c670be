//! `cargo xtask bench login`: what a storm of logins does to everybody else, and what its answers tell.

use std::process::Command;

use super::build;
use super::server::Server;
use super::table;
use crate::{Outcome, programs, workspace};

/// What `cargo xtask bench login --help` says.
pub(super) const HELP: &str = "\
Usage: cargo xtask bench login [storm|timing]

Both unless told, against a service with sessions in memory and passwords as they are by default.

  storm   10 000 attempts over 200 connections, each for another account from another address, so that
          none is throttled and all want the queue. Meanwhile other pages are asked for.
          Targets: their p99 under 50 ms, memory growing by less than 256 MB.
  timing  2 000 wrong passwords, taking turns for a user, for nobody, and for a disabled user.
          Targets: medians at most 5 % apart, the area under the curve between 0.45 and 0.55.
";

/// Measures, and prints the tables.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let parts: &[fn() -> Outcome] = match arguments {
        [] => &[storm, timing],
        [part] if part == "storm" => &[storm],
        [part] if part == "timing" => &[timing],
        _ => return Err("`cargo xtask bench login` takes `storm`, `timing` or nothing".into()),
    };
    build(&["bench-login", "bench-visitors"])?;
    println!("{}", table::machine());
    parts.iter().try_for_each(|part| part())
}

fn storm() -> Outcome {
    let server = Server::start("bench-login", &[], &[])?;
    let before = server.rss()?;
    println!("\n| storm | median | p99 | longest | count |\n|---|---|---|---|---|");
    visitors(&server, &["storm", "10000", "200"])?;
    let peak = server.peak_rss()?;
    println!("| memory of the service, MB, from {before:.0} to at most | | | {peak:.0} | |");
    Ok(())
}

fn timing() -> Outcome {
    let server = Server::start("bench-login", &["unthrottled"], &[])?;
    println!(
        "\n| wrong password for | median, ms | area beside `known` | count |\n|---|---|---|---|"
    );
    visitors(&server, &["timing", "667"])
}

fn visitors(server: &Server, arguments: &[&str]) -> Outcome {
    let program = workspace::target().join("release/bench-visitors");
    let mut visitors = Command::new(program);
    visitors.arg(server.port.to_string()).args(arguments);
    programs::run(&mut visitors)
}
