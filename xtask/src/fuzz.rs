//! `cargo xtask fuzz`: the fuzz targets of `fuzz/`, for some seconds each.

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::{self, ScopedJoinHandle};

use crate::{Outcome, programs, workspace};

/// What `cargo xtask fuzz --help` says.
pub(crate) const HELP: &str = "\
Usage: cargo xtask fuzz [seconds]

Builds the targets in fuzz/fuzz_targets with coverage instrumentation and runs each for so many
seconds, 30 unless told, two at a time. What they learn stays in fuzz/corpus, and an input that
breaks a promise in fuzz/artifacts; git ignores both. With a number in FUZZ_SEED libFuzzer draws
the same inputs again, which CI does, so that what it finds comes from the change.

libFuzzer comes with its sources, so this needs a C++ compiler and no other toolchain or tool;
without one it says how to install it. The layout is that of cargo-fuzz, which runs the same
targets: cargo +nightly fuzz run <target>.
";

/// How long each target runs unless told.
pub(crate) const SECONDS: u32 = 30;

/// Coverage that libFuzzer follows, by the flags of cargo-fuzz, and checked arithmetic. There is no
/// address sanitizer, which would need nightly: the crates on trial have no unsafe code.
const RUSTFLAGS: &str = "\
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Ccodegen-units=1 -Cdebug-assertions --cfg fuzzing -Dwarnings";

/// Runs every target for the seconds in the first argument.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let seconds = match arguments {
        [] => SECONDS,
        // To libFuzzer, no seconds are no end.
        [seconds] => seconds
            .parse::<NonZeroU32>()
            .map_err(|_| format!("`{seconds}` is not a number of seconds"))?
            .get(),
        _ => return Err("`cargo xtask fuzz` takes a number of seconds or nothing".into()),
    };
    every_target(seconds)
}

/// Builds and runs all targets, or says what is missing for that.
pub(crate) fn every_target(seconds: u32) -> Outcome {
    if std::env::var_os("CXX").is_none() && programs::find("c++").is_none() {
        eprintln!("skipped the fuzz targets: no C++ compiler; on Debian: apt-get install g++");
        return Ok(());
    }
    let built = &build()?;
    for pair in targets()?.chunks(2) {
        eprintln!("    {} for {seconds} s", pair.join(" and "));
        thread::scope(|scope| {
            let start = |name| scope.spawn(move || run_target(built, name, seconds));
            let running: Vec<_> = pair.iter().map(String::as_str).map(start).collect();
            let joined = |target: ScopedJoinHandle<_>| target.join().expect("no panic in a run");
            running.into_iter().try_for_each(joined)
        })?;
    }
    Ok(())
}

/// The folder of the manifest.
pub(crate) fn folder() -> PathBuf {
    workspace::root().join("fuzz")
}

/// Builds for a named platform, so that build scripts and macros are not instrumented.
fn build() -> Result<PathBuf, String> {
    let host = programs::output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let place = workspace::target().join("fuzz");
    let mut cargo = programs::cargo();
    cargo
        .args(["build", "--quiet", "--release", "--bins"])
        .args(["--target", host.trim(), "--target-dir"])
        .arg(&place)
        .current_dir(folder())
        .env("RUSTFLAGS", RUSTFLAGS);
    programs::run(&mut cargo)?;
    Ok(place.join(host.trim()).join("release"))
}

fn targets() -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder().join("fuzz_targets"))
        .map_err(|error| format!("fuzz/fuzz_targets: {error}"))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let targets = names.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned));
    let mut targets: Vec<String> = targets.collect();
    targets.sort();
    Ok(targets)
}

fn run_target(built: &Path, name: &str, seconds: u32) -> Outcome {
    let [corpus, artifacts] = ["corpus", "artifacts"].map(|kind| folder().join(kind).join(name));
    for place in [&corpus, &artifacts] {
        fs::create_dir_all(place).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    let mut target = Command::new(built.join(name));
    target
        .arg(&corpus)
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .args(["-print_final_stats=1", "-timeout=10"]);
    if let Ok(seed) = std::env::var("FUZZ_SEED") {
        target.arg(format!("-seed={seed}"));
    }
    let output = target
        .output()
        .map_err(|error| format!("`{name}` could not start: {error}"))?;
    judge(name, &output)
}

fn judge(name: &str, output: &Output) -> Outcome {
    let log = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        eprintln!("    {name}: {} runs", runs(&log).unwrap_or("no"));
        return Ok(());
    }
    eprintln!("{log}");
    Err(format!(
        "fuzz target `{name}` found an input that breaks a promise, see fuzz/artifacts/{name}"
    ))
}

/// How often libFuzzer says that it called the target.
fn runs(log: &str) -> Option<&str> {
    let line = log.lines().rev();
    line.filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .next()
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_in_the_manifest() {
        let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
        let targets = targets().unwrap();
        assert!(!targets.is_empty());
        for name in targets {
            let path = format!("path = \"fuzz_targets/{name}.rs\"");
            assert!(manifest.contains(&path), "{name}");
        }
    }

    #[test]
    fn the_number_of_runs_is_read_from_the_statistics() {
        let log = "Done\nstat::number_of_executed_units: 42\nstat::average_exec_per_sec:     7\n";
        assert_eq!(runs(log), Some("42"));
        assert_eq!(runs("Done"), None);
    }

    #[test]
    fn seconds_are_a_number() {
        for text in ["soon", "0", "-1"] {
            let outcome = run(&[text.into()]);
            assert_eq!(outcome, Err(format!("`{text}` is not a number of seconds")));
        }
    }
}
