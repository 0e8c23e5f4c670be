use std::{convert::Infallible, fmt};

use acton_htmx::LocalUrl;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer};

/// What stands unencoded in the value of a query parameter.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where to go after logging in: a page of this site, `/` for whatever is not.
///
/// A field of a login form, or of its query:
///
/// ```
/// use acton_session::Next;
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Login {
///     username: String,
///     #[serde(default)]
///     next: Next,
/// }
///
/// let next = |text| Next::parse(text).to_string();
/// assert_eq!(next("/me?x=1"), "/me?x=1");
/// assert_eq!(next("https://evil.test"), "/");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next(LocalUrl);

impl Next {
    /// Reads what a visitor sent.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        LocalUrl::parse(text).map_or_else(|_| Self::default(), Self)
    }

    /// The page, as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The page.
    #[must_use]
    pub fn into_url(self) -> LocalUrl {
        self.0
    }
}

impl Default for Next {
    fn default() -> Self {
        Self(LocalUrl::parse("/").expect("the root is a page of this site"))
    }
}

impl std::str::FromStr for Next {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::parse(text))
    }
}

impl fmt::Display for Next {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Next {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(Self::parse(&text.unwrap_or_default()))
    }
}

/// The address of the login page that leads back.
pub(crate) fn login_url(login_path: &str, back_to: Option<&str>) -> String {
    // As a header can say it.
    let login =
        LocalUrl::parse(login_path).map_or_else(|_| login_path.to_owned(), |url| url.to_string());
    let (page, fragment) = match login.split_once('#') {
        Some((page, fragment)) => (page, format!("#{fragment}")),
        None => (login.as_str(), String::new()),
    };
    match back_to.map(Next::parse) {
        // Whoever is there already knows where to go next.
        Some(next) if path_of(next.as_str()) == path_of(page) => next.to_string(),
        Some(next) if next.as_str() != "/" => {
            let next = utf8_percent_encode(next.as_str(), VALUE);
            let joint = if page.contains('?') { '&' } else { '?' };
            format!("{page}{joint}next={next}{fragment}")
        }
        _ => login,
    }
}

fn path_of(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_are_not_where_one_goes_next() {
        for text in [
            "https://evil.test",
            "//evil.test",
            "/\\evil.test",
            "javascript:alert(1)",
            "",
            "me",
            "/\t/evil.test",
        ] {
            assert_eq!(Next::parse(text), Next::default(), "{text}");
        }
    }

    #[test]
    fn the_way_back_is_encoded() {
        assert_eq!(
            login_url("/login", Some("/me?x=1")),
            "/login?next=%2Fme%3Fx%3D1"
        );
        assert_eq!(login_url("/in?a=1", Some("/me")), "/in?a=1&next=%2Fme");
        assert_eq!(login_url("/login", Some("//evil.test")), "/login");
        assert_eq!(login_url("/login", None), "/login");
        assert_eq!(login_url("/in#form", Some("/me")), "/in?next=%2Fme#form");
    }

    #[test]
    fn a_login_page_may_have_any_name() {
        assert_eq!(login_url("/für dich", None), "/f%C3%BCr%20dich");
        let url = login_url("/für dich", Some("/me"));
        assert_eq!(url, "/f%C3%BCr%20dich?next=%2Fme");
    }

    #[test]
    fn the_login_page_does_not_lead_back_to_itself() {
        let first = login_url("/login", Some("/me"));
        assert_eq!(login_url("/login", Some(&first)), first);
        assert_eq!(login_url("/login", Some("/login")), "/login");
        let with_own_query = "/login?lang=de";
        assert_eq!(login_url("/login", Some(with_own_query)), with_own_query);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_sent_leads_to_this_site(text in ".{0,40}|[/\\\\a:@.\\t\\n]{0,12}") {
            let next = Next::parse(&text);
            let mut bytes = next.as_str().bytes();
            proptest::prop_assert_eq!(bytes.next(), Some(b'/'));
            proptest::prop_assert!(!matches!(bytes.next(), Some(b'/' | b'\\')));
            proptest::prop_assert!(next.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn a_field_that_is_wrong_or_missing_is_the_root() {
        let next = |json| serde_json::from_str::<Next>(json).unwrap();
        assert_eq!(next(r#""//evil.test""#), Next::default());
        assert_eq!(next("null"), Next::default());
        assert_eq!(next(r#""/me""#).as_str(), "/me");
    }
}
