//! `cargo xtask ci`: everything that must hold before a change lands.

use std::process::Command;

use crate::steps::Steps;
use crate::{Outcome, assets, budget, downstream, fuzz, programs, workspace};

/// What `cargo xtask ci --help` says.
pub(crate) const HELP: &str = "\
Usage: cargo xtask ci

Formatting, clippy, every feature alone and all together, the crate budgets, the packaged files, a
crate that depends on acton-service alone, documentation, licences and advisories; then what
`cargo xtask test` runs, some of it again with few features, and what `cargo xtask fuzz` runs.
Warnings are errors. All steps share one target folder.
";

/// Runs every step and prints what each took.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(unexpected) = arguments.first() {
        return Err(format!("`cargo xtask ci` takes no argument `{unexpected}`"));
    }
    let packages = workspace::packages()?;
    let mut steps = Steps::default();
    steps.step("minimum supported Rust version", || minimum_rust(&packages))?;
    steps.step("formatting", formatting)?;
    steps.step("htmx scripts", assets::bring)?;
    steps.step("clippy", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--all-features"])
    })?;
    steps.step("every feature alone", || every_feature(&packages))?;
    steps.step("crate budgets", budget::check)?;
    steps.step("packaged files", || packaged(&packages))?;
    steps.step("a downstream crate", downstream::check)?;
    steps.step("documentation", || {
        cargo(&["doc", "--workspace", "--all-features", "--no-deps"])
    })?;
    steps.step("licences and advisories", deny)?;
    steps.step("cargo xtask test", || cargo(&["xtask", "test"]))?;
    steps.step("tests with few features", few_features)?;
    steps.step("fuzz targets", || fuzz::every_target(fuzz::SECONDS))?;
    steps.summary();
    Ok(())
}

/// A cargo command under which warnings are errors; the same flags everywhere, so that artefacts are shared.
pub(crate) fn strict_cargo() -> Command {
    let mut command = programs::cargo();
    command
        .current_dir(workspace::root())
        .env("RUSTFLAGS", "-D warnings")
        .env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn cargo(arguments: &[&str]) -> Outcome {
    programs::run(strict_cargo().args(arguments))
}

/// The members, and the fuzz targets, which are a workspace of their own.
fn formatting() -> Outcome {
    cargo(&["fmt", "--all", "--check"])?;
    let mut targets = strict_cargo();
    targets.current_dir(fuzz::folder()).args(["fmt", "--check"]);
    programs::run(&mut targets)
}

/// Each crate without features, then with each of its features alone.
fn every_feature(packages: &[workspace::Package]) -> Outcome {
    for package in packages.iter().filter(|package| package.is_published()) {
        let base = [
            "check",
            "--quiet",
            "--package",
            &package.name,
            "--no-default-features",
        ];
        cargo(&base)?;
        for feature in &package.features {
            eprintln!("    {} with {feature}", package.name);
            cargo(&[&base[..], &["--features", feature]].concat())?;
        }
    }
    eprintln!("    the task manager as the documentation runs it");
    cargo(&[
        "check",
        "--quiet",
        "--manifest-path=crates/acton-service/Cargo.toml",
        "--example=task-manager",
        "--features=htmx-full",
    ])
}

/// What is tested with all features must also work with the few that an application asks for.
fn few_features() -> Outcome {
    let page = [
        "--package=acton-service",
        "--features=htmx-full",
        "--test=page",
    ];
    cargo(&[&["test", "--quiet"], &page[..]].concat())?;
    for package in ["acton-templates", "acton-session", "acton-sse"] {
        let alone = ["--quiet", "--no-default-features", "--lib", "--package"];
        cargo(&[&["test"], &alone[..], &[package]].concat())?;
    }
    Ok(())
}

/// The stated version is the one that compiles everything here, or it is asked to.
fn minimum_rust(packages: &[workspace::Package]) -> Outcome {
    let stated = &packages[0].rust_version;
    let version = programs::output(Command::new("rustc").arg("--version"))?;
    let current = version.split(' ').nth(1).unwrap_or_default();
    if current.starts_with(stated.as_str()) {
        eprintln!("    all steps run with the stated Rust {stated}");
        return Ok(());
    }
    let mut rustup = programs::command("rustup", "it brings the stated version of Rust")?;
    rustup.args([
        "run",
        "--install",
        stated,
        "cargo",
        "check",
        "--workspace",
        "--all-features",
    ]);
    programs::run(rustup.current_dir(workspace::root()))
}

/// Every crate can be packaged, and the package holds what git ignores and none of what users cannot use.
fn packaged(packages: &[workspace::Package]) -> Outcome {
    for package in packages.iter().filter(|package| package.is_published()) {
        let mut list = programs::cargo();
        list.current_dir(workspace::root()).args([
            "package",
            "--quiet",
            "--list",
            "--allow-dirty",
            "--package",
        ]);
        let files = programs::output(list.arg(&package.name))?;
        let has = |file: &str| files.lines().any(|line| line == file);
        let scripts = assets::packaged().filter(|_| package.name == "acton-htmx");
        let wanted = ["README.md", "src/lib.rs"].map(str::to_owned);
        if let Some(missing) = wanted.into_iter().chain(scripts).find(|file| !has(file)) {
            return Err(format!(
                "{} would be published without {missing}",
                package.name
            ));
        }
        if has("askama.toml") {
            return Err(format!(
                "{} would be published with the examples' settings",
                package.name
            ));
        }
    }
    let mut all = programs::cargo();
    all.current_dir(workspace::root())
        .args(["package", "--quiet", "--workspace"]);
    for tool in packages.iter().filter(|package| !package.is_published()) {
        all.args(["--exclude", &tool.name]);
    }
    programs::run(all.args(["--no-verify", "--allow-dirty"]))
}

/// Licences, bans and sources always; advisories when their database can be reached.
fn deny() -> Outcome {
    programs::command("cargo-deny", "cargo install cargo-deny --locked")?;
    cargo(&[
        "deny",
        "--log-level=error",
        "check",
        "licenses",
        "bans",
        "sources",
    ])?;
    let mut fetch = programs::cargo();
    fetch.args(["deny", "--log-level=off", "fetch", "db"]);
    if fetch
        .current_dir(workspace::root())
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return cargo(&[
            "deny",
            "--offline",
            "--log-level=error",
            "check",
            "advisories",
        ]);
    }
    eprintln!("    advisories not checked: their database cannot be reached from here");
    Ok(())
}
