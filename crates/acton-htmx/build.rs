//! Says how to get the htmx scripts when feature `assets` is on and they are not there.

use std::{env, path::Path};

const SCRIPTS: [&str; 4] = [
    "htmx2.min.js",
    "htmx2-sse.min.js",
    "htmx4.min.js",
    "htmx4-sse.min.js",
];

fn main() {
    println!("cargo::rerun-if-changed=assets/dist");
    let wanted = env::var_os("CARGO_FEATURE_ASSETS").is_some();
    let missing = SCRIPTS
        .iter()
        .find(|name| !Path::new("assets/dist").join(name).is_file());
    if let Some(name) = missing.filter(|_| wanted) {
        // Whoever depends on a checkout builds somewhere else.
        let here = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!(
            "cargo::error=assets/dist/{name} is missing: run `cargo xtask assets` in {here} to bring the htmx scripts"
        );
    }
}
