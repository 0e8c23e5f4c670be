//! Which files are read, and which of them counts.

use std::{ffi::OsString, fs};

use super::temporary;
use crate::config::{
    Config,
    sources::{Sources, files_for},
};

#[test]
fn of_the_system_the_user_and_the_folder_the_later_one_counts() {
    let files = |variables: &[(&str, &str)]| -> Vec<String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let files = files_for("shop", variable);
        files
            .iter()
            .map(|file| file.display().to_string())
            .collect()
    };
    let of_home = [
        "/etc/shop/config.toml",
        "/home/me/.config/shop/config.toml",
        "config.toml",
    ];
    assert_eq!(files(&[("HOME", "/home/me")]), of_home);
    let xdg = files(&[("HOME", "/home/me"), ("XDG_CONFIG_HOME", "/xdg")]);
    assert_eq!(xdg[1], "/xdg/shop/config.toml");
    // A relative one is to be ignored, and an empty one is none.
    for no in ["xdg", ""] {
        assert_eq!(
            files(&[("HOME", "/home/me"), ("XDG_CONFIG_HOME", no)]),
            of_home
        );
    }
    assert_eq!(files(&[]), ["/etc/shop/config.toml", "config.toml"]);

    let settings = [
        "[limits]\nrequests = 1\nconnections = 1\nhttp2_streams = 1\nbody = \"1KiB\"",
        "[limits]\nconnections = 2\nhttp2_streams = 2\nbody = \"2KiB\"",
        "[limits]\nhttp2_streams = 3\nbody = \"3KiB\"",
    ];
    let files = settings.map(temporary);
    let environment = [("ACTON_LIMITS__BODY".into(), "4KiB".into())];
    let config: Config = Config::read(Sources::new(&files, environment).unwrap()).unwrap();
    for file in files {
        fs::remove_file(file).unwrap();
    }
    let limits = config.limits;
    let read = (
        limits.requests,
        limits.connections,
        limits.http2_streams,
        limits.body,
    );
    assert_eq!(read, (1, 2, 3, 4096));
}
