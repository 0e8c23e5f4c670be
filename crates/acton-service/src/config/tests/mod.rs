use std::{ffi::OsString, fs, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{Config, ConfigError, sources::Sources};
use crate::server::Delay;

mod app;
mod files;
mod kinds;
#[cfg(all(feature = "jwt", feature = "cache", feature = "sqlite"))]
mod secrets;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shop {
    currency: String,
    #[serde(default)]
    sizes: Vec<u8>,
}

fn read<T: serde::de::DeserializeOwned>(
    file: &str,
    environment: &[(&str, &str)],
) -> Result<Config<T>, ConfigError> {
    let path = temporary(file);
    let environment = environment
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let sources = Sources::new(std::slice::from_ref(&path), environment);
    let config = sources.and_then(Config::read);
    fs::remove_file(path).unwrap();
    config
}

fn temporary(content: &str) -> PathBuf {
    let name = format!("acton-config-{:x}.toml", getrandom::u64().unwrap());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, content).unwrap();
    path
}

fn env(name: &str, value: &str) -> Result<Config, ConfigError> {
    read("", &[(name, value)])
}

fn sentence(config: Result<Config, ConfigError>) -> String {
    config.unwrap_err().to_string()
}

#[test]
fn without_any_source_everything_has_its_default() {
    let config: Config = read("", &[]).unwrap();
    assert_eq!(config.service.bind.to_string(), "127.0.0.1:3000");
    assert_eq!(config.limits.body, 2 * 1024 * 1024);
    assert_eq!(config.shutdown.grace, Duration::from_secs(25));
}

