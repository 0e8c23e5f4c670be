//! Who really asks, when proxies stand in between.

use std::{
    convert::Infallible,
    fmt::{self, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::{Extensions, HeaderMap, HeaderName, request::Parts};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client: the peer's, or behind trusted proxies the right-most address that is not one of them.
///
/// What stands further left in `X-Forwarded-For` was written by strangers and is never believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddr(pub IpAddr);

impl fmt::Display for ClientAddr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl ClientAddr {
    /// The address as the log writes it, without `format!` for what most clients have.
    pub(crate) fn text(self) -> AddressText {
        let mut text = AddressText {
            bytes: [0; AddressText::LONGEST],
            length: 0,
        };
        match self.0 {
            IpAddr::V4(address) => text.push_octets(address.octets()),
            IpAddr::V6(address) => {
                let _ = write!(text, "{address}");
            }
        }
        text
    }
}

/// An address as text, on the stack.
pub(crate) struct AddressText {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl AddressText {
    /// `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`
    const LONGEST: usize = 45;

    fn push_octets(&mut self, octets: [u8; 4]) {
        for (place, octet) in octets.into_iter().enumerate() {
            if place > 0 {
                self.push(b'.');
            }
            if octet >= 100 {
                self.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                self.push(b'0' + octet / 10 % 10);
            }
            self.push(b'0' + octet % 10);
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Write for AddressText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

/// The unspecified address `0.0.0.0` when the request came over no network, as in tests.
impl<S: Send + Sync> FromRequestParts<S> for ClientAddr {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().copied();
        Ok(known.unwrap_or(Self(peer(&parts.extensions))))
    }
}

/// The networks whose `X-Forwarded-*` are believed.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    pub(crate) fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> ClientAddr {
        let peer = peer(extensions);
        if !self.trusts(peer) {
            return ClientAddr(peer);
        }
        ClientAddr(self.right_most_stranger(peer, headers))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    fn right_most_stranger(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut last = peer;
        for line in headers.get_all(X_FORWARDED_FOR).iter().rev() {
            for hop in line.to_str().unwrap_or("?").rsplit(',') {
                // A hop that is no address ends the chain we can vouch for.
                let Some(address) = address(hop.trim()) else {
                    return last;
                };
                if !self.trusts(address) {
                    return address;
                }
                last = address;
            }
        }
        last
    }
}

/// `192.0.2.1`, `2001:db8::1`, and both with a port.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    let parsed = bare
        .parse()
        .ok()
        .or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()));
    parsed.map(|address: IpAddr| address.to_canonical())
}

fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| {
        peer.0.ip().to_canonical()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let proxies = TrustedProxies::new(trusted.iter().map(|net| net.parse().unwrap()).collect());
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        proxies.client(&extensions, &headers).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_an_address() {
        assert_eq!(client(&[], "192.0.2.9", &["1.1.1.1"]), "192.0.2.9");
        assert_eq!(
            client(&["10.0.0.0/8"], "192.0.2.9", &["1.1.1.1"]),
            "192.0.2.9"
        );
    }

    #[test]
    fn the_right_most_stranger_is_the_client() {
        assert_eq!(
            client(
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["6.6.6.6, 192.0.2.9, 10.0.0.2"]
            ),
            "192.0.2.9"
        );
    }

    #[test]
    fn several_header_lines_are_one_list() {
        assert_eq!(
            client(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6", "192.0.2.9"]),
            "192.0.2.9"
        );
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        assert_eq!(
            client(&["10.0.0.0/8"], "10.0.0.1", &["192.0.2.9:55"]),
            "192.0.2.9"
        );
        assert_eq!(
            client(&["10.0.0.0/8"], "10.0.0.1", &["[2001:db8::1]:55"]),
            "2001:db8::1"
        );
    }

    #[test]
    fn an_address_is_written_as_rust_writes_it() {
        let addresses = [
            "0.0.0.0",
            "7.10.99.100",
            "255.200.1.9",
            "2001:db8::1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "::ffff:255.255.255.255",
        ];
        for address in addresses {
            let client = ClientAddr(address.parse().unwrap());
            assert_eq!(client.text().as_str(), address);
        }
    }

    #[test]
    fn a_hop_that_is_no_address_ends_the_chain() {
        assert_eq!(
            client(
                &["10.0.0.0/8"],
                "10.0.0.1",
                &["192.0.2.9, unknown, 10.0.0.3"]
            ),
            "10.0.0.3"
        );
    }

    #[test]
    fn an_ipv4_address_mapped_into_ipv6_is_an_ipv4_address() {
        assert_eq!(
            client(&["10.0.0.0/8"], "::ffff:10.0.0.1", &["192.0.2.9"]),
            "192.0.2.9"
        );
    }
}
