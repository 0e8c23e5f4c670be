//! `cargo xtask example <name>`: run an example with what it needs.

use crate::{Outcome, assets, programs, workspace};

/// What `cargo xtask example --help` says.
pub(crate) const HELP: &str = "\
Usage: cargo xtask example <name> [arguments]

Runs an example of examples/README.md with the features it asks for, after bringing the htmx
scripts if they are missing. Arguments after the name go to the example. Without a name it lists
the examples.
";

/// Runs the example that the first argument names.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let packages = workspace::packages()?;
    let examples = packages.iter().flat_map(|package| {
        package
            .examples
            .iter()
            .map(move |example| (package, example))
    });
    let Some((name, rest)) = arguments.split_first() else {
        examples.for_each(|(_, example)| println!("{}", example.name));
        return Ok(());
    };
    let (package, example) = examples
        .into_iter()
        .find(|(_, example)| example.name == *name)
        .ok_or_else(|| format!("no example `{name}`; `cargo xtask example` lists them"))?;
    assets::bring()?;
    eprintln!("building the example {name}; the first build takes a few minutes");
    let mut cargo = programs::cargo();
    cargo
        .args(["run", "--package", &package.name, "--example", name])
        .args(["--features", &example.features.join(",")])
        .arg("--")
        .args(rest);
    programs::run(&mut cargo)
}