#[test]
fn a_mode_is_octal_with_and_without_quotes() {
    for mode in ["\"600\"", "600", "\"0600\""] {
        let file = format!("[service]\nunix_socket_mode = {mode}");
        let config: Config = read(&file, &[]).unwrap();
        assert_eq!(config.service.unix_socket_mode, 0o600, "{mode}");
    }
    let config = env("ACTON_SERVICE__UNIX_SOCKET_MODE", "666").unwrap();
    assert_eq!(config.service.unix_socket_mode, 0o666);
    for mode in ["rw-rw----", "1777", "888", "-1"] {
        let told = sentence(env("ACTON_SERVICE__UNIX_SOCKET_MODE", mode));
        assert!(
            told.contains("service.unix_socket_mode") && told.contains("an octal mode such as 660"),
            "{told}"
        );
        assert!(!told.contains(mode), "{told}");
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = "[limits]\nrequest_timeout = \"5s\"\nheader_timeout = \"6s\"";
    let config: Config = read(file, &[("ACTON_LIMITS__REQUEST_TIMEOUT", "7s")]).unwrap();
    assert_eq!(config.limits.request_timeout, Duration::from_secs(7));
    assert_eq!(config.limits.header_timeout, Duration::from_secs(6));
}

#[test]
fn a_comma_list_in_the_environment_is_a_list() {
    let config = env("ACTON_SERVICE__ALLOWED_HOSTS", "a.test, b.test").unwrap();
    assert_eq!(config.service.allowed_hosts, ["a.test", "b.test"]);
}

#[test]
fn one_word_in_the_environment_is_a_list_of_one() {
    let config = env("ACTON_SERVICE__TRUSTED_PROXIES", "10.0.0.0/8").unwrap();
    assert_eq!(config.service.trusted_proxies.len(), 1);
}

#[test]
fn an_empty_variable_is_not_set() {
    assert_eq!(
        env("ACTON_LIMITS__BODY", "").unwrap().limits.body,
        2 * 1024 * 1024
    );
}

#[test]
fn a_misspelt_key_in_the_environment_is_named() {
    let told = sentence(env("ACTON_SERVICE__BNID", "127.0.0.1:1"));
    assert!(
        told.contains("`service.bnid` (environment variable ACTON_SERVICE__BNID)"),
        "{told}"
    );
    assert!(told.contains("bind"), "{told}");
}

#[cfg(all(feature = "cache", feature = "sqlite"))]
#[test]
fn a_url_of_another_kind_stops_the_start_whoever_uses_it() {
    for (variable, key, url) in [
        ("ACTON_REDIS__URL", "redis.url", "http://hunter2.test"),
        ("ACTON_REDIS__URL", "redis.url", "hunter2"),
        (
            "ACTON_DATABASE__URL",
            "database.url",
            "mysql://hunter2.test/db",
        ),
    ] {
        let told = sentence(env(variable, url));
        let named = format!("the setting `{key}` (environment variable {variable}) ");
        assert!(told.starts_with(&named), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn what_is_wanted_is_told_of_addresses_and_words_too() {
    let address = "expected an address and a port such as 127.0.0.1:3000";
    for (variable, value, wanted) in [
        ("ACTON_SERVICE__BIND", "hunter2:3000", address),
        #[cfg(feature = "metrics")]
        ("ACTON_METRICS__BIND", "hunter2", address),
        (
            "ACTON_LOG__FORMAT",
            "hunter2",
            "expected `pretty` or `json`",
        ),
    ] {
        let told = sentence(env(variable, value));
        assert!(told.contains(variable) && told.ends_with(wanted), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_misspelt_section_is_named() {
    let told = sentence(env("ACTON_SEVICE__BIND", "127.0.0.1:1"));
    assert!(
        told.contains("[sevice] (environment variable ACTON_SEVICE__BIND)"),
        "{told}"
    );
}

#[test]
fn a_single_underscore_is_pointed_out() {
    let told = sentence(env("ACTON_SERVICE_BIND", "127.0.0.1:1"));
    assert!(told.contains("ACTON_SERVICE__BIND"), "{told}");
}

#[test]
fn another_programs_variable_is_left_alone() {
    assert!(env("ACTON_HOME", "/home/acton").is_ok());
}

#[test]
fn a_misspelt_key_in_a_file_is_named_with_its_file() {
    let told = sentence(read("[limits]\nboddy = \"1MiB\"", &[]));
    assert!(
        told.contains("`limits.boddy`") && told.contains(".toml"),
        "{told}"
    );
}

#[test]
fn a_value_that_does_not_fit_is_not_shown() {
    let told = sentence(env("ACTON_LIMITS__BODY", "hunter2"));
    assert!(
        told.contains("`limits.body`") && told.contains("2MiB"),
        "{told}"
    );
    assert!(!told.contains("hunter2"), "{told}");
}

#[cfg(feature = "session")]
#[test]
fn a_slip_in_the_session_section_is_not_passed_over() {
    for (name, value) in [
        ("ACTON_SESSION__SECRUE", "false"),
        ("ACTON_SESSION__SAME_SITE", "bogus"),
        ("ACTON_SESSION__IDLE", "soon"),
        ("ACTON_CSRF__ENABLED", "perhaps"),
    ] {
        let told = sentence(env(name, value));
        assert!(told.contains(name) && !told.contains(value), "{told}");
    }
}

#[test]
fn a_log_filter_that_would_be_passed_over_is_refused() {
    let told = sentence(env("ACTON_LOG__FILTER", "info,my_app=loud"));
    assert!(
        told.contains("`log.filter`") && !told.contains("loud"),
        "{told}"
    );
}

#[test]
fn a_duration_without_its_unit_is_refused() {
    let told = sentence(env("ACTON_SHUTDOWN__GRACE", "25"));
    assert!(
        told.contains("`shutdown.grace`") && !told.contains("25"),
        "{told}"
    );
}

#[test]
fn a_broken_file_is_refused_without_quoting_it() {
    let told = sentence(read("[service\nname = \"hunter2\"", &[]));
    assert!(
        told.contains("not valid TOML") && !told.contains("hunter2"),
        "{told}"
    );
}

#[test]
fn a_key_outside_a_section_is_refused() {
    let told = sentence(read("bind = \"127.0.0.1:1\"", &[]));
    assert!(told.contains("`bind`"), "{told}");
}

#[test]
fn the_application_reads_its_own_section() {
    let config: Config<Shop> =
        read("[app]\ncurrency = \"EUR\"", &[("ACTON_APP__SIZES", "1,2")]).unwrap();
    assert_eq!(config.app.currency, "EUR");
    assert_eq!(config.app.sizes, [1, 2]);
}

#[test]
fn what_the_application_needs_is_asked_for_by_name() {
    let told = read::<Shop>("", &[]).unwrap_err().to_string();
    assert!(
        told.contains("[app]") && told.contains("currency"),
        "{told}"
    );
}

#[test]
fn an_unknown_key_of_the_application_is_named() {
    let told = read::<Shop>("[app]\ncurency = \"EUR\"", &[])
        .unwrap_err()
        .to_string();
    assert!(told.contains("`app.curency`"), "{told}");
}

#[test]
fn a_service_without_its_own_section_has_no_own_keys() {
    assert!(sentence(env("ACTON_APP__X", "1")).contains("app"));
}

#[test]
fn a_value_can_come_from_a_file() {
    let path = temporary("from-a-file\n");
    let config = env("ACTON_SERVICE__NAME_FILE", path.to_str().unwrap()).unwrap();
    fs::remove_file(path).unwrap();
    assert_eq!(config.service.name, "from-a-file");
}

#[test]
fn of_a_value_and_a_file_for_it_the_later_source_counts() {
    let path = temporary("from-a-file");
    let file = format!("[service]\nname_file = {path:?}");
    let config: Config = read(&file, &[("ACTON_SERVICE__NAME", "from-env")]).unwrap();
    assert_eq!(config.service.name, "from-env");
    let named = [("ACTON_SERVICE__NAME_FILE", path.to_str().unwrap())];
    let config: Config = read("[service]\nname = \"from-toml\"", &named).unwrap();
    assert_eq!(config.service.name, "from-a-file");
    let told = sentence(read::<()>(&format!("{file}\nname = \"x\""), &[]));
    assert!(
        told.contains("`service.name`") && told.contains("`service.name_file`"),
        "{told}"
    );
    let both = [named[0], ("ACTON_SERVICE__NAME", "from-env")];
    let told = sentence(read::<()>("", &both));
    assert!(
        told.contains(
            "variable ACTON_SERVICE__NAME, environment variable ACTON_SERVICE__NAME_FILE"
        ),
        "{told}"
    );
    assert!(!told.contains("from-env"), "{told}");
    fs::remove_file(path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_file_that_leads_nowhere_stops_the_start() {
    let link = std::env::temp_dir().join(format!("acton-config-{}-link", std::process::id()));
    std::os::unix::fs::symlink("/nowhere/at/all", &link).unwrap();
    let told = sentence(Config::<()>::load_files(vec![link.clone()]));
    fs::remove_file(&link).unwrap();
    assert!(told.contains("cannot be read"), "{told}");
    assert!(Config::<()>::load_files(vec![link]).is_ok());
}

#[test]
fn a_file_that_is_not_there_is_named_by_its_setting() {
    let told = sentence(env("ACTON_SERVICE__NAME_FILE", "/nowhere/at/all"));
    assert!(told.contains("`service.name_file`"), "{told}");
}

fn listing(environment: &[(&str, &str)]) -> String {
    let environment = environment
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let mut sections = super::section::Sections::new(Sources::new(&[], environment).unwrap());
    sections.take::<crate::ServiceConfig>("service").unwrap();
    sections.take_app::<toml_like::Anything>().unwrap();
    sections.finish().unwrap().0.to_string()
}

/// An application's section that takes any key.
mod toml_like {
    pub(super) type Anything = std::collections::HashMap<String, String>;
}

#[test]
fn settings_that_contradict_a_rule_or_each_other_are_named_with_their_sources() {
    for (name, value, key) in [
        ("ACTON_LIMITS__CONNECTIONS", "0", "`limits.connections`"),
        (
            "ACTON_SERVICE__PUBLIC_ORIGIN",
            "hunter2",
            "`service.public_origin`",
        ),
        (
            "ACTON_SERVICE__ALLOWED_HOSTS",
            "a.test,u@hunter2",
            "`service.allowed_hosts`",
        ),
        ("ACTON_LOG__FILTER", "hunter2=hunter2", "`log.filter`"),
        (
            "ACTON_CORS__ALLOWED_ORIGINS",
            "hunter2",
            "`cors.allowed_origins`",
        ),
    ] {
        let told = sentence(env(name, value));
        let named = format!("{key} (environment variable {name})");
        assert!(told.contains(&named) && !told.contains("hunter2"), "{told}");
    }
    #[cfg(all(feature = "auth", feature = "cache", feature = "sqlite"))]
    for (name, value, key) in [
        ("ACTON_DATABASE__CONNECTIONS", "0", "database.connections"),
        (
            "ACTON_DATABASE__ACQUIRE_TIMEOUT",
            "0s",
            "database.acquire_timeout",
        ),
        (
            "ACTON_REDIS__COMMAND_TIMEOUT",
            "0s",
            "redis.command_timeout",
        ),
        ("ACTON_REDIS__CONNECTIONS", "0", "redis.connections"),
        ("ACTON_PASSWORD__MAX_BYTES", "7", "password.max_bytes"),
    ] {
        let told = sentence(env(name, value));
        let named = format!("`{key}` (environment variable {name})");
        assert!(told.contains(&named), "{told}");
    }
    let file = "[shutdown]\ngrace = '9s'";
    let told = sentence(read(file, &[("ACTON_SHUTDOWN__DELAY", "9s")]));
    let delay = "`shutdown.delay` (environment variable ACTON_SHUTDOWN__DELAY)";
    assert!(told.contains(delay) && told.contains(".toml)"), "{told}");
    #[cfg(feature = "turso")]
    for key in ["connections", "acquire_timeout"] {
        let value = if key == "connections" { "0" } else { "0s" };
        let name = format!("ACTON_TURSO__{}", key.to_uppercase());
        let told = sentence(env(&name, value));
        let named = format!("`turso.{key}` (environment variable {name})");
        assert!(told.contains(&named), "{told}");
    }
    #[cfg(feature = "sse")]
    {
        let file = "[sse]\nretry_min = '9s'";
        let told = sentence(read(file, &[("ACTON_SSE__RETRY_MAX", "1s")]));
        let later = "`sse.retry_max` (environment variable ACTON_SSE__RETRY_MAX)";
        assert!(told.contains(later), "{told}");
        assert!(told.contains(".toml) is longer than"), "{told}");
    }
}

#[test]
fn a_short_grace_time_has_a_shorter_delay() {
    for (grace, delay) in [("25s", 5), ("60s", 5), ("10s", 2)] {
        let shutdown = env("ACTON_SHUTDOWN__GRACE", grace).unwrap().shutdown;
        let delay = Duration::from_secs(delay);
        assert_eq!(shutdown.delay(false), Delay::Whole(delay), "{grace}");
        assert_eq!(shutdown.delay(true), Delay::WhileBusy(delay), "{grace}");
    }
    let file = "[shutdown]\ndelay = '0s'\ngrace = '0s'";
    assert!(read::<()>(file, &[]).is_ok());
}

#[test]
fn the_listing_tells_values_and_where_they_were_written() {
    let listed = listing(&[
        ("ACTON_SERVICE__NAME", "shop"),
        ("ACTON_SERVICE__ALLOWED_HOSTS", "a.test,b.test"),
    ]);
    assert!(
        listed.contains("name = \"shop\" # environment variable ACTON_SERVICE__NAME"),
        "{listed}"
    );
    assert!(
        listed.contains("allowed_hosts = [\"a.test\", \"b.test\"]"),
        "{listed}"
    );
    assert!(listed.contains("# bind has its default"), "{listed}");
}

#[test]
fn the_listing_hides_what_may_be_secret() {
    let listed = listing(&[
        ("ACTON_APP__API_KEY", "hunter2"),
        ("ACTON_APP__API_KEYS", "hunter2"),
        ("ACTON_APP__SMTP_PASSWORD", "hunter2"),
        ("ACTON_APP__SMTP_PASS", "hunter2"),
        ("ACTON_APP__DB_PWD", "hunter2"),
        ("ACTON_APP__MAIL_URL", "smtp://u:hunter2@a.test"),
    ]);
    assert!(
        listed.contains("[redacted]") && !listed.contains("hunter2"),
        "{listed}"
    );
}

#[test]
fn the_listing_hides_a_url_with_a_password_under_any_name() {
    let listed = listing(&[
        ("ACTON_APP__MAIL", "smtp://u:hunter2@a.test"),
        ("ACTON_APP__SHOP", "https://a.test/@me"),
    ]);
    assert!(!listed.contains("hunter2"), "{listed}");
    assert!(listed.contains("https://a.test/@me"), "{listed}");
}

/// `| `service.bind` | …` in `docs/configuration.md`.
fn documented(section: &str) -> Vec<String> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let guide = fs::read_to_string(guide).unwrap();
    let keys = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let of_section = keys.filter_map(|key| key.strip_prefix(section)?.strip_prefix('.'));
    let mut keys: Vec<String> = of_section.map(ToOwned::to_owned).collect();
    keys.sort();
    keys
}

fn compare<S: serde::de::DeserializeOwned>(section: &str) {
    let mut keys = super::values::known_keys::<S>();
    keys.sort();
    assert!(!keys.is_empty(), "{section}");
    assert_eq!(
        documented(section),
        keys,
        "[{section}] in docs/configuration.md"
    );
}

#[test]
fn every_setting_is_documented_and_every_documented_setting_exists() {
    compare::<crate::ServiceConfig>("service");
    #[cfg(feature = "tls")]
    compare::<crate::TlsConfig>("tls");
    compare::<crate::LimitsConfig>("limits");
    compare::<crate::ShutdownConfig>("shutdown");
    compare::<crate::telemetry::LogConfig>("log");
    #[cfg(feature = "otel")]
    compare::<crate::telemetry::OtelConfig>("otel");
    #[cfg(feature = "metrics")]
    compare::<crate::MetricsConfig>("metrics");
    compare::<crate::CorsConfig>("cors");
    #[cfg(feature = "htmx")]
    compare::<crate::htmx::HtmxConfig>("htmx");
    #[cfg(feature = "session")]
    compare::<crate::session::SessionConfig>("session");
    #[cfg(feature = "session")]
    compare::<crate::session::CsrfConfig>("csrf");
    #[cfg(feature = "sse")]
    compare::<crate::sse::SseConfig>("sse");
    #[cfg(feature = "cache")]
    compare::<crate::RedisConfig>("redis");
    #[cfg(any(feature = "database", feature = "sqlite"))]
    compare::<crate::DatabaseConfig>("database");
    #[cfg(feature = "turso")]
    compare::<crate::TursoConfig>("turso");
    #[cfg(feature = "jwt")]
    compare::<crate::auth::JwtConfig>("jwt");
    #[cfg(feature = "auth")]
    compare::<crate::auth::PasswordConfig>("password");
    #[cfg(feature = "auth")]
    compare::<crate::auth::ThrottleConfig>("throttle");
}

#[cfg(all(
    feature = "session",
    feature = "sse",
    feature = "jwt",
    feature = "cache"
))]
#[test]
fn every_variable_of_the_fixture_application_is_a_setting() {
    for (name, value) in [
        ("ACTON_SERVICE__BIND", "127.0.0.1:3999"),
        ("ACTON_SERVICE__PUBLIC_ORIGIN", "https://a.test"),
        ("ACTON_SERVICE__ALLOWED_HOSTS", "a.test,b.test"),
        ("ACTON_SERVICE__TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1"),
        ("ACTON_SESSION__STORAGE", "redis"),
        ("ACTON_SESSION__IDLE", "30m"),
        ("ACTON_SESSION__ABSOLUTE", "7d"),
        ("ACTON_REDIS__URL", "redis://127.0.0.1:6379/1"),
        ("ACTON_SESSION__SAME_SITE", "strict"),
        (
            "ACTON_CSRF__TRUSTED_ORIGINS",
            "https://a.test,https://b.test",
        ),
        ("ACTON_JWT__ALGORITHM", "HS256"),
        ("ACTON_JWT__SECRET", "12345678901234567890123456789012"),
        ("ACTON_JWT__PUBLIC_KEY_FILE", "/run/key.pem"),
        ("ACTON_JWT__ISSUER", "https://issuer.test"),
        ("ACTON_JWT__AUDIENCE", "api"),
        ("ACTON_CORS__ALLOWED_ORIGINS", "https://a.test"),
        ("ACTON_CORS__CREDENTIALS", "true"),
        ("ACTON_LIMITS__BODY", "2MiB"),
        ("ACTON_LIMITS__REQUEST_TIMEOUT", "30s"),
        ("ACTON_LIMITS__HEADER_TIMEOUT", "10s"),
        ("ACTON_SHUTDOWN__GRACE", "25s"),
        ("ACTON_SSE__BACKPLANE", "redis"),
        ("ACTON_SSE__HISTORY", "1000"),
        ("ACTON_SSE__KEEP_ALIVE", "15s"),
        ("ACTON_HTMX__VERSION", "4"),
    ] {
        if let Err(error) = env(name, value) {
            panic!("{name}: {error}");
        }
    }
}
