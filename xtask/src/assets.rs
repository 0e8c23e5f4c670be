//! `cargo xtask assets`: the htmx scripts, brought by a pinned lock and checked against committed hashes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::{Outcome, programs, workspace};

/// What `cargo xtask assets --help` says.
pub(crate) const HELP: &str = "\
Usage: cargo xtask assets

Installs the exact versions of crates/acton-htmx/assets/package-lock.json with npm, compares each
script with crates/acton-htmx/assets/SHA256SUMS, and puts it into crates/acton-htmx/assets/dist/,
which git ignores and the published crate contains. Scripts that are there and match stay as they
are, without npm. `example`, `test` and `ci` do this by themselves.
";

/// The script's name in `dist/`, and where its package keeps it.
const SCRIPTS: [(&str, &str); 4] = [
    ("htmx2-sse.min.js", "htmx-ext-sse/dist/sse.min.js"),
    ("htmx2.min.js", "htmx.org/dist/htmx.min.js"),
    ("htmx4-sse.min.js", "htmx4/dist/ext/hx-sse.min.js"),
    ("htmx4.min.js", "htmx4/dist/htmx.min.js"),
];

/// Brings the scripts and says where they are.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(unexpected) = arguments.first() {
        return Err(format!(
            "`cargo xtask assets` takes no argument `{unexpected}`"
        ));
    }
    bring()?;
    for (name, _) in SCRIPTS {
        println!("crates/acton-htmx/assets/dist/{name}");
    }
    Ok(())
}

/// Brings the scripts unless they are there already.
pub(crate) fn bring() -> Outcome {
    let assets = folder();
    let sums = read_sums(&assets)?;
    if SCRIPTS
        .iter()
        .all(|(name, _)| matches(&assets.join("dist").join(name), name, &sums))
    {
        return Ok(());
    }
    eprintln!("bringing the htmx scripts with npm");
    let modules = install(&assets)?;
    fs::create_dir_all(assets.join("dist"))
        .map_err(|error| format!("assets/dist cannot be made: {error}"))?;
    SCRIPTS
        .iter()
        .try_for_each(|(name, source)| place(&assets, &modules.join(source), name, &sums))
}

/// The files that the published crate must contain, relative to the crate.
pub(crate) fn packaged() -> impl Iterator<Item = String> {
    SCRIPTS
        .iter()
        .map(|(name, _)| format!("assets/dist/{name}"))
}

fn folder() -> PathBuf {
    workspace::root().join("crates/acton-htmx/assets")
}

/// The committed hashes, in the format of `sha256sum`.
fn read_sums(assets: &Path) -> Result<String, String> {
    fs::read_to_string(assets.join("SHA256SUMS"))
        .map_err(|error| format!("assets/SHA256SUMS cannot be read: {error}"))
}

/// Installs below `target/`, so that no `node_modules` lies beside the sources.
fn install(assets: &Path) -> Result<PathBuf, String> {
    let place = workspace::target().join("xtask/assets");
    let copied = fs::create_dir_all(&place).and_then(|()| {
        [".npmrc", "package.json", "package-lock.json"]
            .iter()
            .try_for_each(|name| fs::copy(assets.join(name), place.join(name)).map(|_| ()))
    });
    copied.map_err(|error| format!("the npm lock cannot be copied to target: {error}"))?;
    programs::npm_ci(&place)?;
    Ok(place.join("node_modules"))
}

/// Copies one script under a temporary name, checks it, and renames it: nobody sees a half-written file.
fn place(assets: &Path, source: &Path, name: &str, sums: &str) -> Outcome {
    if !matches(source, name, sums) {
        return Err(format!(
            "{name} does not have the hash that assets/SHA256SUMS promises; nothing was replaced"
        ));
    }
    let arriving = assets
        .join("dist")
        .join(format!(".{name}.{}", std::process::id()));
    fs::copy(source, &arriving)
        .and_then(|_| fs::rename(&arriving, assets.join("dist").join(name)))
        .map_err(|error| format!("{name} cannot be written: {error}"))
}

fn matches(file: &Path, name: &str, sums: &str) -> bool {
    fs::read(file).is_ok_and(|bytes| promised(sums, name) == Some(sha256(&bytes).as_str()))
}

/// The hash that `sums` gives for `name`.
fn promised<'a>(sums: &'a str, name: &str) -> Option<&'a str> {
    sums.lines()
        .filter_map(|line| line.split_once("  "))
        .find(|(_, file)| *file == name)
        .map(|(hash, _)| hash)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_has_a_committed_hash() {
        let sums = read_sums(&folder()).unwrap();
        for (name, _) in SCRIPTS {
            assert_eq!(promised(&sums, name).map(str::len), Some(64), "{name}");
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let sums = format!("{}  a.js\n", sha256(b"alert(1)"));
        let file = std::env::temp_dir().join(format!("acton-xtask-{}.js", std::process::id()));
        fs::write(&file, b"alert(1)").unwrap();
        assert!(matches(&file, "a.js", &sums));
        fs::write(&file, b"alert(2)").unwrap();
        assert!(!matches(&file, "a.js", &sums));
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn the_hash_is_sha256_in_lower_case_hexadecimal() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    /// What cargo sees when it runs the build script of acton-htmx in a checkout without the scripts.
    #[test]
    fn a_build_without_the_scripts_names_the_command_in_one_sentence() {
        let place = std::env::temp_dir().join(format!("acton-xtask-bare-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        let program = place.join("build-script");
        let source = workspace::root().join("crates/acton-htmx/build.rs");
        let mut rustc = std::process::Command::new("rustc");
        rustc
            .args(["--edition", "2024", "-o"])
            .arg(&program)
            .arg(source);
        assert!(rustc.status().unwrap().success());
        let told = |feature: Option<&str>| {
            let mut script = std::process::Command::new(&program);
            script
                .current_dir(&place)
                .env_remove("CARGO_FEATURE_ASSETS");
            script.envs(feature.map(|name| (name, "1")));
            String::from_utf8(script.output().unwrap().stdout).unwrap()
        };
        let errors = |text: &str| text.matches("cargo::error=").count();
        let with_assets = told(Some("CARGO_FEATURE_ASSETS"));
        assert_eq!(errors(&with_assets), 1, "{with_assets}");
        assert!(
            with_assets.contains("run `cargo xtask assets`"),
            "{with_assets}"
        );
        assert_eq!(errors(&told(None)), 0, "nobody asked for the scripts");
        fs::remove_dir_all(&place).unwrap();
    }
}
