//! What a program of `xtask/bench` saw, as it writes it.

/// Numbers in one line: `name=number name=number`.
#[derive(Clone, Debug, Default)]
pub(super) struct Report(String);

impl Report {
    pub(super) fn new(line: String) -> Self {
        Self(line)
    }

    /// One number; none is not a number.
    pub(super) fn get(&self, name: &str) -> f64 {
        let words = self.0.split_whitespace();
        let mut pairs = words.filter_map(|word| word.split_once('='));
        let found = pairs.find(|(key, _)| *key == name);
        found
            .and_then(|(_, number)| number.parse().ok())
            .unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_by_its_name() {
        let report = Report::new("healthy messages=12 p99=1.25\n".to_owned());
        assert_eq!(report.get("p99"), 1.25);
        assert!(report.get("p").is_nan());
    }
}
