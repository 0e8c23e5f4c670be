//! Secrets that are easily guessed stop the start.

use super::{Config, ConfigError};

/// Words that stand in examples where a secret belongs; a random secret of their length hits none of them.
#[cfg(any(
    feature = "jwt",
    feature = "cache",
    feature = "database",
    feature = "sqlite"
))]
const PLACEHOLDERS: [&str; 8] = [
    "changeme",
    "change-me",
    "change_me",
    "changethis",
    "password",
    "placeholder",
    "supersecret",
    "yoursecret",
];

/// Passwords that are tried first.
#[cfg(any(feature = "cache", feature = "database", feature = "sqlite"))]
const COMMON: [&str; 14] = [
    "123456", "12345678", "admin", "default", "guest", "letmein", "passw0rd", "pass", "postgres",
    "qwerty", "redis", "root", "secret", "test",
];

/// Fewer different characters are no random secret, however long it is.
#[cfg(feature = "jwt")]
const DISTINCT: usize = 8;

/// On a developer's machine only what could not work anyway is refused.
#[cfg_attr(
    not(any(
        feature = "jwt",
        feature = "cache",
        feature = "database",
        feature = "sqlite"
    )),
    expect(unused_variables, reason = "without these features there is no secret")
)]
pub(super) fn check<T>(config: &Config<T>) -> Result<(), ConfigError> {
    let is_dev = config.service.is_dev();
    #[cfg(feature = "jwt")]
    if let Some(secret) = &config.jwt.secret {
        key("jwt.secret", secret.reveal(), is_dev)?;
    }
    #[cfg(feature = "cache")]
    url("redis.url", &config.redis.url, is_dev)?;
    #[cfg(any(feature = "database", feature = "sqlite"))]
    url("database.url", &config.database.url, is_dev)?;
    Ok(())
}

/// As long as its output: <https://www.rfc-editor.org/rfc/rfc7518#section-3.2>
#[cfg(feature = "jwt")]
fn key(path: &str, secret: &str, is_dev: bool) -> Result<(), ConfigError> {
    let mut bytes = secret.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    let is_guessable = bytes.len() < DISTINCT || is_placeholder(secret);
    let wrong = match (secret.len() < 32, is_guessable && !is_dev) {
        (true, _) => "is too short",
        (_, true) => "is easily guessed",
        _ => return Ok(()),
    };
    Err(ConfigError::new(format!(
        "the setting `{path}` {wrong}; use at least 32 random bytes, such as `openssl rand -hex 32` prints"
    )))
}

#[cfg(any(feature = "cache", feature = "database", feature = "sqlite"))]
fn url(path: &str, url: &str, is_dev: bool) -> Result<(), ConfigError> {
    let Some((user, password)) = in_url(url).filter(|_| !is_dev) else {
        return Ok(());
    };
    let lower = password.to_ascii_lowercase();
    let is_user = password == user || password.len() == 1;
    let is_guessable = is_user || COMMON.contains(&lower.as_str()) || is_placeholder(password);
    if password.is_empty() || !is_guessable {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "the setting `{path}` holds a password that is easily guessed; use a random one, or none where the server asks for none"
    )))
}

#[cfg(any(
    feature = "jwt",
    feature = "cache",
    feature = "database",
    feature = "sqlite"
))]
fn is_placeholder(secret: &str) -> bool {
    let lower = secret.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|word| lower.contains(word))
}

/// User and password of a URL that has them: `scheme://user:password@host`.
pub(super) fn in_url(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (information, _) = authority.rsplit_once('@')?;
    Some(information.split_once(':').unwrap_or((information, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_searched_for_its_password() {
        for (url, found) in [
            ("redis://:word@host:6379/1", Some(("", "word"))),
            ("postgres://user:wo:rd@host/name", Some(("user", "wo:rd"))),
            ("postgres://user:w@rd@host/name", Some(("user", "w@rd"))),
            ("amqp://user@host", Some(("user", ""))),
            ("redis://host:6379/@x", None),
            ("sqlite://app.db", None),
            ("me@host", None),
        ] {
            assert_eq!(in_url(url), found, "{url}");
        }
    }

    #[cfg(all(feature = "jwt", feature = "cache", feature = "sqlite"))]
    fn refusal(environment: &str, change: impl FnOnce(&mut Config)) -> Option<String> {
        let mut config: Config = Config::default();
        config.service.environment = environment.to_owned();
        change(&mut config);
        config.check().err().map(|error| error.to_string())
    }

    #[cfg(all(feature = "jwt", feature = "cache", feature = "sqlite"))]
    #[test]
    fn secrets_that_are_easily_guessed_are_refused_and_not_shown() {
        let jwt = |secret: &str| {
            let secret = Some(crate::auth::Secret::new(secret));
            move |config: &mut Config| config.jwt.secret = secret
        };
        let hard = "f3c1a0b2978e4d5566aa01bc9de7f890";
        for secret in [
            "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
            "abababababababababababababababababab",
            "please-ChangeMe-before-this-is-in-production",
        ] {
            let told = refusal("production", jwt(secret)).unwrap_or_default();
            assert!(
                told.contains("`jwt.secret`") && !told.contains(secret),
                "{told}"
            );
            assert_eq!(refusal("dev", jwt(secret)), None, "{secret}");
        }
        for environment in ["dev", "production"] {
            let told =
                refusal(environment, jwt("only-31-characters-are-in-there")).unwrap_or_default();
            assert!(told.contains("too short"), "{told}");
            assert_eq!(refusal(environment, jwt(hard)), None);
        }
    }

    #[cfg(all(feature = "jwt", feature = "cache", feature = "sqlite"))]
    #[test]
    fn passwords_in_urls_that_are_easily_guessed_are_refused_and_not_shown() {
        let redis = |url: &str| {
            let url = url.to_owned();
            move |config: &mut Config| config.redis.url = url
        };
        let database = |url: &str| {
            let url = url.to_owned();
            move |config: &mut Config| config.database.url = url
        };
        for password in ["Secret", "postgres", "shop", "my-password-1", "x"] {
            let url = format!("postgres://shop:{password}@db.internal/shop");
            let told = refusal("production", database(&url)).unwrap_or_default();
            assert!(
                told.contains("`database.url`") && !told.contains(":"),
                "{told}"
            );
            assert_eq!(refusal("dev", database(&url)), None, "{password}");
        }
        let told =
            refusal("production", redis("redis://:redis@cache.internal")).unwrap_or_default();
        assert!(told.contains("`redis.url`"), "{told}");
        for url in [
            "redis://cache.internal",
            "redis://:f3c1a0b2978e4d55@cache.internal",
            "redis://shop@cache.internal",
        ] {
            assert_eq!(refusal("production", redis(url)), None, "{url}");
        }
    }
}
