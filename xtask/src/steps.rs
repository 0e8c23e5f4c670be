//! Steps of a long run: each announced, timed, and summed up at the end.

use std::time::{Duration, Instant};

use crate::{Outcome, programs};

/// The steps that were run, with how long each took.
#[derive(Default)]
pub(crate) struct Steps(Vec<(String, Duration)>);

impl Steps {
    /// Runs one step and stops the run if it fails.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
        eprintln!("{}", programs::paint("1", &format!("==> {name}")));
        let start = Instant::now();
        work().map_err(|error| format!("{name}: {error}"))?;
        self.0.push((name.to_owned(), start.elapsed()));
        Ok(())
    }

    /// Says how long everything took.
    pub(crate) fn summary(&self) {
        let total: Duration = self.0.iter().map(|(_, took)| *took).sum();
        for (name, took) in &self.0 {
            eprintln!("{:>6.0} s  {name}", took.as_secs_f64());
        }
        eprintln!("{:>6.0} s  in all", total.as_secs_f64());
    }
}
