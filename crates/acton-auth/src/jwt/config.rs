use std::{path::PathBuf, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::Deserialize;

use crate::{Error, Secret};

/// The shortest secret for HS256: as long as its output.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc7518#section-3.2>
pub(super) const MIN_SECRET_BYTES: usize = 32;

/// Clocks that differ by more than this are not a matter of tolerance.
const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// The `[jwt]` section. Without any key in it, every bearer token is refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JwtConfig {
    /// The one algorithm that is accepted: `HS256`, `RS256`, `ES256` or `EdDSA`. No default.
    pub algorithm: Option<JwtAlgorithm>,
    /// The shared secret for `HS256`, at least 32 bytes.
    pub secret: Option<Secret>,
    /// The PEM file of the public key for the other algorithms.
    ///
    /// This crate opens no files: its content is passed to [`JwtVerifier::new`](crate::JwtVerifier::new).
    pub public_key_file: Option<PathBuf>,
    /// A JSON Web Key Set ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)) with the keys that tokens may be signed
    /// with, each with its `kid`. Instead of `secret` and `public_key_file`, where keys are to be changed.
    ///
    /// Its reader is passed to [`JwtVerifier::with_key_set`](crate::JwtVerifier::with_key_set).
    pub keys_file: Option<PathBuf>,
    /// The `kid` of the one key: written into tokens that we sign, and refused when a token names another.
    /// Default: none.
    pub key_id: Option<String>,
    /// The `iss` that every token must name. Required.
    pub issuer: Option<String>,
    /// The `aud` that every token must name, alone or among others. Required.
    pub audience: Option<String>,
    /// How far clocks may differ when `exp` and `nbf` are checked, e.g. `30s`. Default: 30 seconds; at most 5 minutes.
    #[serde(with = "humantime_serde")]
    pub leeway: Duration,
    /// How long a token that we sign is valid, e.g. `15m`. Default: 15 minutes.
    #[serde(with = "humantime_serde")]
    pub lifetime: Duration,
}

/// How a token is signed.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc7518#section-3.1>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[non_exhaustive]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256: who can verify can also sign.
    HS256,
    /// RSA (PKCS #1 v1.5) with SHA-256, keys of at least 2048 bits.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            algorithm: None,
            secret: None,
            public_key_file: None,
            keys_file: None,
            key_id: None,
            issuer: None,
            audience: None,
            leeway: Duration::from_secs(30),
            lifetime: Duration::from_secs(15 * 60),
        }
    }
}

impl JwtConfig {
    /// Whether bearer tokens are in use at all.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.algorithm.is_some()
            || self.secret.is_some()
            || self.public_key_file.is_some()
            || self.keys_file.is_some()
            || self.issuer.is_some()
            || self.audience.is_some()
    }

    pub(crate) fn algorithm(&self) -> Result<JwtAlgorithm, Error> {
        required("jwt.algorithm", self.algorithm)
    }

    pub(crate) fn issuer(&self) -> Result<&str, Error> {
        required("jwt.issuer", self.issuer.as_deref())
    }

    pub(crate) fn audience(&self) -> Result<&str, Error> {
        required("jwt.audience", self.audience.as_deref())
    }

    pub(crate) fn leeway(&self) -> Result<u64, Error> {
        if self.leeway > MAX_LEEWAY {
            return refused("jwt.leeway", "must not exceed 5 minutes");
        }
        Ok(self.leeway.as_secs())
    }

    pub(crate) fn secret(&self) -> Result<&[u8], Error> {
        let secret = required("jwt.secret", self.secret.as_ref())?
            .reveal()
            .as_bytes();
        if secret.len() < MIN_SECRET_BYTES {
            return refused("jwt.secret", "must be at least 32 bytes long");
        }
        Ok(secret)
    }

    pub(crate) fn decoding_key(&self, pem: Option<&[u8]>) -> Result<DecodingKey, Error> {
        let pem = || required("jwt.public_key_file", pem);
        let key = match self.algorithm()? {
            JwtAlgorithm::HS256 => Ok(DecodingKey::from_secret(self.secret()?)),
            JwtAlgorithm::RS256 => DecodingKey::from_rsa_pem(pem()?),
            JwtAlgorithm::ES256 => DecodingKey::from_ec_pem(pem()?),
            JwtAlgorithm::EdDSA => DecodingKey::from_ed_pem(pem()?),
        };
        key.or_else(|error| refused("jwt.public_key_file", error))
    }

    pub(crate) fn encoding_key(&self, pem: Option<&[u8]>) -> Result<EncodingKey, Error> {
        let pem = || required("jwt private key", pem);
        let key = match self.algorithm()? {
            JwtAlgorithm::HS256 => Ok(EncodingKey::from_secret(self.secret()?)),
            JwtAlgorithm::RS256 => EncodingKey::from_rsa_pem(pem()?),
            JwtAlgorithm::ES256 => EncodingKey::from_ec_pem(pem()?),
            JwtAlgorithm::EdDSA => EncodingKey::from_ed_pem(pem()?),
        };
        key.or_else(|error| refused("jwt private key", error))
    }
}

impl From<JwtAlgorithm> for Algorithm {
    fn from(algorithm: JwtAlgorithm) -> Self {
        match algorithm {
            JwtAlgorithm::HS256 => Self::HS256,
            JwtAlgorithm::RS256 => Self::RS256,
            JwtAlgorithm::ES256 => Self::ES256,
            JwtAlgorithm::EdDSA => Self::EdDSA,
        }
    }
}

fn required<T>(key: &'static str, value: Option<T>) -> Result<T, Error> {
    value.map_or_else(|| refused(key, "is required"), Ok)
}

pub(super) fn refused<T>(key: &'static str, reason: impl ToString) -> Result<T, Error> {
    Err(Error::Config {
        key,
        reason: reason.to_string(),
    })
}
