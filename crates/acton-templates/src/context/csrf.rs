use std::fmt;

use acton_htmx::Markup;

/// Where the forms of a page take their CSRF token from.
#[derive(Clone)]
pub struct Csrf(Source);

#[derive(Clone)]
enum Source {
    Given(String),
    #[cfg(feature = "session")]
    Session(acton_session::CsrfToken),
}

impl Csrf {
    pub(super) fn token(&self) -> String {
        match &self.0 {
            Source::Given(token) => token.clone(),
            #[cfg(feature = "session")]
            Source::Session(csrf) => csrf.token(),
        }
    }

    pub(super) fn field(&self) -> Markup {
        let token = Markup::escaped(self.token());
        Markup::trusted(format!(
            r#"<input type="hidden" name="csrf_token" value="{token}">"#
        ))
    }

    pub(super) fn meta(&self) -> Markup {
        let token = Markup::escaped(self.token());
        Markup::trusted(format!(r#"<meta name="csrf-token" content="{token}">"#))
    }

    /// Whether the token exists whether or not it is rendered.
    #[cfg(feature = "assets")]
    pub(super) fn is_given(&self) -> bool {
        matches!(self.0, Source::Given(_))
    }
}

impl From<String> for Csrf {
    fn from(token: String) -> Self {
        Self(Source::Given(token))
    }
}

impl From<&str> for Csrf {
    fn from(token: &str) -> Self {
        token.to_owned().into()
    }
}

#[cfg(feature = "session")]
impl From<acton_session::CsrfToken> for Csrf {
    fn from(csrf: acton_session::CsrfToken) -> Self {
        Self(Source::Session(csrf))
    }
}

#[cfg(feature = "session")]
impl From<&acton_session::CsrfToken> for Csrf {
    fn from(csrf: &acton_session::CsrfToken) -> Self {
        csrf.clone().into()
    }
}

impl fmt::Debug for Csrf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
