//! The repository's own rules, as tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::{self, Package};

/// Which members each crate may name; a picture of the same is in `ARCHITECTURE.md`.
const ARROWS: [(&str, &[&str]); 8] = [
    ("acton-auth", &[]),
    ("acton-forms", &[]),
    ("acton-htmx", &[]),
    ("acton-session", &["acton-htmx"]),
    ("acton-sse", &["acton-htmx"]),
    ("acton-templates", &["acton-htmx", "acton-session"]),
    ("acton-templates-derive", &[]),
    (
        "acton-service",
        &[
            "acton-auth",
            "acton-forms",
            "acton-htmx",
            "acton-session",
            "acton-sse",
            "acton-templates",
            "acton-templates-derive",
        ],
    ),
];

/// What only the service does: read the world and connect to it.
const WORLD: [&str; 6] = [
    "std::env",
    "std::fs",
    "tokio::fs",
    "TcpListener",
    "TcpStream",
    "UnixListener",
];

fn published() -> Vec<Package> {
    let packages = workspace::packages().unwrap();
    packages.into_iter().filter(Package::is_published).collect()
}

/// The files that git tracks and that are text.
fn tracked() -> Vec<(PathBuf, String)> {
    let output = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(workspace::root())
        .output()
        .expect("git lists its files");
    let names = String::from_utf8(output.stdout).unwrap();
    let files = names.split('\0').filter(|name| !name.is_empty());
    files
        .filter_map(|name| {
            let text = fs::read_to_string(workspace::root().join(name)).ok()?;
            Some((PathBuf::from(name), text))
        })
        .collect()
}

/// The library sources of a crate, each without its tests.
fn sources(package: &Package) -> Vec<(PathBuf, String)> {
    let folder = package.folder().strip_prefix(workspace::root()).unwrap();
    let is_source = |path: &Path| {
        path.starts_with(folder.join("src")) && path.extension().is_some_and(|end| end == "rs")
    };
    let files = tracked().into_iter().filter(|(path, _)| is_source(path));
    files
        .map(|(path, text)| (path, without_tests(&text)))
        .collect()
}

/// The code between the tests: neither comments nor items behind `#[cfg(test)]`, as rustfmt lays them out.
fn without_tests(text: &str) -> String {
    let mut lines = text.lines();
    let mut code = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim_start() == "#[cfg(test)]" {
            let indent = &line[..line.len() - line.trim_start().len()];
            let ends = |line: &&str| {
                line.strip_prefix(indent).is_some_and(|rest| {
                    !rest.starts_with([' ', '#']) && rest.ends_with(['}', ';', ','])
                })
            };
            lines.by_ref().find(ends);
        } else if !line.trim_start().starts_with("//") {
            code.push(line);
        }
    }
    code.join("\n")
}

#[test]
fn only_tests_and_comments_are_left_out() {
    let text = "use a;\n#[cfg(test)]\nmod tests;\nstruct B {\n    #[cfg(test)]\n    c: u8,\n    d: u8,\n}\n\
                #[cfg(test)]\n#[path = \"x\"]\nmod e {\n    fn f() {}\n}\n// comment\nfn g() {}";
    let code = without_tests(text);
    assert_eq!(code, "use a;\nstruct B {\n    d: u8,\n}\nfn g() {}");
}

#[test]
fn arrows_point_down() {
    for package in published() {
        let (_, allowed) = ARROWS
            .iter()
            .find(|(name, _)| *name == package.name)
            .unwrap_or_else(|| panic!("{} has no place in the picture", package.name));
        // A crate names itself to give its own tests more features.
        for member in package
            .members
            .iter()
            .filter(|member| **member != package.name)
        {
            assert!(
                allowed.contains(&member.as_str()),
                "{} names {member}",
                package.name
            );
        }
    }
}

#[test]
fn only_the_service_reads_the_world() {
    for package in published() {
        if package.name == "acton-service" {
            continue;
        }
        for (path, code) in sources(&package) {
            let found = WORLD.iter().find(|word| code.contains(*word));
            assert_eq!(found, None, "{}", path.display());
        }
    }
}

#[test]
fn htmx_headers_have_one_owner() {
    for package in published() {
        if package.name == "acton-htmx" {
            continue;
        }
        for (path, code) in sources(&package) {
            let lower = code.to_lowercase();
            assert!(
                !lower.contains("\"hx-"),
                "{} spells an htmx header",
                path.display()
            );
        }
    }
}

