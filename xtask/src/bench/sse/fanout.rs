//! One message to thousands.

use super::figures::{Figure, Target, print};
use super::load::{Load, Readers};
use super::{NAIVE, OURS, server};
use crate::Outcome;
use crate::bench::pairs::median;

const ROUNDS: usize = 3;
/// Ten a second.
const MESSAGES: u64 = 100;

/// What one run shows: microseconds of CPU per delivery, two delays in milliseconds, and what is missing or not in
/// order.
type Run = [f64; 4];

pub(super) fn run() -> Outcome {
    for connections in [2_000, 8_000] {
        let mut runs = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            runs[0].push(measure(NAIVE, connections)?);
            runs[1].push(measure(OURS, connections)?);
        }
        let row = |at: usize, what, target| {
            let middle = |runs: &[Run]| median(runs.iter().map(|run| run[at]).collect());
            Figure::new(what, [middle(&runs[0]), middle(&runs[1])], target)
        };
        print(
            &format!("{connections} connections × 10/s × 200 B"),
            &[
                // 1.3 times as many deliveries per CPU-second.
                row(0, "µs of CPU per delivery", Target::Ratio(0.77)),
                row(1, "half arrive within, ms", Target::None),
                row(2, "99 % arrive within, ms", Target::Ratio(1.0)),
                row(3, "missing or not in order", Target::AtMost(0.0)),
            ],
        );
    }
    Ok(())
}

fn measure(program: &str, connections: u64) -> Result<Run, String> {
    let server = server(program)?;
    let readers = Readers {
        healthy: connections,
        messages: MESSAGES,
        ..Readers::default()
    };
    let load = Load::start(server.port, readers)?;
    let cpu = server.cpu()?;
    server.get(&format!("/publish?count={MESSAGES}&every=100&size=200"), "")?;
    let [report, _] = load.finish()?;
    let cpu = server.cpu()? - cpu;
    let delivered = report.get("messages");
    let missing = (connections * MESSAGES) as f64 - delivered;
    Ok([
        cpu * 1e6 / delivered,
        report.get("p50"),
        report.get("p99"),
        missing + report.get("disorder"),
    ])
}
