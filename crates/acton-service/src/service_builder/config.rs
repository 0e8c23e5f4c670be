//! What the service is called, where it listens, and whom it believes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use http::Uri;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};

use crate::{Result, config::ConfigError};

/// The `[service]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ServiceConfig {
    /// What `/health` and the log call this service. Default: `service`.
    pub name: String,
    /// Address and port to listen on. Default: `127.0.0.1:3000`, which only this machine reaches.
    ///
    /// Sockets that systemd hands over (`LISTEN_FDS`) are used instead.
    #[serde(deserialize_with = "address")]
    pub bind: SocketAddr,
    /// The path of a Unix socket to listen on instead. Default: none.
    ///
    /// A file that a killed process left there is replaced, one that somebody listens on is not; it is removed in the
    /// end. Clients count as `127.0.0.1`, for `trusted_proxies` too. Not on Windows.
    pub unix_socket: Option<PathBuf>,
    /// Who may connect to the Unix socket, as an octal mode. Default: `660`, its owner and its group.
    #[serde(deserialize_with = "mode")]
    pub unix_socket_mode: u32,
    /// Scheme, host and port that browsers see. Default: `http://localhost:3000`.
    ///
    /// `https` turns on `Secure` cookies with the `__Host-` prefix, and HSTS.
    pub public_origin: String,
    /// Hosts this service answers for, with or without a port. Default: none, which means any.
    pub allowed_hosts: Vec<String>,
    /// Networks, such as `10.0.0.0/8`, whose `X-Forwarded-For` is believed. Default: none.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// `dev` on a developer's machine, anything else elsewhere. Default: `dev`.
    pub environment: String,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            name: "service".to_owned(),
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            unix_socket: None,
            unix_socket_mode: 0o660,
            public_origin: "http://localhost:3000".to_owned(),
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            environment: "dev".to_owned(),
        }
    }
}

impl ServiceConfig {
    /// Whether this is a developer's machine.
    #[must_use]
    pub fn is_dev(&self) -> bool {
        self.environment == "dev"
    }

    /// Whether browsers reach the service by https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        // Schemes may be written in capitals: https://www.rfc-editor.org/rfc/rfc3986#section-3.1
        let scheme = self.public_origin.get(.."https://".len());
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if cfg!(not(unix)) && self.unix_socket.is_some() {
            let message = "the setting `service.unix_socket` needs Unix";
            return Err(ConfigError::new(message));
        }
        let is_host = |host: &String| crate::request::host::is_authority(host.as_bytes());
        if let Some(index) = self.allowed_hosts.iter().position(|host| !is_host(host)) {
            return Err(ConfigError::new(format!(
                "entry {} of the setting `service.allowed_hosts` is not a host such as example.org or example.org:8443",
                index + 1
            )));
        }
        let origin: Option<Uri> = self.public_origin.parse().ok();
        let is_origin = origin.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri
                    .authority()
                    .is_some_and(|authority| !authority.as_str().contains('@'))
                && uri.path_and_query().is_none_or(|path| path == "/")
                && !self.public_origin.ends_with('/')
        });
        if is_origin {
            return Ok(());
        }
        Err(ConfigError::new(
            "the setting `service.public_origin` is not an origin such as https://example.org",
        ))
    }
}

/// An address and a port.
pub(crate) fn address<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: From<SocketAddr>,
{
    let text = String::deserialize(deserializer)?;
    let address: Option<SocketAddr> = text.parse().ok();
    address.map(T::from).ok_or_else(|| {
        de::Error::invalid_value(
            de::Unexpected::Other("text"),
            &"an address and a port such as 127.0.0.1:3000",
        )
    })
}

/// Permissions as `chmod` takes them.
fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    let mode = u32::from_str_radix(&text, 8).ok();
    mode.filter(|mode| *mode <= 0o777).ok_or_else(|| {
        de::Error::invalid_value(de::Unexpected::Other("text"), &"an octal mode such as 660")
    })
}

/// Networks, and single addresses as networks of one.
pub(crate) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let network = |text: String| {
        let parsed = text
            .parse()
            .ok()
            .or_else(|| Some(IpNet::from(text.parse::<std::net::IpAddr>().ok()?)));
        parsed.ok_or_else(|| {
            de::Error::invalid_value(
                de::Unexpected::Other("text"),
                &"networks such as 10.0.0.0/8",
            )
        })
    };
    Vec::<String>::deserialize(deserializer)?
        .into_iter()
        .map(network)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::ServiceConfig;

    #[test]
    fn what_no_request_can_name_is_no_host() {
        let told = |host: &str| {
            let config = ServiceConfig {
                allowed_hosts: vec!["a.test".to_owned(), host.to_owned()],
                ..ServiceConfig::default()
            };
            config.check().err().map(|error| error.to_string())
        };
        for host in ["https://a.test", "a.test/", "*.a.test", "u@a.test", ""] {
            let told = told(host).unwrap_or_default();
            assert!(
                told.contains("entry 2") && told.contains("`service.allowed_hosts`"),
                "{told}"
            );
        }
        for host in [
            "example.org",
            "example.org:8443",
            "[::1]:3000",
            "127.0.0.1",
            "EXAMPLE.org",
        ] {
            assert_eq!(told(host), None, "{host}");
        }
    }

    #[test]
    fn a_scheme_in_capitals_is_https_too() {
        for (origin, is_https) in [
            ("https://board.example", true),
            ("HTTPS://board.example", true),
            ("http://board.example", false),
        ] {
            let config = ServiceConfig {
                public_origin: origin.to_owned(),
                ..ServiceConfig::default()
            };
            assert!(config.check().is_ok(), "{origin}");
            assert_eq!(config.is_https(), is_https, "{origin}");
        }
    }
}
