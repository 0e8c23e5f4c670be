//! `cargo xtask bench sse`: event streams, beside the handler that everybody writes first.

mod fanout;
mod figures;
mod idle;
mod load;
mod stalled;

use std::process::Command;

use super::server::{Server, free_port};
use super::{build, table};
use crate::{Outcome, workspace};

/// What `cargo xtask bench sse --help` says.
pub(super) const HELP: &str = "\
Usage: cargo xtask bench sse [idle|fanout|stalled]

The service with an SseBroadcaster, both with the settings that they have by default, beside axum's
`Sse` over `tokio::sync::broadcast` (256 messages) in `axum::serve`; both with keep-alive comments. A
server is a process of its own and so are the readers, on one machine, one scenario or all three:

  idle     10 000 connections for 45 seconds: memory, CPU, drops
  fanout   2 000 and 8 000 connections, ten messages of 200 bytes a second, medians of three rounds in
           turn: CPU time of the server per delivery, and how long a message is on its way
  stalled  500 readers and ten messages of 4 kB a second for 40 seconds, alone and beside 100 that take
           nothing for 35 seconds: delay of the 500 up to then, memory, when the 100 are dropped and what
           they get

Together they take about seven minutes. A message is on its way from the call that publishes it until
the reader has decoded it.
";

/// Measures what is named, or all.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let scenarios: &[fn() -> Outcome] = match arguments {
        [] => &[idle::run, fanout::run, stalled::run],
        [one] if one == "idle" => &[idle::run],
        [one] if one == "fanout" => &[fanout::run],
        [one] if one == "stalled" => &[stalled::run],
        _ => {
            return Err(
                "`cargo xtask bench sse` takes `idle`, `fanout`, `stalled` or nothing".into(),
            );
        }
    };
    build(&["bench-sse", "bench-sse-load", "bench-sse-naive"])?;
    println!("{}", table::machine());
    scenarios.iter().try_for_each(|scenario| scenario())
}

/// The server that is measured, and what it is compared with.
const NAIVE: &str = "bench-sse-naive";
const OURS: &str = "bench-sse";

/// Starts one of them on a free port.
fn server(program: &str) -> Result<Server, String> {
    let port = free_port()?;
    let mut command = with_files(program);
    command.arg(port.to_string()).env_remove("RUST_LOG");
    Server::run(command, port)
}

/// A program that may open as many files as the system lets it.
fn with_files(program: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -Sn \"$(ulimit -Hn)\" && exec \"$@\"", "sh"])
        .arg(workspace::target().join("release").join(program));
    shell
}
