//! How many crates a user compiles: a budget per entry point, so that it cannot creep.

use std::collections::BTreeSet;

use crate::{Outcome, programs, workspace};

/// A crate with features, how many crates it may bring, and which it must not.
struct Budget {
    package: &'static str,
    features: &'static str,
    most: usize,
    never: &'static [&'static str],
}

const BUDGETS: [Budget; 2] = [
    Budget {
        package: "acton-htmx",
        features: "",
        most: 30,
        never: &["tokio", "axum", "hyper"],
    },
    Budget {
        package: "acton-service",
        features: "htmx-full",
        most: 160,
        never: &["sqlx", "fred", "openssl"],
    },
];

/// Compares every budget with `cargo tree`.
pub(crate) fn check() -> Outcome {
    BUDGETS.iter().try_for_each(Budget::check)
}

impl Budget {
    fn check(&self) -> Outcome {
        let crates = self.crates()?;
        eprintln!(
            "    {} brings {} crates, at most {}",
            self.package,
            crates.len(),
            self.most
        );
        if crates.len() > self.most {
            return Err(format!("{} brings {} crates", self.package, crates.len()));
        }
        let name = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
        match crates
            .iter()
            .map(name)
            .find(|name| self.never.contains(&name.as_str()))
        {
            Some(name) => Err(format!("{} brings {name}", self.package)),
            None => Ok(()),
        }
    }

    fn crates(&self) -> Result<BTreeSet<String>, String> {
        let mut cargo = programs::cargo();
        cargo
            .current_dir(workspace::root())
            .args([
                "tree",
                "--package",
                self.package,
                "--features",
                self.features,
            ])
            .args(["--edges", "normal", "--prefix", "none"]);
        let tree = programs::output(&mut cargo)?;
        let lines = tree.lines().map(|line| line.trim_end_matches(" (*)"));
        Ok(lines.map(ToOwned::to_owned).collect())
    }
}
