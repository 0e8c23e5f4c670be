//! Figures with targets of more than one kind.

/// What is good enough.
#[derive(Clone, Copy)]
pub(super) enum Target {
    None,
    /// Ours is at most this.
    AtMost(f64),
    /// Ours is at most so many times the naive one.
    Ratio(f64),
}

/// One row.
pub(super) struct Figure {
    pub(super) what: String,
    pub(super) naive: f64,
    pub(super) ours: f64,
    pub(super) target: Target,
}

impl Figure {
    pub(super) fn new(what: impl Into<String>, [naive, ours]: [f64; 2], target: Target) -> Self {
        let what = what.into();
        Self {
            what,
            naive,
            ours,
            target,
        }
    }

    fn line(&self) -> String {
        let met = |is_met| if is_met { "met" } else { "**missed**" };
        let verdict = match self.target {
            Target::None => "–".to_owned(),
            Target::AtMost(most) => format!("≤ {most} {}", met(self.ours <= most)),
            Target::Ratio(most) => {
                let ratio = self.ours / self.naive;
                format!("≤ {most} × naive {}", met(ratio <= most))
            }
        };
        let ratio = match self.naive {
            0.0 => "–".to_owned(),
            naive => format!("{:.2}", self.ours / naive),
        };
        format!(
            "| {} | {:.1} | {:.1} | {ratio} | {verdict} |",
            self.what, self.naive, self.ours
        )
    }
}

/// Prints rows under what they have in common.
pub(super) fn print(title: &str, figures: &[Figure]) {
    println!("\n| {title} | naive | acton | ratio | target |\n|---|---|---|---|---|");
    for figure in figures {
        println!("{}", figure.line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_says_whether_its_target_is_met() {
        let line = |figures, target| Figure::new("x", figures, target).line();
        assert_eq!(
            line([20.0, 8.0], Target::AtMost(16.0)),
            "| x | 20.0 | 8.0 | 0.40 | ≤ 16 met |"
        );
        assert!(line([10.0, 8.0], Target::Ratio(0.77)).ends_with("≤ 0.77 × naive **missed** |"));
        assert_eq!(line([0.0, 0.0], Target::None), "| x | 0.0 | 0.0 | – | – |");
    }
}
