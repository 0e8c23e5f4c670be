use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;

use super::{claims::Claims, config::JwtConfig};
use crate::Error;

/// Issues the tokens that a [`JwtVerifier`](crate::JwtVerifier) of the same configuration accepts.
///
/// ```
/// use acton_auth::{Claims, JwtAlgorithm, JwtConfig, JwtSigner, JwtVerifier, Secret};
///
/// # fn main() -> Result<(), acton_auth::Error> {
/// let config = JwtConfig {
///     algorithm: Some(JwtAlgorithm::HS256),
///     secret: Some(Secret::new("0123456789abcdef0123456789abcdef")),
///     issuer: Some("https://example.org".into()),
///     audience: Some("api".into()),
///     ..JwtConfig::default()
/// };
///
/// let signer = JwtSigner::new(&config, None)?;
/// let mut claims = signer.claims("alice");
/// claims.roles.push("admin".into());
/// let token = signer.sign(&claims)?;
///
/// let verified: Claims = JwtVerifier::new(&config, None)?.verify(&token)?;
/// assert!(verified.has_role("admin"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct JwtSigner(Arc<Inner>);

struct Inner {
    header: Header,
    key: EncodingKey,
    issuer: String,
    audience: String,
    lifetime: Duration,
}

impl JwtSigner {
    /// A signer for the configured algorithm: with `jwt.secret` for HS256, otherwise with the PEM of the private key.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the setting that is missing or unusable.
    pub fn new(config: &JwtConfig, private_key_pem: Option<&[u8]>) -> Result<Self, Error> {
        let mut header = Header::new(config.algorithm()?.into());
        header.kid.clone_from(&config.key_id);
        Ok(Self(Arc::new(Inner {
            header,
            key: config.encoding_key(private_key_pem)?,
            issuer: config.issuer()?.to_owned(),
            audience: config.audience()?.to_owned(),
            lifetime: config.lifetime,
        })))
    }

    /// Claims about `subject`, valid from now for `jwt.lifetime`.
    #[must_use]
    pub fn claims(&self, subject: impl Into<String>) -> Claims {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Claims {
            sub: Some(subject.into()),
            iss: self.0.issuer.clone(),
            aud: vec![self.0.audience.clone()],
            exp: now.saturating_add(self.0.lifetime).as_secs(),
            iat: Some(now.as_secs()),
            ..Claims::default()
        }
    }

    /// The token that says `claims`: ours, or a type of the caller's.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] when `claims` are no JSON object, or the key fails.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, Error> {
        jsonwebtoken::encode(&self.0.header, claims, &self.0.key)
            .map_err(|error| Error::Crypto(error.into()))
    }
}

impl fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSigner")
            .field("algorithm", &self.0.header.alg)
            .finish_non_exhaustive()
    }
}
