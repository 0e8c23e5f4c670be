//! Settings that hold secrets.

use super::*;

/// Every setting of ours that holds a secret, with one that may be used.
const SECRETS: [(&str, &str); 3] = [
    ("jwt.secret", "hunter2-f3c1a0b2978e4d5566aa01bc9de7"),
    ("redis.url", "redis://:hunter2-f3c1a0@127.0.0.1"),
    (
        "database.url",
        "postgres://shop:hunter2-f3c1a0@127.0.0.1/shop",
    ),
];

fn variable(path: &str) -> String {
    let (section, key) = path.split_once('.').unwrap();
    format!("ACTON_{section}__{key}").to_uppercase()
}

fn revealed(config: &Config, path: &str) -> String {
    match path {
        "jwt.secret" => config.jwt.secret.as_ref().unwrap().reveal().to_owned(),
        "redis.url" => config.redis.url.clone(),
        _ => config.database.url.clone(),
    }
}

#[test]
fn every_secret_can_come_from_a_file() {
    for (path, secret) in SECRETS {
        let file = temporary(&format!("{secret}\n"));
        let name = format!("{}_FILE", variable(path));
        let config = env(&name, file.to_str().unwrap()).unwrap();
        assert_eq!(revealed(&config, path), secret);
        let key = path.split_once('.').unwrap();
        let written = format!("[{}]\n{}_file = {:?}", key.0, key.1, file);
        let config = read::<()>(&written, &[]).unwrap();
        assert_eq!(revealed(&config, path), secret);
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn no_dump_shows_a_secret() {
    let environment: Vec<_> = SECRETS
        .iter()
        .map(|(path, secret)| (variable(path), *secret))
        .collect();
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, secret)| (name.as_str(), *secret))
        .collect();
    let config = read::<()>("", &environment).unwrap();
    assert_eq!(revealed(&config, "jwt.secret"), SECRETS[0].1);
    let dump = format!("{config:?}");
    assert!(!dump.contains("hunter2"), "{dump}");

    let environment = environment
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let sources = Sources::new(&[], environment).unwrap();
    let mut sections = crate::config::section::Sections::new(sources);
    sections.take::<crate::auth::JwtConfig>("jwt").unwrap();
    sections.take::<crate::RedisConfig>("redis").unwrap();
    sections.take::<crate::DatabaseConfig>("database").unwrap();
    let listed = sections.finish().unwrap().0.to_string();
    assert_eq!(listed.matches("[redacted]").count(), 3, "{listed}");
    assert!(!listed.contains("hunter2"), "{listed}");
}

#[test]
fn a_weak_secret_stops_the_start_with_its_key_and_where_it_was_written() {
    let production = ("ACTON_SERVICE__ENVIRONMENT", "production");
    for (path, weak) in [
        ("jwt.secret", "hunter2"),
        ("jwt.secret", "changeme-changeme-changeme-changeme"),
        ("redis.url", "redis://:changeme@127.0.0.1"),
        ("database.url", "postgres://hunter2:hunter2@127.0.0.1/shop"),
    ] {
        let name = variable(path);
        let told = sentence(read("", &[production, (&name, weak)]));
        let named = format!("`{path}` (environment variable {name})");
        assert!(told.contains(&named), "{told}");
        assert!(!told.contains(weak) && !told.contains("hunter2"), "{told}");

        let (section, key) = path.split_once('.').unwrap();
        let file = format!("[{section}]\n{key} = {weak:?}");
        let told = sentence(read(&file, &[production]));
        assert!(told.contains(path) && told.contains(".toml"), "{told}");
        assert!(!told.contains(weak) && !told.contains("hunter2"), "{told}");

        let file = temporary(weak);
        let name = format!("{name}_FILE");
        let told = sentence(read("", &[production, (&name, file.to_str().unwrap())]));
        fs::remove_file(file).unwrap();
        assert!(told.contains(&name) && !told.contains(weak), "{told}");
    }
}
