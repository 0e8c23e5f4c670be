//! Where the workspace is, and what `cargo metadata` says about it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::programs;

/// The folder of the root manifest.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the workspace")
}

/// The target folder that every step shares.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// A member of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    pub(crate) rust_version: String,
    pub(crate) features: Vec<String>,
    /// The members that this one names, dev-dependencies included.
    #[cfg(test)]
    pub(crate) members: Vec<String>,
    pub(crate) examples: Vec<Example>,
}

/// An example and the features it asks for.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) name: String,
    #[cfg(test)]
    pub(crate) source: PathBuf,
    pub(crate) features: Vec<String>,
}

impl Package {
    /// Whether users depend on it; the other members are tools of the repository.
    pub(crate) fn is_published(&self) -> bool {
        self.manifest.starts_with(root().join("crates"))
    }

    /// The manifest as text.
    #[cfg(test)]
    pub(crate) fn manifest_text(&self) -> String {
        std::fs::read_to_string(&self.manifest).expect("a member has a manifest")
    }

    /// The folder of the manifest.
    #[cfg(test)]
    pub(crate) fn folder(&self) -> &Path {
        self.manifest.parent().expect("a manifest lies in a folder")
    }
}

/// All members, by name.
pub(crate) fn packages() -> Result<Vec<Package>, String> {
    let mut cargo = programs::cargo();
    cargo
        .current_dir(root())
        .args(["metadata", "--format-version=1", "--no-deps"]);
    let text = programs::output(&mut cargo)?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let mut packages: Vec<Package> = list(&metadata["packages"]).map(package).collect();
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(packages)
}

fn package(value: &Value) -> Package {
    let features = value["features"].as_object();
    Package {
        name: text(&value["name"]),
        manifest: text(&value["manifest_path"]).into(),
        rust_version: text(&value["rust_version"]),
        features: features
            .into_iter()
            .flat_map(|map| map.keys().cloned())
            .collect(),
        #[cfg(test)]
        members: members(value),
        examples: list(&value["targets"])
            .filter(|target| list(&target["kind"]).any(|kind| kind == "example"))
            .map(example)
            .collect(),
    }
}

#[cfg(test)]
fn members(package: &Value) -> Vec<String> {
    list(&package["dependencies"])
        .map(|dependency| text(&dependency["name"]))
        .filter(|name| name.starts_with("acton-"))
        .collect()
}

fn example(target: &Value) -> Example {
    Example {
        name: text(&target["name"]),
        #[cfg(test)]
        source: std::fs::canonicalize(text(&target["src_path"])).unwrap_or_default(),
        features: list(&target["required-features"]).map(text).collect(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
