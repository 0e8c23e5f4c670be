//! `cargo xtask bench restarts`: two nodes behind HAProxy, restarted in turn under load.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::server::{Server, free_port};
use super::{build, report::Report, table};
use crate::{Outcome, programs, workspace};

/// What `cargo xtask bench restarts --help` says.
pub(super) const HELP: &str = "\
Usage: cargo xtask bench restarts [times]

Two nodes with event streams behind HAProxy, which asks `/ready` ten times a second. One after the other
gets SIGTERM and is started again, 20 times in all unless told, while 300 requests a second and 500 open
streams go through the balancer. A node keeps serving for a second after `/ready` says 503, and has 10
seconds for its end. A stream that ends comes back within a second.

Targets: no request fails, no stream is refused, every node ends with code 0 inside its grace time.
";

const RATE: u32 = 300;
const STREAMS: u32 = 500;
const GRACE: Duration = Duration::from_secs(10);

/// Measures, and prints the table.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let times = match arguments {
        [] => 20,
        [times] => times
            .parse()
            .map_err(|_| format!("`{times}` is not a number of restarts"))?,
        _ => return Err("`cargo xtask bench restarts` takes a number or nothing".into()),
    };
    build(&["bench-sse", "bench-crowd"])?;
    println!("{}", table::machine());
    let ports = [free_port()?, free_port()?];
    let mut nodes = [node(ports[0])?, node(ports[1])?];
    let balancer = Balancer::start(ports)?;
    let crowd = Crowd::start(balancer.port)?;
    let mut ends = Vec::new();
    for time in 0..times {
        let at = time % 2;
        ends.push(nodes[at].terminate(GRACE + Duration::from_secs(5))?);
        nodes[at] = node(ports[at])?;
        // Until the balancer has seen it, the other one is alone.
        sleep(Duration::from_secs(1));
        eprintln!("    {} of {times}", time + 1);
    }
    let seen = crowd.finish()?;
    print(&seen, &ends)
}

fn node(port: u16) -> Result<Server, String> {
    let program = workspace::target().join("release/bench-sse");
    let mut command = Command::new(program);
    command
        .args([&port.to_string(), "drain"])
        .env_remove("RUST_LOG");
    Server::run(command, port)
}

fn print(seen: &Report, ends: &[Duration]) -> Outcome {
    let longest = ends.iter().max().copied().unwrap_or_default();
    let met = |is_met: bool| if is_met { "met" } else { "**missed**" };
    let none = |name: &str| met(seen.get(name) == 0.0);
    println!("\n| restarts | {} | target |\n|---|---|---|", ends.len());
    println!("| requests | {} | – |", seen.get("requests"));
    println!(
        "| … failed | {} | 0 {} |",
        seen.get("failed"),
        none("failed")
    );
    println!(
        "| … 99 % answered within, ms | {:.1} | – |",
        seen.get("p99")
    );
    println!("| … all answered within, ms | {:.1} | – |", seen.get("max"));
    println!("| streams opened again | {} | – |", seen.get("opened"));
    println!(
        "| … refused | {} | 0 {} |",
        seen.get("refused"),
        none("refused")
    );
    println!(
        "| longest end of a node, s | {:.1} | ≤ {} {} |",
        longest.as_secs_f64(),
        GRACE.as_secs(),
        met(longest <= GRACE)
    );
    Ok(())
}

/// HAProxy in front of both nodes; it ends with this value.
struct Balancer {
    child: Child,
    settings: PathBuf,
    port: u16,
}

impl Balancer {
    fn start(nodes: [u16; 2]) -> Result<Self, String> {
        let port = free_port()?;
        let settings = workspace::target().join(format!("bench-haproxy-{port}.cfg"));
        fs::write(&settings, Self::settings(port, nodes))
            .map_err(|error| format!("{}: {error}", settings.display()))?;
        let mut haproxy = programs::command("haproxy", "on Debian: apt-get install haproxy")?;
        let child = haproxy
            .args(["-q", "-db", "-f"])
            .arg(&settings)
            .spawn()
            .map_err(|error| format!("haproxy could not start: {error}"))?;
        let balancer = Self {
            child,
            settings,
            port,
        };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err("haproxy does not listen".into());
            }
            sleep(Duration::from_millis(20));
        }
        // Both nodes are asked before the first request comes.
        sleep(Duration::from_millis(500));
        Ok(balancer)
    }

    fn settings(port: u16, nodes: [u16; 2]) -> String {
        let mut text = format!(
            "global\n  maxconn 4000\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 60s\n  \
             timeout server 60s\n  option redispatch\nlisten nodes\n  bind 127.0.0.1:{port}\n  \
             balance roundrobin\n  option httpchk GET /ready\n  http-check expect status 200\n  \
             default-server check inter 100ms fall 1 rise 1\n"
        );
        for (number, node) in nodes.into_iter().enumerate() {
            text += &format!("  server node{number} 127.0.0.1:{node}\n");
        }
        text
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.settings);
    }
}

/// Those who ask, in a process of their own.
struct Crowd {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Crowd {
    fn start(port: u16) -> Result<Self, String> {
        let mut child = Command::new(workspace::target().join("release/bench-crowd"))
            .args([u32::from(port), RATE, STREAMS].map(|number| number.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("`bench-crowd` could not start: {error}"))?;
        let output = child.stdout.take().ok_or("no output of the crowd")?;
        let mut crowd = Self {
            child,
            lines: BufReader::new(output).lines(),
        };
        match crowd.line()?.as_str() {
            "ready" => Ok(crowd),
            other => Err(format!("the crowd is not ready: {other}")),
        }
    }

    fn finish(mut self) -> Result<Report, String> {
        drop(self.child.stdin.take());
        Ok(Report::new(self.line()?))
    }

    fn line(&mut self) -> Result<String, String> {
        let line = self.lines.next().ok_or("the crowd ended early")?;
        line.map_err(|error| error.to_string())
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balancer_asks_both_nodes_whether_they_are_ready() {
        let settings = Balancer::settings(1, [2, 3]);
        assert!(settings.contains("bind 127.0.0.1:1\n"));
        assert!(settings.contains("server node0 127.0.0.1:2\n"));
        assert!(settings.contains("server node1 127.0.0.1:3\n"));
        assert!(settings.contains("httpchk GET /ready"));
    }
}
