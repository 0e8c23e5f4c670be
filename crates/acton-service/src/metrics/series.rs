//! How long requests took, in buckets.

use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

const NAME: &str = "http_server_request_duration_seconds";

/// The upper bounds that OpenTelemetry advises, in microseconds and as text in seconds.
const BOUNDS: [(u64, &str); 14] = [
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (75_000, "0.075"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (750_000, "0.75"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (7_500_000, "7.5"),
    (10_000_000, "10"),
];

/// The requests with the same labels.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// One more than bounds: what took longer than all of them.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Series {
    pub(super) fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|(bound, _)| micros <= *bound);
        self.buckets[bucket.unwrap_or(BOUNDS.len())].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    pub(super) fn write(&self, text: &mut String, labels: &str) {
        let counts = self
            .buckets
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        let mut sum = 0;
        for (count, bound) in counts
            .iter()
            .zip(BOUNDS.iter().map(|(_, bound)| *bound).chain(["+Inf"]))
        {
            sum += count;
            line(
                text,
                format_args!("{NAME}_bucket{{{labels},le=\"{bound}\"}} {sum}"),
            );
        }
        let micros = self.micros.load(Ordering::Relaxed);
        let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
        line(
            text,
            format_args!("{NAME}_sum{{{labels}}} {seconds}.{rest:06}"),
        );
        line(text, format_args!("{NAME}_count{{{labels}}} {sum}"));
    }
}

pub(super) fn head(text: &mut String) {
    line(
        text,
        format_args!("# HELP {NAME} Time from the head of a request to the head of its answer."),
    );
    line(text, format_args!("# TYPE {NAME} histogram"));
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
