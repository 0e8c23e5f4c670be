//! Which host a request means, and whether that is us.

use std::net::{Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{Request, StatusCode, Version, header, uri::Authority};

/// Why a request is refused before any handler sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHost {
    /// Missing in HTTP/1.1, doubled, malformed, or at odds with the request line: 400.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9112#section-3.2>
    Invalid,
    /// Not one of ours: 421.
    Unknown,
    /// Not told, as HTTP/1.0 allows, where only some hosts are ours: 400.
    Absent,
}

/// Marks a request whose head could not be read, or that somebody else may read otherwise, such as one with
/// `Content-Length` and `Transfer-Encoding`: nobody can be sure what a proxy in front took for its end.
///
/// <https://www.rfc-editor.org/rfc/rfc9112#section-6.1>
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unreadable(pub(crate) StatusCode);

/// The hosts this service answers for; empty means any.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    pub(crate) fn new(hosts: &[String]) -> Self {
        Self(hosts.iter().map(|host| host.to_ascii_lowercase()).collect())
    }

    /// Checks `Host` against the request line and the list.
    ///
    /// Only HTTP/1.1 from the network needs a `Host`; a test may leave it out.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), BadHost> {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (host, another) = (hosts.next(), hosts.next());
        let Some(host) = host else {
            return if needs_host(request) {
                Err(BadHost::Invalid)
            } else if self.0.is_empty() {
                Ok(())
            } else {
                Err(BadHost::Absent)
            };
        };
        let target = request.uri().authority();
        let host = host.as_bytes();
        if another.is_some() || !is_authority(host) || target.is_some_and(|name| !same(name, host))
        {
            return Err(BadHost::Invalid);
        }
        if self.0.is_empty() || self.0.iter().any(|allowed| matches(allowed, host)) {
            Ok(())
        } else {
            Err(BadHost::Unknown)
        }
    }
}

fn needs_host<B>(request: &Request<B>) -> bool {
    let from_network = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .is_some();
    from_network && request.version() >= Version::HTTP_11
}

/// A name, an IPv4 or bracketed IPv6 address, and perhaps a port; never user information.
///
/// <https://www.rfc-editor.org/rfc/rfc3986#section-3.2>
pub(crate) fn is_authority(host: &[u8]) -> bool {
    const IN_NAME: [bool; 256] = {
        let mut in_name = [false; 256];
        let mut byte = 0;
        while byte < 128u8 {
            in_name[byte as usize] =
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            byte += 1;
        }
        in_name
    };
    let in_name = |byte: &u8| IN_NAME[usize::from(*byte)];
    let (is_host, port) = if let Some(literal) = host.strip_prefix(b"[") {
        let end = literal.iter().position(|byte| *byte == b']');
        let (address, rest) = literal.split_at(end.unwrap_or(literal.len()));
        (is_ipv6(address), rest.strip_prefix(b"]"))
    } else {
        let end = host.iter().position(|byte| *byte == b':');
        let (name, rest) = host.split_at(end.unwrap_or(host.len()));
        (!name.is_empty() && name.iter().all(in_name), Some(rest))
    };
    is_host && port.is_some_and(is_port)
}

