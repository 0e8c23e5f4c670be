//! The project's own commands: `cargo xtask <verb>`.
//!
//! Names of crates, features and examples are read from `cargo metadata`, so nothing is listed twice.

use std::process::ExitCode;

mod assets;
mod bench;
mod budget;
mod ci;
mod downstream;
mod example;
mod failures;
mod fuzz;
mod programs;
mod steps;
mod test;
#[cfg(test)]
mod tidy;
mod workspace;

/// What a verb ends with: nothing, or one sentence for the person who typed it.
type Outcome = Result<(), String>;

/// A verb: its name, its help, and what it does with the arguments after it.
struct Verb {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Outcome,
}

/// Every verb, in the order in which `--help` lists them.
const VERBS: &[Verb] = &[
    Verb {
        name: "example",
        summary: "run an example with what it needs",
        help: example::HELP,
        run: example::run,
    },
    Verb {
        name: "test",
        summary: "run all tests: Rust, documentation, and the examples in a real browser",
        help: test::HELP,
        run: test::run,
    },
    Verb {
        name: "ci",
        summary: "check everything that must hold before a change lands",
        help: ci::HELP,
        run: ci::run,
    },
    Verb {
        name: "assets",
        summary: "bring the htmx scripts, verify their hashes, put them where cargo finds them",
        help: assets::HELP,
        run: assets::run,
    },
    Verb {
        name: "fuzz",
        summary: "try what nobody thought of: the fuzz targets, for some seconds each",
        help: fuzz::HELP,
        run: fuzz::run,
    },
    Verb {
        name: "bench",
        summary: "measure what things cost, beside what they replace",
        help: bench::HELP,
        run: bench::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{}", programs::paint("31", &format!("error: {sentence}")));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Outcome {
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", overview());
        return Ok(());
    };
    if is_help(name) {
        print!("{}", overview());
        return Ok(());
    }
    let verb = VERBS
        .iter()
        .find(|verb| verb.name == name)
        .ok_or_else(|| format!("no verb `{name}`; `cargo xtask --help` lists them"))?;
    if rest.first().is_some_and(|first| is_help(first)) {
        println!(
            "cargo xtask {}: {}\n\n{}",
            verb.name, verb.summary, verb.help
        );
        return Ok(());
    }
    (verb.run)(rest)
}

fn is_help(argument: &str) -> bool {
    matches!(argument, "help" | "-h" | "--help")
}

fn overview() -> String {
    let mut text = String::from(
        "The project's own commands.\n\nUsage: cargo xtask <verb> [arguments]\n\nVerbs:\n",
    );
    for verb in VERBS {
        text.push_str(&format!("  {:<8}  {}\n", verb.name, verb.summary));
    }
    text.push_str("\n`cargo xtask <verb> --help` explains one of them.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_names_every_verb() {
        let text = overview();
        for verb in VERBS {
            assert!(text.contains(verb.summary), "{} is missing", verb.name);
        }
    }

    #[test]
    fn an_unknown_verb_is_one_sentence() {
        let outcome = dispatch(&["nonsense".into()]);
        assert_eq!(
            outcome,
            Err("no verb `nonsense`; `cargo xtask --help` lists them".into())
        );
    }
}
