//! What is asked for when it is shown: single numbers, and how often something took how long.

use std::{
    fmt::{Display, Write},
    sync::Arc,
};

/// A number that is asked for when it is shown.
#[derive(Clone)]
pub(crate) struct Gauge {
    name: String,
    kind: &'static str,
    help: String,
    ask: Ask,
}

#[derive(Clone)]
enum Ask {
    Number(Arc<dyn Fn() -> f64 + Send + Sync>),
    #[cfg(any(feature = "session-memory", feature = "session-redis"))]
    Buckets(Arc<dyn Fn() -> Buckets + Send + Sync>),
}

/// How many took at most so many seconds and more than the bound before, and how long all took together.
#[cfg(any(feature = "session-memory", feature = "session-redis"))]
pub(crate) struct Buckets {
    /// The last bound is infinite.
    pub(crate) counts: Vec<(f64, u64)>,
    pub(crate) seconds: f64,
}

impl Gauge {
    pub(crate) fn new(
        name: &str,
        help: &str,
        ask: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: sample_name(name),
            kind: "gauge",
            help: help.replace(['\n', '\r'], " ").replace('\\', r"\\"),
            ask: Ask::Number(Arc::new(ask)),
        }
    }

    /// A number that only goes up; its name ends in `_total`.
    pub(crate) fn counter(
        name: &str,
        help: &str,
        ask: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind: "counter",
            ..Self::new(name, help, ask)
        }
    }

    /// How often something took how long.
    #[cfg(any(feature = "session-memory", feature = "session-redis"))]
    pub(crate) fn histogram(
        name: &str,
        help: &str,
        ask: impl Fn() -> Buckets + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind: "histogram",
            ask: Ask::Buckets(Arc::new(ask)),
            ..Self::new(name, help, || 0.0)
        }
    }

    pub(super) fn write(&self, text: &mut String) {
        let Self {
            name,
            kind,
            help,
            ask,
        } = self;
        match ask {
            Ask::Number(ask) => sample(text, name, kind, help, ask()),
            #[cfg(any(feature = "session-memory", feature = "session-redis"))]
            Ask::Buckets(ask) => {
                head(text, name, kind, help);
                buckets(text, name, &ask());
            }
        }
    }
}

#[cfg(any(feature = "session-memory", feature = "session-redis"))]
fn buckets(text: &mut String, name: &str, buckets: &Buckets) {
    let mut sum = 0;
    // Writing to a string cannot fail.
    for (bound, count) in &buckets.counts {
        sum += count;
        let _ = if bound.is_finite() {
            writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {sum}")
        } else {
            writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {sum}")
        };
    }
    let seconds = buckets.seconds;
    let _ = writeln!(text, "{name}_sum {seconds}\n{name}_count {sum}");
}

pub(super) fn write(text: &mut String, name: &str, help: &str, value: impl Display) {
    sample(text, name, "gauge", help, value);
}

fn sample(text: &mut String, name: &str, kind: &str, help: &str, value: impl Display) {
    head(text, name, kind, help);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{name} {value}");
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// What Prometheus takes for a name: letters, digits and `_`, no digit first.
fn sample_name(name: &str) -> String {
    let fitting = |character: char| {
        if character.is_ascii_alphanumeric() {
            character
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(fitting).collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() {
        format!("_{name}")
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_does_not_fit_is_made_to_fit() {
        assert_eq!(sample_name("tasks.open-now"), "tasks_open_now");
        assert_eq!(sample_name("5xx"), "_5xx");
        assert_eq!(sample_name(""), "_");
    }

    #[test]
    fn the_number_is_asked_for_when_it_is_shown() {
        let mut text = String::new();
        Gauge::new("tasks", "Tasks\non C:\\board.", || 3.5).write(&mut text);
        assert_eq!(
            text,
            "# HELP tasks Tasks on C:\\\\board.\n# TYPE tasks gauge\ntasks 3.5\n"
        );
    }

    #[cfg(any(feature = "session-memory", feature = "session-redis"))]
    #[test]
    fn a_histogram_adds_up_from_the_smallest_bound() {
        let mut text = String::new();
        let ask = || Buckets {
            counts: vec![(0.0005, 2), (0.001, 0), (f64::INFINITY, 3)],
            seconds: 1.25,
        };
        Gauge::histogram("store_seconds", "How long.", ask).write(&mut text);
        let expected = "# HELP store_seconds How long.\n# TYPE store_seconds histogram\n\
                        store_seconds_bucket{le=\"0.0005\"} 2\n\
                        store_seconds_bucket{le=\"0.001\"} 2\n\
                        store_seconds_bucket{le=\"+Inf\"} 5\n\
                        store_seconds_sum 1.25\nstore_seconds_count 5\n";
        assert_eq!(text, expected);
    }
}
