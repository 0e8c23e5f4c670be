use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};

use crate::error::CsrfError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Scheme, host and port of a page, as browsers send it in `Origin`.
///
/// Reference: <https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin>
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    https: bool,
    authority: Authority,
}

/// Lower-case host, and the port also where the scheme implies it.
#[derive(Clone, PartialEq, Eq)]
struct Authority {
    host: String,
    port: u16,
}

impl Origin {
    /// Nothing but `http(s)://host[:port]` is an origin: no path, no user, no wildcard.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = Authority::parse(rest, https)?;
        Some(Self { https, authority })
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        let Authority { host, port } = &self.authority;
        write!(formatter, "{scheme}://{host}:{port}")
    }
}

impl Authority {
    fn parse(text: &str, https: bool) -> Option<Self> {
        let default_port = if https { 443 } else { 80 };
        let after_host = if text.starts_with('[') {
            text.find(']')? + 1
        } else {
            text.find(':').unwrap_or(text.len())
        };
        let (host, port) = text.split_at(after_host);
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok()?
            }
            Some(_) => return None,
            None if port.is_empty() => default_port,
            None => return None,
        };
        is_host(host).then(|| Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }
}

fn is_host(host: &str) -> bool {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !host.is_empty() && host.bytes().all(letter)
        }
    }
}

/// Which pages may send unsafe requests here.
#[derive(Clone, Debug, Default)]
pub(crate) struct OriginPolicy {
    /// What browsers call this application, when the configuration says so.
    pub(crate) own: Option<Origin>,
    pub(crate) trusted: Vec<Origin>,
}

impl OriginPolicy {
    /// Judges `Origin` and `Sec-Fetch-Site`, each where the browser sent it.
    ///
    /// A page of a trusted origin is cross-site by nature, so it answers for `Sec-Fetch-Site` too.
    ///
    /// References: <https://www.w3.org/TR/fetch-metadata/>,
    /// <https://fetch.spec.whatwg.org/#origin-header>
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), CsrfError> {
        if self.check_origin(uri, headers)? == Sender::Trusted {
            return Ok(());
        }
        let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
        match (sites.next(), sites.next()) {
            (None, _) => Ok(()),
            (Some(site), None) if is_own_site(site) => Ok(()),
            _ => Err(CsrfError::Site),
        }
    }

    fn check_origin(&self, uri: &Uri, headers: &HeaderMap) -> Result<Sender, CsrfError> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = match (origins.next(), origins.next()) {
            (None, _) => return Ok(Sender::Unnamed),
            (Some(origin), None) => origin.to_str().ok().and_then(Origin::parse),
            _ => None,
        };
        let origin = origin.ok_or(CsrfError::Origin)?;
        if self.trusted.contains(&origin) {
            Ok(Sender::Trusted)
        } else if self.is_own(&origin, uri, headers) {
            Ok(Sender::Own)
        } else {
            Err(CsrfError::Origin)
        }
    }

    /// A page cannot choose the `Host` of a request it sends elsewhere, so host against `Host` is as good a proof
    /// as the configured origin, and it holds when a service is reached by several names. The scheme has to match
    /// where it is known: a page under `http` is not a page under `https`.
    ///
    /// In HTTP/2 the host stands in the URI alone.
    fn is_own(&self, origin: &Origin, uri: &Uri, headers: &HeaderMap) -> bool {
        if self.own.as_ref() == Some(origin) {
            return true;
        }
        let https = match &self.own {
            Some(own) => own.https,
            None => origin.https,
        };
        let host = match headers.get(header::HOST) {
            Some(host) => host.to_str().ok(),
            None => uri.authority().map(http::uri::Authority::as_str),
        };
        let host = host.and_then(|host| Authority::parse(host, https));
        origin.https == https && host.as_ref() == Some(&origin.authority)
    }
}

#[derive(PartialEq, Eq)]
enum Sender {
    Unnamed,
    Own,
    Trusted,
}

