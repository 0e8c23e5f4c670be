use std::{fmt, io, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::Validation;
use serde::de::DeserializeOwned;

use super::{
    config::{JwtConfig, refused},
    keys::{KeySet, Keys},
};
use crate::Error;

/// Tokens are a few hundred bytes; what is longer is not worth decoding.
const MAX_TOKEN_BYTES: usize = 8192;

/// Checks bearer tokens against one key or a set of keys, one algorithm, one issuer and one audience.
///
/// A token is accepted when its header names the pinned algorithm and no critical extension, its signature is right,
/// `exp`, `iss` and `aud` are present and hold, and `nbf`, where present, has passed.
///
/// Put it into the request's extensions (`Extension(verifier)`) for [`Claims`](crate::Claims) and
/// [`Bearer`](crate::Bearer), or around routes with [`BearerLayer`](crate::BearerLayer). Cloning is cheap.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc8725>
#[derive(Clone, Default)]
pub struct JwtVerifier(Option<Arc<Inner>>);

struct Inner {
    keys: Keys,
    validation: Validation,
}

impl JwtVerifier {
    /// A verifier for the configured algorithm, with the content of the public key file where it needs one.
    ///
    /// Without any setting the verifier refuses every token.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the setting that is missing or unusable.
    pub fn new(config: &JwtConfig, public_key_pem: Option<&[u8]>) -> Result<Self, Error> {
        if !config.is_set() {
            return Ok(Self::default());
        }
        if config.keys_file.is_some() {
            return refused("jwt.keys_file", "is read by `JwtVerifier::with_key_set`");
        }
        let key = Arc::new(config.decoding_key(public_key_pem)?);
        let id = config.key_id.clone();
        Self::checking(config, Keys::One { id, key })
    }

    /// A verifier for the configured algorithm, with the keys of the JSON Web Key Set that `read` returns.
    ///
    /// Keys of the set that are not for signatures of this algorithm are left out; one at least must be left.
    /// A token names its key (`kid`); one that names none is accepted where the set has only one key.
    /// The set is read again once a minute, and after ten seconds when a token names an unknown key, so a new key can be
    /// put in before it is used, and one that was taken out is refused within a minute.
    /// A set that cannot be read or used then is logged and changes nothing.
    ///
    /// ```
    /// use acton_auth::{Claims, JwtAlgorithm, JwtConfig, JwtSigner, JwtVerifier, Secret};
    ///
    /// # fn main() -> Result<(), acton_auth::Error> {
    /// let config = JwtConfig {
    ///     algorithm: Some(JwtAlgorithm::HS256),
    ///     issuer: Some("https://example.org".into()),
    ///     audience: Some("api".into()),
    ///     ..JwtConfig::default()
    /// };
    /// // In earnest a file: `|| std::fs::read("keys.json")`.
    /// let keys = r#"{"keys": [{"kty": "oct", "kid": "2027-01", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}"#;
    /// let verifier = JwtVerifier::with_key_set(&config, || Ok(keys.into()))?;
    ///
    /// let signing = JwtConfig {
    ///     secret: Some(Secret::new("0123456789abcdef0123456789abcdef")),
    ///     key_id: Some("2027-01".into()),
    ///     ..config
    /// };
    /// let signer = JwtSigner::new(&signing, None)?;
    /// verifier.verify::<Claims>(&signer.sign(&signer.claims("alice"))?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the setting that is missing or unusable.
    pub fn with_key_set(
        config: &JwtConfig,
        read: impl Fn() -> io::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        if config.secret.is_some() || config.public_key_file.is_some() {
            return refused(
                "jwt.keys_file",
                "cannot be used together with `secret` or `public_key_file`",
            );
        }
        let keys = KeySet::new(config.algorithm()?, Box::new(read))?;
        Self::checking(config, Keys::Set(keys))
    }

    fn checking(config: &JwtConfig, keys: Keys) -> Result<Self, Error> {
        let mut validation = Validation::new(config.algorithm()?.into());
        validation.set_issuer(&[config.issuer()?]);
        validation.set_audience(&[config.audience()?]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        validation.validate_nbf = true;
        validation.leeway = config.leeway()?;
        Ok(Self(Some(Arc::new(Inner { keys, validation }))))
    }

    /// The claims of `token`, as a type of the caller's.
    ///
    /// # Errors
    ///
    /// [`Error::TokenInvalid`], whatever is wrong with it.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<T, Error> {
        let Some(inner) = &self.0 else {
            return Err(Error::TokenInvalid(None));
        };
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Error::TokenInvalid(None));
        }
        let invalid = |error: jsonwebtoken::errors::Error| Error::TokenInvalid(Some(error.into()));
        // The header chooses among our keys and nothing else: `jwk`, `jku` and `x5u` are never followed.
        let header = jsonwebtoken::decode_header(token).map_err(invalid)?;
        let Some(key) = inner.keys.find(header.kid.as_deref()) else {
            return Err(Error::TokenInvalid(Some("unknown key".into())));
        };
        let data = jsonwebtoken::decode(token, &key, &inner.validation).map_err(invalid)?;
        // We understand no extension, so a token that insists on one is not for us.
        match data.header.crit {
            None => Ok(data.claims),
            Some(_) => Err(Error::TokenInvalid(None)),
        }
    }

    /// The claims of the token in the `Authorization` header.
    ///
    /// # Errors
    ///
    /// [`Error::TokenMissing`] without a bearer token, [`Error::TokenInvalid`] with a wrong one.
    pub fn verify_headers<T: DeserializeOwned>(&self, headers: &HeaderMap) -> Result<T, Error> {
        self.verify(bearer(headers)?)
    }
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms = self.0.as_ref().map(|inner| &inner.validation.algorithms);
        f.debug_struct("JwtVerifier")
            .field("algorithms", &algorithms)
            .finish_non_exhaustive()
    }
}

/// The token after `Bearer `; the scheme's name is case-insensitive.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc6750#section-2.1>
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(if headers.contains_key(AUTHORIZATION) {
            Error::TokenInvalid(None)
        } else {
            Error::TokenMissing
        });
    };
    let value = value.to_str().map_err(|_| Error::TokenInvalid(None))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Error::TokenMissing),
    }
}
