//! `cargo xtask test`: every test there is.

use std::fs;
use std::path::PathBuf;

use crate::steps::Steps;
use crate::{Outcome, assets, failures, programs, workspace};

/// What `cargo xtask test --help` says.
pub(crate) const HELP: &str = "\
Usage: cargo xtask test [rust|browser]

Brings the htmx scripts if they are missing, then runs
  rust     unit, integration and documentation tests of all crates with all features
  browser  the examples in headless Chromium, driven by Playwright
Suites that need Redis, PostgreSQL or Chromium start their own; where the program is missing they
say how to install it. With CI=true a missing program is a failure.
";

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Runs both kinds of tests, or the one that is named.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let mut steps = Steps::default();
    match arguments {
        [] => {
            rust(&mut steps)?;
            browser(&mut steps)?;
        }
        [one] if one == "rust" => rust(&mut steps)?,
        [one] if one == "browser" => browser(&mut steps)?,
        _ => return Err("`cargo xtask test` takes `rust`, `browser` or nothing".into()),
    }
    steps.summary();
    Ok(())
}

/// All Rust tests; examples are built on the way, and the tests that start them find them.
fn rust(steps: &mut Steps) -> Outcome {
    steps.step("htmx scripts", assets::bring)?;
    steps.step("examples", build_examples)?;
    steps.step("tests of all crates", || {
        failures::run(programs::cargo().args([
            "test",
            "--workspace",
            "--all-features",
            "--no-fail-fast",
        ]))
    })
}

/// The browser suites.
fn browser(steps: &mut Steps) -> Outcome {
    if BROWSERS.iter().all(|name| programs::find(name).is_none()) {
        let sentence = "Chromium is not installed; on Debian: apt-get install chromium";
        if programs::unattended() {
            return Err(sentence.into());
        }
        eprintln!("skipped the browser tests: {sentence}");
        return Ok(());
    }
    steps.step("htmx scripts", assets::bring)?;
    steps.step("examples", build_examples)?;
    steps.step("Playwright", install_playwright)?;
    steps.step("browser tests", || {
        let mut node = programs::command("node", programs::INSTALL_NPM)?;
        node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
            .args(suites()?)
            .current_dir(folder())
            .env("ACTON_EXAMPLES", workspace::target().join("debug/examples"));
        programs::run(&mut node)
    })
}

/// With the features of the whole workspace, as the tests build them: otherwise everything is built twice.
fn build_examples() -> Outcome {
    programs::run(programs::cargo().args(["build", "--workspace", "--examples", "--all-features"]))
}

/// `npm ci`, unless what is installed is newer than the lock.
fn install_playwright() -> Outcome {
    let changed = |path: PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    let installed = changed(folder().join("node_modules/.package-lock.json"));
    if installed >= changed(folder().join("package-lock.json")) {
        return Ok(());
    }
    programs::npm_ci(&folder())
}

fn suites() -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder()).map_err(|error| format!("tests/browser: {error}"))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut suites: Vec<String> = names.filter(|name| name.ends_with(".test.mjs")).collect();
    suites.sort();
    Ok(suites)
}

fn folder() -> PathBuf {
    workspace::root().join("tests/browser")
}