/// `none` is the person at the browser: an address typed, a bookmark, a reloaded form.
fn is_own_site(site: &HeaderValue) -> bool {
    let site = site.as_bytes();
    site.eq_ignore_ascii_case(b"same-origin") || site.eq_ignore_ascii_case(b"none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> OriginPolicy {
        OriginPolicy {
            own: Origin::parse("https://app.test"),
            trusted: vec![Origin::parse("https://trusted.test").unwrap()],
        }
    }

    fn check(sent: &[(HeaderName, &str)]) -> Result<(), CsrfError> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        policy().check(&Uri::from_static("/form"), &headers)
    }

    #[test]
    fn the_own_origin_passes_with_and_without_its_default_port() {
        assert_eq!(check(&[(header::ORIGIN, "https://app.test")]), Ok(()));
        assert_eq!(check(&[(header::ORIGIN, "https://APP.test:443")]), Ok(()));
    }

    #[test]
    fn another_origin_is_refused() {
        for origin in [
            "https://evil.test",
            "http://app.test",
            "https://app.test:8443",
            "https://app.test.evil.test",
            "https://trusted.test.evil.test",
            "http://trusted.test",
            "https://trusted.test:444",
            "https://user@app.test",
            "https://app.test/",
            "https://app.test:443:443",
            "https://",
            "app.test",
            "null",
            "",
        ] {
            assert_eq!(
                check(&[(header::ORIGIN, origin)]),
                Err(CsrfError::Origin),
                "{origin}"
            );
        }
    }

    #[test]
    fn two_origins_are_refused() {
        let sent = [
            (header::ORIGIN, "https://app.test"),
            (header::ORIGIN, "https://app.test"),
        ];
        assert_eq!(check(&sent), Err(CsrfError::Origin));
    }

    #[test]
    fn a_trusted_origin_passes_although_it_is_cross_site() {
        let sent = [
            (header::ORIGIN, "https://trusted.test"),
            (SEC_FETCH_SITE, "cross-site"),
        ];
        assert_eq!(check(&sent), Ok(()));
    }

    #[test]
    fn fetch_metadata_is_believed() {
        for (site, expected) in [
            ("same-origin", Ok(())),
            ("Same-Origin", Ok(())),
            ("none", Ok(())),
            ("same-site", Err(CsrfError::Site)),
            ("cross-site", Err(CsrfError::Site)),
            ("", Err(CsrfError::Site)),
            ("other", Err(CsrfError::Site)),
        ] {
            assert_eq!(check(&[(SEC_FETCH_SITE, site)]), expected, "{site}");
        }
    }

    #[test]
    fn a_good_site_does_not_excuse_a_wrong_origin() {
        let sent = [
            (header::ORIGIN, "https://evil.test"),
            (SEC_FETCH_SITE, "same-origin"),
        ];
        assert_eq!(check(&sent), Err(CsrfError::Origin));
    }

    #[test]
    fn the_name_the_browser_used_is_an_own_origin_under_the_same_scheme() {
        let sent = [
            (header::ORIGIN, "https://alias.test:8443"),
            (header::HOST, "alias.test:8443"),
        ];
        assert_eq!(check(&sent), Ok(()));
        let sent = [
            (header::ORIGIN, "http://alias.test"),
            (header::HOST, "alias.test"),
        ];
        assert_eq!(check(&sent), Err(CsrfError::Origin));
    }

    #[test]
    fn the_host_may_stand_in_the_uri_alone() {
        let check = |uri: &'static str, host: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            let origin = HeaderValue::from_static("https://alias.test");
            headers.insert(header::ORIGIN, origin);
            let host = host.map(HeaderValue::from_static);
            headers.extend(host.map(|host| (header::HOST, host)));
            policy().check(&Uri::from_static(uri), &headers)
        };
        let alias = "https://alias.test/form";
        assert_eq!(check(alias, None), Ok(()));
        assert_eq!(check(alias, Some("app.test")), Err(CsrfError::Origin));
        let other = "https://app.test/form";
        assert_eq!(check(other, None), Err(CsrfError::Origin));
    }

    #[test]
    fn addresses_in_brackets_are_hosts() {
        assert!(Origin::parse("http://[::1]:3000").is_some());
        assert!(Origin::parse("http://[::1").is_none());
        assert!(Origin::parse("http://[nonsense]").is_none());
    }
}
