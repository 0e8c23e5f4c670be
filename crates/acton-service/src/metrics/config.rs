//! Where `/metrics` is answered, and to whom.

use std::net::SocketAddr;

use axum::extract::Request;
use http::HeaderMap;
use ipnet::IpNet;
use serde::Deserialize;

use crate::{config::Config, request::ClientAddr};

/// The `[metrics]` section.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MetricsConfig {
    /// Address and port of a listener for `/metrics` alone. Default: none, the service's own address answers it.
    ///
    /// Whoever reaches this address may read. The time limits of `[limits]` hold there too, and 64 connections at most.
    #[serde(deserialize_with = "crate::service_builder::address")]
    pub bind: Option<SocketAddr>,
    /// Networks whose clients may read `/metrics` on the service's own address; others get 404.
    /// Default: this machine and private networks.
    ///
    /// Nor may anybody of whom the service knows no address, because it was nested in an application that does not serve
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    /// A request that came through a proxy which is not in `service.trusted_proxies` is from elsewhere.
    /// Who may read is answered when others are refused because there is too much to do. It may name the service by an
    /// address or a name without a dot; any other host has to be one of `service.allowed_hosts`, where that lists some.
    #[serde(deserialize_with = "crate::service_builder::networks")]
    pub allow: Vec<IpNet>,
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry/>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry/>
const PRIVATE: [&str; 8] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

impl Default for MetricsConfig {
    fn default() -> Self {
        let allow = PRIVATE.map(|network| network.parse().expect("a network"));
        Self {
            bind: None,
            allow: allow.into(),
        }
    }
}

/// Decides who may read.
#[derive(Debug)]
pub(crate) enum Readers {
    Everybody,
    Of {
        networks: Vec<IpNet>,
        knows_proxies: bool,
    },
}

impl Readers {
    /// On the service's own address.
    pub(crate) fn new(config: &Config) -> Self {
        Self::Of {
            networks: config.metrics.allow.clone(),
            knows_proxies: !config.service.trusted_proxies.is_empty(),
        }
    }

    pub(crate) fn may_read(&self, request: &Request) -> bool {
        let Self::Of {
            networks,
            knows_proxies,
        } = self
        else {
            return true;
        };
        let Some(ClientAddr(client)) = request.extensions().get().copied() else {
            return false;
        };
        let came_directly = *knows_proxies || !is_forwarded(request.headers());
        let client = client.to_canonical();
        came_directly && networks.iter().any(|network| network.contains(&client))
    }
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "via", "x-forwarded-for", "x-real-ip"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_read(client: &str, header: Option<(&str, &str)>, knows_proxies: bool) -> bool {
        let mut request = Request::builder().uri("/metrics");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let mut request = request.body(axum::body::Body::empty()).unwrap();
        request
            .extensions_mut()
            .insert(ClientAddr(client.parse().unwrap()));
        let networks = MetricsConfig::default().allow;
        Readers::Of {
            networks,
            knows_proxies,
        }
        .may_read(&request)
    }

    #[test]
    fn neighbours_may_read_and_strangers_may_not() {
        for client in [
            "127.0.0.1",
            "10.1.2.3",
            "::1",
            "fd00::7",
            "::ffff:192.168.0.1",
        ] {
            assert!(may_read(client, None, false), "{client}");
        }
        // The last is who is behind a router that was not told: it may be anybody.
        for client in [
            "192.0.2.1",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "172.32.0.1",
            "0.0.0.0",
        ] {
            assert!(!may_read(client, None, false), "{client}");
        }
    }

    #[test]
    fn a_proxy_nobody_knows_makes_no_stranger_a_neighbour() {
        let forwarded = Some(("x-forwarded-for", "192.0.2.1"));
        assert!(!may_read("10.0.0.1", forwarded, false));
        assert!(!may_read("10.0.0.1", Some(("via", "1.1 proxy")), false));
        // The address is then that of the client behind the proxies.
        assert!(may_read("10.0.0.1", forwarded, true));
        assert!(!may_read("192.0.2.1", forwarded, true));
    }
}