fn is_ipv6(address: &[u8]) -> bool {
    str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// Nothing, or a colon and up to 65535; the number may be missing.
fn is_port(port: &[u8]) -> bool {
    match port {
        [] => true,
        [b':', digits @ ..] => {
            digits.iter().all(u8::is_ascii_digit)
                && (digits.len() < 5 || digits.len() == 5 && digits <= &b"65535"[..])
        }
        _ => false,
    }
}

fn same(target: &Authority, host: &[u8]) -> bool {
    target.as_str().as_bytes().eq_ignore_ascii_case(host)
}

/// `example.org` matches any port, `example.org:8443` only that one.
fn matches(allowed: &str, host: &[u8]) -> bool {
    host.eq_ignore_ascii_case(allowed.as_bytes())
        || without_port(host).eq_ignore_ascii_case(allowed.as_bytes())
}

/// The name or address.
pub(crate) fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !host[colon..].contains(&b']') => &host[..colon],
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[&str], version: Version, uri: &str, hosts: &[&str]) -> Result<(), BadHost> {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let mut request = Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let request = request.extension(ConnectInfo(peer)).body(()).unwrap();
        AllowedHosts::new(&allowed).check(&request)
    }

    fn ask(allowed: &[&str], hosts: &[&str]) -> Result<(), BadHost> {
        check(allowed, Version::HTTP_11, "/", hosts)
    }

    #[test]
    fn one_host_is_fine() {
        assert_eq!(ask(&[], &["localhost:3000"]), Ok(()));
    }

    #[test]
    fn http_1_1_without_a_host_is_refused() {
        assert_eq!(ask(&[], &[]), Err(BadHost::Invalid));
    }

    #[test]
    fn a_request_from_a_test_needs_no_host() {
        let request = Request::builder().body(()).unwrap();
        assert_eq!(AllowedHosts::default().check(&request), Ok(()));
    }

    #[test]
    fn http_1_0_needs_no_host() {
        assert_eq!(check(&[], Version::HTTP_10, "/", &[]), Ok(()));
    }

    #[test]
    fn http_1_0_needs_a_host_where_a_list_is_kept() {
        assert_eq!(
            check(&["a.test"], Version::HTTP_10, "/", &[]),
            Err(BadHost::Absent)
        );
    }

    #[test]
    fn two_hosts_are_refused_even_when_equal() {
        assert_eq!(ask(&[], &["a.test", "a.test"]), Err(BadHost::Invalid));
    }

    #[test]
    fn a_host_with_user_information_or_a_path_is_refused() {
        for host in ["user@a.test", "a.test/x", "a.test?x", "a b", "", "[::1"] {
            assert_eq!(ask(&[], &[host]), Err(BadHost::Invalid), "{host}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in [
            "a",
            "a.test.",
            "my_app:8080",
            "a-b.test:",
            "127.0.0.1:1",
            "0:65535",
            "[::1]",
            "[2001:db8::1]:443",
        ] {
            assert!(is_authority(host.as_bytes()), "{host}");
            assert!(Authority::try_from(host).is_ok(), "{host}");
        }
        for host in [
            "",
            ":80",
            "a:b",
            "a:80x",
            "a:1:2",
            "a:65536",
            "a:123456",
            "a:+1",
            "::1",
            "[]",
            "[::1",
            "[::g]",
            "[1.2.3.4]",
            "[::1]x",
            "[::1]:x",
            "a[b]",
            "[[::1]]",
            "a,b",
            "%61",
            "\u{e4}",
        ] {
            assert!(!is_authority(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn a_request_line_for_another_host_is_refused() {
        let answer = check(&[], Version::HTTP_11, "http://b.test/", &["a.test"]);
        assert_eq!(answer, Err(BadHost::Invalid));
    }

    #[test]
    fn a_listed_name_matches_any_port_and_case() {
        for host in ["a.test", "A.TEST", "a.test:8080"] {
            assert_eq!(ask(&["a.test"], &[host]), Ok(()), "{host}");
        }
    }

    #[test]
    fn a_listed_port_matches_only_itself() {
        assert_eq!(ask(&["a.test:80"], &["a.test:80"]), Ok(()));
        assert_eq!(ask(&["a.test:80"], &["a.test:81"]), Err(BadHost::Unknown));
    }

    #[test]
    fn an_ipv6_address_matches_with_and_without_its_port() {
        assert_eq!(ask(&["[::1]"], &["[::1]:3000"]), Ok(()));
        assert_eq!(ask(&["[::1]"], &["[::1]"]), Ok(()));
    }

    #[test]
    fn similar_names_are_refused() {
        for host in ["x.a.test", "a.test.evil.example", "xa.test", "a.tes"] {
            assert_eq!(ask(&["a.test"], &[host]), Err(BadHost::Unknown), "{host}");
        }
    }
}
