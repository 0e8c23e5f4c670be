//! The lines of the log, made and written without holding a request up.
//!
//! A service writes a line for every request, so it is made in place, several times faster than by
//! `tracing_subscriber::fmt`, in the same shape.

mod answered;
mod clock;
mod entered;
mod fields;
mod gathered;
#[cfg(any(test, feature = "otel"))]
mod layer;
mod line;
mod output;
mod request_span;
mod spans;
mod subscriber;
#[cfg(test)]
mod told;
#[cfg(test)]
mod written;

pub(crate) use answered::{Answered, TARGET as ANSWERED};
pub(crate) use clock::at;
#[cfg(any(test, feature = "otel"))]
pub(crate) use layer::Lines;
pub(crate) use output::defer;
pub(crate) use request_span::RequestSpan;
pub(crate) use subscriber::Log;
#[cfg(test)]
pub(crate) use written::Written;

use output::stdout;

/// Writes what has gathered.
pub(crate) fn flush() {
    stdout().flush_at_exit();
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `2026-11-27T09:30:00.000123Z  INFO request{id=1}: target: message field=value`
    Text,
    /// The same as one JSON object.
    Json,
}