#[test]
fn manifests_inherit_what_is_shared() {
    for package in workspace::packages().unwrap() {
        let manifest = package.manifest_text();
        for line in [
            "edition.workspace = true",
            "rust-version.workspace = true",
            "[lints]\nworkspace = true",
        ] {
            assert!(manifest.contains(line), "{} lacks `{line}`", package.name);
        }
    }
}

#[test]
fn every_feature_is_documented() {
    for package in published() {
        let manifest = package.manifest_text();
        let lines: Vec<&str> = manifest.lines().collect();
        for feature in package
            .features
            .iter()
            .filter(|feature| *feature != "default")
        {
            let place = lines
                .iter()
                .position(|line| line.starts_with(&format!("{feature} = [")))
                .unwrap_or_else(|| panic!("{} has no line for {feature}", package.name));
            assert!(
                lines[place - 1].starts_with("## "),
                "{}: {feature}",
                package.name
            );
        }
    }
}

#[test]
fn the_readme_shows_every_crate() {
    let readme = fs::read_to_string(workspace::root().join("README.md")).unwrap();
    for package in published() {
        assert!(
            readme.contains(&format!("| `{}` |", package.name)),
            "{}",
            package.name
        );
    }
}

#[test]
fn the_readme_has_the_features_of_the_manifest() {
    let readme = fs::read_to_string(workspace::root().join("README.md")).unwrap();
    let packages = published();
    let service = packages
        .iter()
        .find(|package| package.name == "acton-service");
    let manifest = service.expect("the facade is published").manifest_text();
    let lines: Vec<&str> = manifest.lines().collect();
    let rows = lines.windows(2).filter_map(|pair| {
        let (text, line) = (pair[0].strip_prefix("## ")?, pair[1]);
        Some(format!("| `{}` | {text} |", line.split(" = ").next()?))
    });
    let table = readme
        .split("| feature | what it adds |\n|---|---|\n")
        .nth(1);
    let table = table
        .expect("a table of features")
        .split("\n\n")
        .next()
        .unwrap();
    let found: Vec<&str> = table.lines().collect();
    assert_eq!(found, rows.collect::<Vec<_>>());
}

#[test]
fn every_guide_is_compiled() {
    let service = fs::read_to_string(workspace::root().join("crates/acton-service/src/lib.rs"));
    let service = service.unwrap();
    let list = service
        .split("guides!(")
        .nth(1)
        .and_then(|rest| rest.split(')').next());
    let list = list.expect("the guides are doc-tests");
    for (path, _) in tracked() {
        let is_guide = path.starts_with("docs") && path.extension().is_some_and(|end| end == "md");
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if is_guide && name != "style" {
            assert!(
                list.split(',').any(|guide| guide.trim() == name),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn every_example_is_in_the_course() {
    let course = fs::read_to_string(workspace::root().join("examples/README.md")).unwrap();
    for example in workspace::packages()
        .unwrap()
        .iter()
        .flat_map(|package| &package.examples)
    {
        assert!(
            example
                .source
                .starts_with(workspace::root().join("examples")),
            "{}",
            example.name
        );
        let command = format!("cargo xtask example {}", example.name);
        assert!(course.contains(&command), "{command}");
    }
}

#[test]
fn no_test_is_switched_off() {
    let switched_off = ["#[ign", "ore"].concat();
    for (path, text) in tracked() {
        let kind = path
            .extension()
            .and_then(|end| end.to_str())
            .unwrap_or_default();
        if kind == "rs" {
            assert!(!text.contains(&switched_off), "{}", path.display());
        }
        if matches!(kind, "rs" | "md") {
            let fence = text
                .lines()
                .find(|line| line.contains("```") && line.contains(&switched_off[2..]));
            assert_eq!(fence, None, "{}", path.display());
        }
    }
}

#[test]
fn third_party_scripts_are_not_committed() {
    for (path, _) in tracked() {
        let name = path.to_string_lossy();
        assert!(
            !name.ends_with(".min.js") && !name.contains("node_modules"),
            "{name}"
        );
    }
}

#[test]
fn nothing_speaks_of_a_machine() {
    let words = [
        ["/ro", "ot/"],
        ["://regis", "try."],
        ["\"resol", "ved\": \"http"],
    ];
    for (path, text) in tracked() {
        for word in words.map(|parts| parts.concat()) {
            assert!(!text.contains(&word), "{} holds {word}", path.display());
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    for (path, text) in tracked() {
        if path.extension().is_none_or(|end| end != "md") {
            continue;
        }
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let target = workspace::root().join(&path).with_file_name(file);
            assert!(target.exists(), "{}: {link}", path.display());
        }
    }
}
