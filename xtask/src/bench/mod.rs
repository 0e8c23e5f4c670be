//! `cargo xtask bench <scenario>`: figures, measured side by side on this machine.
//!
//! The programs that are measured lie in `xtask/bench`; here they are started, driven and watched.

use crate::{Outcome, assets, programs, workspace};

mod load;
mod login;
mod outage;
mod overload;
mod pairs;
mod report;
mod restarts;
mod server;
mod service;
mod sse;
mod table;

/// What `cargo xtask bench --help` says.
pub(crate) const HELP: &str = "\
Usage: cargo xtask bench <scenario> [arguments]

Builds the programs of xtask/bench for release, runs two of them in turn on 127.0.0.1 and prints the
medians as a Markdown table, with the targets where there are some. A figure from a busy machine says
nothing: run it when nothing else does. Missing a target is reported and is no failure.

Scenarios:
  service   CPU time per request, beside plain axum; start and memory
  sse       event streams beside a naive handler: memory, fan-out, readers that stall
  login     other requests and memory in a storm of logins; whether time tells which names exist
  overload  three times as many requests as can be answered
  outage    a Redis that is not there, hangs and is killed, under load
  restarts  two nodes behind HAProxy, restarted in turn under load

`cargo xtask bench <scenario> --help` explains each.
";

/// A scenario: its name, its help, and what it does with the arguments after it.
struct Scenario {
    name: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Outcome,
}

/// Every scenario, in the order in which `--help` lists them.
const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "service",
        help: service::HELP,
        run: service::run,
    },
    Scenario {
        name: "sse",
        help: sse::HELP,
        run: sse::run,
    },
    Scenario {
        name: "login",
        help: login::HELP,
        run: login::run,
    },
    Scenario {
        name: "overload",
        help: overload::HELP,
        run: overload::run,
    },
    Scenario {
        name: "outage",
        help: outage::HELP,
        run: outage::run,
    },
    Scenario {
        name: "restarts",
        help: restarts::HELP,
        run: restarts::run,
    },
];

/// Runs the scenario in the first argument.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let names = || {
        let names = SCENARIOS.iter().map(|scenario| scenario.name);
        names.collect::<Vec<_>>().join(", ")
    };
    let Some((name, rest)) = arguments.split_first() else {
        return Err(format!("which scenario? There are: {}", names()));
    };
    let scenario = SCENARIOS
        .iter()
        .find(|scenario| scenario.name == name)
        .ok_or_else(|| format!("no scenario `{name}`; there are: {}", names()))?;
    if rest.first().is_some_and(|first| crate::is_help(first)) {
        println!("{}", scenario.help);
        return Ok(());
    }
    (scenario.run)(rest)
}

/// Builds programs of `xtask/bench` for release.
fn build(names: &[&str]) -> Outcome {
    assets::bring()?;
    let mut cargo = programs::cargo();
    cargo
        .current_dir(workspace::root())
        .args(["build", "--release", "--package", "acton-bench"]);
    names.iter().for_each(|name| {
        cargo.args(["--bin", name]);
    });
    programs::run(&mut cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_in_the_help_and_has_its_own() {
        for scenario in SCENARIOS {
            assert!(HELP.contains(&format!("\n  {} ", scenario.name)));
            let usage = format!("Usage: cargo xtask bench {}", scenario.name);
            assert!(scenario.help.starts_with(&usage), "{}", scenario.name);
        }
    }

    #[test]
    fn an_unknown_scenario_is_one_sentence() {
        let outcome = run(&["nonsense".into()]);
        let sentence = outcome.unwrap_err();
        assert!(sentence.starts_with("no scenario `nonsense`; there are: service"));
    }
}
