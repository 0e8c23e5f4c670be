use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use tower_sessions::session::Id;

use crate::{config::SameSite, remember::Token};

/// How the session cookie is written and read.
///
/// Under an `https` origin it is `__Host-id` with `Secure`: the prefix makes browsers refuse it from anybody but this
/// host. Under `http` it is `id`, since browsers would not send the other one back.
///
/// Reference: <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#name-cookie-name-prefixes>
#[derive(Clone, Debug)]
pub(crate) struct Cookie {
    pub(crate) name: &'static str,
    pub(crate) is_secure: bool,
    pub(crate) same_site: SameSite,
    /// `None`: until the browser is closed.
    pub(crate) max_age: Option<Duration>,
}

impl Cookie {
    pub(crate) fn session(is_secure: bool, same_site: SameSite, max_age: Option<Duration>) -> Self {
        Self {
            name: if is_secure { "__Host-id" } else { "id" },
            is_secure,
            same_site,
            max_age,
        }
    }

    pub(crate) fn remember(is_secure: bool, same_site: SameSite, max_age: Duration) -> Self {
        Self {
            name: if is_secure {
                "__Host-remember"
            } else {
                "remember"
            },
            is_secure,
            same_site,
            max_age: Some(max_age),
        }
    }

    /// What the browser sent. Whatever cannot be read is not there.
    pub(crate) fn find<T: Value>(&self, headers: &HeaderMap) -> Option<T> {
        let mut values = self.values(headers);
        values.find_map(T::read)
    }

    /// Every value that came under the cookie's name.
    fn values<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
            .filter_map(|pair| {
                let value = pair.trim_ascii().strip_prefix(self.name.as_bytes())?;
                std::str::from_utf8(value.strip_prefix(b"=")?).ok()
            })
    }

    pub(crate) fn set(&self, id: &Id) -> HeaderValue {
        self.set_value(&id.to_string())
    }

    pub(crate) fn set_value(&self, value: &str) -> HeaderValue {
        // Browsers count whole seconds, and none at all is a deletion.
        let least = Duration::from_secs(1);
        self.write(value, self.max_age.map(|age| age.max(least)))
    }

    /// Browsers only delete what comes with the attributes it was set with.
    pub(crate) fn delete(&self) -> HeaderValue {
        self.write("", Some(Duration::ZERO))
    }

    fn write(&self, value: &str, max_age: Option<Duration>) -> HeaderValue {
        let same_site = match self.same_site {
            SameSite::Lax => "Lax",
            SameSite::Strict => "Strict",
            SameSite::None => "None",
        };
        let mut text = format!("{}={value}; HttpOnly; SameSite={same_site}", self.name);
        if self.is_secure {
            text.push_str("; Secure");
        }
        text.push_str("; Path=/");
        if let Some(max_age) = max_age {
            text.push_str(&format!("; Max-Age={}", max_age.as_secs()));
        }
        let mut value = HeaderValue::try_from(text).expect("names and base64 are header text");
        // Whoever logs headers leaves this one out.
        value.set_sensitive(true);
        value
    }
}

/// What a cookie may hold.
pub(crate) trait Value: Sized {
    fn read(text: &str) -> Option<Self>;
}

impl Value for Id {
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for Token {
    fn read(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = Id(42);

    fn cookie(is_secure: bool) -> Cookie {
        Cookie::session(is_secure, SameSite::Lax, None)
    }

    fn find(sent: &[&[u8]]) -> Option<Id> {
        let mut headers = HeaderMap::new();
        for line in sent {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        cookie(false).find(&headers)
    }

    #[test]
    fn under_https_the_cookie_belongs_to_this_host_alone() {
        let set = cookie(true).set(&ID);
        let expected = format!("__Host-id={ID}; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert_eq!(set.to_str().unwrap(), expected);
    }

    #[test]
    fn under_http_the_cookie_has_neither_prefix_nor_secure() {
        let set = cookie(false).set(&ID);
        let expected = format!("id={ID}; HttpOnly; SameSite=Lax; Path=/");
        assert_eq!(set.to_str().unwrap(), expected);
    }

    #[test]
    fn what_is_set_for_less_than_a_second_is_no_deletion() {
        let cookie = Cookie::session(false, SameSite::Lax, Some(Duration::from_millis(900)));
        assert!(cookie.set(&ID).to_str().unwrap().ends_with("; Max-Age=1"));
    }

    #[test]
    fn deletion_repeats_the_attributes() {
        let expected = "__Host-id=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
        assert_eq!(cookie(true).delete().to_str().unwrap(), expected);
    }

    #[test]
    fn the_id_is_found_among_other_cookies() {
        let line = format!("theme=dark; id={ID}; idx=1");
        assert_eq!(find(&[line.as_bytes()]), Some(ID));
        assert_eq!(find(&[b"theme=dark", line.as_bytes()]), Some(ID));
    }

    proptest::proptest! {
        #[test]
        fn no_header_breaks_the_search(line in proptest::collection::vec(0x20_u8..=0xff, 0..60)) {
            if let Ok(line) = HeaderValue::from_bytes(&line) {
                let headers = HeaderMap::from_iter([(header::COOKIE, line)]);
                let _: Option<Id> = cookie(false).find(&headers);
                let _: Option<Token> = cookie(true).find(&headers);
            }
        }
    }

    #[test]
    fn what_is_not_an_id_is_no_id() {
        let long = [b"id=".as_slice(), &[b'A'; 10_240]].concat();
        let cases: [&[u8]; 7] = [
            b"id=",
            b"id=x",
            b"id",
            b"id=../../etc",
            b"id=%00",
            b"id=\xff\xfe",
            &long,
        ];
        for case in cases {
            assert_eq!(find(&[case]), None);
        }
    }
}
