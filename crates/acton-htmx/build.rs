//! Says how to get the htmx scripts when feature `assets` is on and they are not there.

use std::path::Path;

const SCRIPTS: [&str; 4] = [
    "htmx2.min.js",
    "htmx2-sse.min.js",
    "htmx4.min.js",
    "htmx4-sse.min.js",
];

fn main() {
    println!("cargo::rerun-if-changed=assets/dist");
    let wanted = std::env::var_os("CARGO_FEATURE_ASSETS").is_some();
    let missing = SCRIPTS
        .iter()
        .find(|name| !Path::new("assets/dist").join(name).is_file());
    if let Some(name) = missing.filter(|_| wanted) {
        println!(
            "cargo::error=assets/dist/{name} is missing: run `cargo xtask assets` to bring the htmx scripts"
        );
    }
}
