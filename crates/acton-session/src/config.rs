use std::{fmt, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, SeqAccess, Visitor},
};

/// The `[session]` section.
///
/// ```
/// use acton_session::{SameSite, SessionConfig};
///
/// let config = SessionConfig::default();
/// assert_eq!(config.idle.as_secs(), 24 * 60 * 60);
/// assert_eq!(config.same_site, SameSite::Lax);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionConfig {
    /// Where sessions are kept. Default: `memory`.
    pub storage: Storage,
    /// A session ends when nobody used it for this long, e.g. `30m`. Default: 24 hours.
    ///
    /// OWASP advises 15 to 30 minutes for low-risk applications; [`SessionConfig::strict`] follows it.
    /// Reading counts as use, and is written down at most once per tenth of this time.
    ///
    /// <https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#session-expiration>
    #[serde(with = "humantime_serde")]
    pub idle: Duration,
    /// A session ends this long after it began or its user logged in, however much it is used. Default: 7 days.
    #[serde(with = "humantime_serde")]
    pub absolute: Duration,
    /// When the browser sends the cookie along from another site. Default: `lax`.
    ///
    /// `none` needs an `https` public origin.
    pub same_site: SameSite,
    /// Whether the cookie survives closing the browser. Default: `false`.
    pub persistent: bool,
    /// Where visitors log in; the guards send them there. Default: `/login`.
    pub login_path: String,
    /// How long "remember me" keeps a browser logged in after its last visit. Default: 30 days.
    #[serde(with = "humantime_serde")]
    pub remember: Duration,
    /// How many sessions, and how many remembered browsers, one user has at most; 0 is no limit. Default: 100.
    ///
    /// A login beyond that ends the session that has its id for the longest time, or forgets the browser that came back
    /// longest ago. So whoever ends all sessions of a user comes to an end.
    ///
    /// <https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#simultaneous-session-logons>
    pub max_sessions_per_user: usize,
}

impl SessionConfig {
    /// Lifetimes for applications where a forgotten browser is a danger: 30 minutes idle, 8 hours in all.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            idle: Duration::from_secs(30 * 60),
            absolute: Duration::from_secs(8 * 60 * 60),
            ..Self::default()
        }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            storage: Storage::default(),
            idle: Duration::from_secs(24 * 60 * 60),
            absolute: Duration::from_secs(7 * 24 * 60 * 60),
            same_site: SameSite::default(),
            persistent: false,
            login_path: "/login".to_owned(),
            remember: Duration::from_secs(30 * 24 * 60 * 60),
            max_sessions_per_user: 100,
        }
    }
}

/// Where sessions are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Storage {
    /// In this process; a restart ends every session.
    #[default]
    Memory,
    /// In Redis, shared by every instance.
    Redis,
}

/// The `SameSite` attribute of the session cookie.
///
/// Reference: <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#samesitesamesite-value>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    /// Sent when a visitor follows a link here, not with requests other sites make.
    #[default]
    Lax,
    /// Never sent from another site, so a visitor who follows a link here arrives logged out.
    Strict,
    /// Always sent; only for applications embedded in other sites.
    None,
}

/// The `[csrf]` section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CsrfConfig {
    /// Whether unsafe requests need a token. Default: `true`.
    pub enabled: bool,
    /// Other origins whose pages may send forms here, e.g. `https://admin.example.org`. Default: none.
    ///
    /// A list, or one string with commas. The token is needed all the same.
    #[serde(deserialize_with = "comma_list")]
    pub trusted_origins: Vec<String>,
    /// Paths that need no token, compared exactly, e.g. `/webhooks/payment`. Default: none.
    ///
    /// A list, or one string with commas.
    #[serde(deserialize_with = "comma_list")]
    pub exempt: Vec<String>,
    /// How far into a form the field `csrf_token` is looked for, in bytes. Default: 65 536.
    ///
    /// The body itself is handed on whole, whatever its size.
    pub search_bytes: usize,
}

impl Default for CsrfConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            trusted_origins: Vec::new(),
            exempt: Vec::new(),
            search_bytes: 64 * 1024,
        }
    }
}

/// Accepts `["a", "b"]` and `"a, b"`: environment variables can only say the second.
fn comma_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct List;

    impl<'de> Visitor<'de> for List {
        type Value = Vec<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list, or a string with commas")
        }

        fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
            let items = value.split(',').map(str::trim);
            Ok(items
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = items.next_element()? {
                list.push(item);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_any(List)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csrf(json: &str) -> Result<CsrfConfig, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn durations_are_written_with_their_unit() {
        let config: SessionConfig =
            serde_json::from_str(r#"{"idle":"3s","absolute":"8h"}"#).unwrap();
        assert_eq!(config.idle, Duration::from_secs(3));
        assert_eq!(config.absolute, Duration::from_secs(8 * 60 * 60));
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let refused = serde_json::from_str::<SessionConfig>(r#"{"secrue":true}"#);
        assert!(refused.unwrap_err().to_string().contains("secrue"));
    }

    #[test]
    fn a_same_site_value_that_does_not_exist_is_refused() {
        assert!(serde_json::from_str::<SessionConfig>(r#"{"same_site":"bogus"}"#).is_err());
    }

    #[test]
    fn a_list_may_be_written_with_commas() {
        let config = csrf(r#"{"trusted_origins":"https://a.test, https://b.test"}"#).unwrap();
        assert_eq!(config.trusted_origins, ["https://a.test", "https://b.test"]);
    }

    #[test]
    fn a_list_may_be_a_list() {
        assert_eq!(
            csrf(r#"{"exempt":["/a","/b"]}"#).unwrap().exempt,
            ["/a", "/b"]
        );
    }

    #[test]
    fn an_empty_string_is_an_empty_list() {
        assert!(csrf(r#"{"exempt":""}"#).unwrap().exempt.is_empty());
    }
}
