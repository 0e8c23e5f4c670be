//! Figures as a Markdown table, under the machine they are from.

use std::fs;
use std::process::Command;

use crate::programs;

/// What one row compares.
pub(super) struct Row {
    /// What was measured.
    pub(super) what: String,
    /// The figure of what we are compared with.
    pub(super) baseline: f64,
    /// Ours.
    pub(super) ours: f64,
    /// The highest ratio of ours to the baseline that is good enough.
    pub(super) target: Option<f64>,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.ours / self.baseline
    }

    fn verdict(&self) -> String {
        match self.target {
            None => "–".to_owned(),
            Some(target) if self.ratio() <= target => format!("≤ {target} met"),
            Some(target) => format!("≤ {target} **missed**"),
        }
    }
}

/// Prints rows under their unit, e.g. `µs of CPU per request`.
pub(super) fn print(unit: &str, rows: &[Row]) {
    println!("\n| {unit} | baseline | acton | ratio | target |\n|---|---|---|---|---|");
    for row in rows {
        println!("{}", line(row));
    }
}

fn line(row: &Row) -> String {
    format!(
        "| {} | {:.1} | {:.1} | {:.2} | {} |",
        row.what,
        row.baseline,
        row.ours,
        row.ratio(),
        row.verdict()
    )
}

/// The machine and the day, in one line.
pub(super) fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = processors.lines().filter_map(|line| {
        let (name, model) = line.split_once(':')?;
        (name.trim() == "model name").then(|| model.trim())
    });
    let models: Vec<&str> = models.collect();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let day = programs::output(Command::new("date").arg("+%F")).unwrap_or_default();
    format!(
        "{} cores of {}, Linux {}, {}",
        models.len(),
        models.first().unwrap_or(&"an unknown processor"),
        kernel.trim(),
        day.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: f64, target: Option<f64>) -> Row {
        Row {
            what: "text".to_owned(),
            baseline: 10.0,
            ours,
            target,
        }
    }

    #[test]
    fn a_row_says_whether_the_target_is_met() {
        assert_eq!(
            line(&row(12.0, Some(1.3))),
            "| text | 10.0 | 12.0 | 1.20 | ≤ 1.3 met |"
        );
        assert!(line(&row(13.1, Some(1.3))).contains("**missed**"));
        assert!(line(&row(13.1, None)).ends_with("| 1.31 | – |"));
    }
}
