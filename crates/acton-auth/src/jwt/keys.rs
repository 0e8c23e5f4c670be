//! The keys that tokens may be signed with, and how they change while the service runs.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};

use super::config::{JwtAlgorithm, MIN_SECRET_BYTES, refused};
use crate::Error;

/// Keys are read again after this time, so that one that was taken out is refused.
const FRESH: Duration = Duration::from_secs(60);

/// A token that names an unknown key brings them sooner, but not more often than this.
const PAUSE: Duration = Duration::from_secs(10);

const SETTING: &str = "jwt.keys_file";

pub(super) enum Keys {
    /// One key; its id, where it has one, is the only one that a token may name.
    One {
        id: Option<String>,
        key: Arc<DecodingKey>,
    },
    Set(KeySet),
}

impl Keys {
    /// The key that a token with this `kid` is signed with.
    pub(super) fn find(&self, kid: Option<&str>) -> Option<Arc<DecodingKey>> {
        match self {
            Self::One { id: Some(id), .. } if kid.is_some_and(|kid| kid != id) => None,
            Self::One { key, .. } => Some(Arc::clone(key)),
            Self::Set(keys) => keys.find(kid, Instant::now()),
        }
    }
}

type Source = Box<dyn Fn() -> io::Result<Vec<u8>> + Send + Sync>;

/// A JSON Web Key Set that is read again from time to time.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc7517#section-5>
pub(super) struct KeySet {
    algorithm: JwtAlgorithm,
    source: Source,
    current: RwLock<Read>,
    reading: Mutex<()>,
}

#[derive(Clone)]
struct Read {
    keys: BTreeMap<String, Arc<DecodingKey>>,
    at: Instant,
}

impl Read {
    /// A token need not name its key where there is only one.
    fn find(&self, kid: Option<&str>) -> Option<Arc<DecodingKey>> {
        match kid {
            Some(kid) => self.keys.get(kid).cloned(),
            None if self.keys.len() == 1 => self.keys.values().next().cloned(),
            None => None,
        }
    }
}

impl KeySet {
    pub(super) fn new(algorithm: JwtAlgorithm, source: Source) -> Result<Self, Error> {
        let keys = read(algorithm, &source)?;
        Ok(Self {
            algorithm,
            source,
            current: RwLock::new(Read {
                keys,
                at: Instant::now(),
            }),
            reading: Mutex::new(()),
        })
    }

    fn find(&self, kid: Option<&str>, now: Instant) -> Option<Arc<DecodingKey>> {
        let (found, age) = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            (current.find(kid), now.saturating_duration_since(current.at))
        };
        let is_unknown = found.is_none() && kid.is_some();
        if age < PAUSE || (age < FRESH && !is_unknown) {
            return found;
        }
        self.read_again(now);
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.find(kid)
    }

    /// One request reads; others go on with what is there. What cannot be read changes nothing.
    fn read_again(&self, now: Instant) {
        let Ok(_reading) = self.reading.try_lock() else {
            return;
        };
        let keys = read(self.algorithm, &self.source);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.at = now;
        match keys {
            Ok(keys) => current.keys = keys,
            Err(error) => tracing::error!(%error, "the keys of bearer tokens stay as they were"),
        }
    }
}

/// The keys that can be used; issuers publish those for other purposes beside them.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc7517#section-5>
fn read(
    algorithm: JwtAlgorithm,
    source: &Source,
) -> Result<BTreeMap<String, Arc<DecodingKey>>, Error> {
    let bytes =
        source().or_else(|error| refused(SETTING, format!("cannot be read: {}", error.kind())))?;
    // What serde says could show a part of a secret.
    let set: Published = serde_json::from_slice(&bytes)
        .or_else(|_| refused(SETTING, "is not a JSON Web Key Set"))?;
    let mut keys = BTreeMap::new();
    let mut left_out = None;
    for published in set.keys {
        match usable(algorithm, published) {
            Ok((id, key)) => {
                if keys.insert(id.clone(), Arc::new(key)).is_some() {
                    return refused(SETTING, format!("holds two keys `{id}`"));
                }
            }
            Err(reason) => {
                tracing::debug!(reason, "a key for bearer tokens is left out");
                left_out.get_or_insert(reason);
            }
        }
    }
    if keys.is_empty() {
        let reason = left_out.unwrap_or_else(|| "holds no key".to_owned());
        return refused(SETTING, reason);
    }
    Ok(keys)
}

/// Each key is read by itself, because there are kinds that we do not know.
#[derive(serde::Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

fn usable(
    algorithm: JwtAlgorithm,
    published: serde_json::Value,
) -> Result<(String, DecodingKey), String> {
    let id = published.get("kid").and_then(serde_json::Value::as_str);
    let Some(id) = id.map(ToOwned::to_owned) else {
        return Err("holds a key without `kid`".to_owned());
    };
    let key = serde_json::from_value(published)
        .map_err(|_| "is of no known kind".to_owned())
        .and_then(|jwk| decoding_key(algorithm, &jwk));
    match key {
        Ok(key) => Ok((id, key)),
        Err(reason) => Err(format!("holds the key `{id}`, which {reason}")),
    }
}

/// The key, if it can only be meant for the pinned algorithm.
fn decoding_key(algorithm: JwtAlgorithm, jwk: &Jwk) -> Result<DecodingKey, String> {
    let fits = match (&jwk.algorithm, algorithm) {
        (AlgorithmParameters::OctetKey(_), JwtAlgorithm::HS256)
        | (AlgorithmParameters::RSA(_), JwtAlgorithm::RS256) => true,
        (AlgorithmParameters::EllipticCurve(key), JwtAlgorithm::ES256) => {
            key.curve == EllipticCurve::P256
        }
        (AlgorithmParameters::OctetKeyPair(key), JwtAlgorithm::EdDSA) => {
            key.curve == EllipticCurve::Ed25519
        }
        _ => false,
    };
    let named = jwk.common.key_algorithm.map(|named| named.to_string());
    if !fits || named.is_some_and(|named| named != format!("{algorithm:?}")) {
        return Err(format!("is not for {algorithm:?}"));
    }
    if !matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    ) {
        return Err("is not for signatures".to_owned());
    }
    let key = DecodingKey::from_jwk(jwk).map_err(|_| "cannot be used".to_owned())?;
    let is_short = |bytes: &[u8]| bytes.len() < MIN_SECRET_BYTES;
    if algorithm == JwtAlgorithm::HS256 && key.try_get_as_bytes().is_ok_and(is_short) {
        return Err("is shorter than 32 bytes".to_owned());
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oct(id: &str, bytes: usize) -> String {
        // `A` in base64url is six bits of zero.
        format!(
            r#"{{"kty":"oct","kid":"{id}","k":"{}"}}"#,
            "A".repeat(bytes * 4 / 3)
        )
    }

    fn set(keys: &[String]) -> String {
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    fn open(text: String) -> Result<KeySet, Error> {
        KeySet::new(
            JwtAlgorithm::HS256,
            Box::new(move || Ok(text.clone().into_bytes())),
        )
    }

    fn refusal(text: String) -> String {
        open(text)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_its_setting() {
        let rsa = r#"{"kty":"RSA","kid":"r","n":"AQAB","e":"AQAB"}"#.to_owned();
        let for_encryption = oct("e", 33).replace('}', r#","use":"enc"}"#);
        let other_algorithm = oct("o", 33).replace('}', r#","alg":"HS512"}"#);
        for (text, reason) in [
            ("hunter2".to_owned(), "not a JSON Web Key Set"),
            (set(&[]), "no key"),
            (set(&[oct("a", 33), oct("a", 33)]), "two keys `a`"),
            (set(&[oct("a", 9)]), "32 bytes"),
            (
                set(&[r#"{"kty":"oct","k":"AAAA"}"#.to_owned()]),
                "without `kid`",
            ),
            (set(&[rsa]), "not for HS256"),
            (set(&[for_encryption]), "not for signatures"),
            (set(&[other_algorithm]), "not for HS256"),
        ] {
            let told = refusal(text);
            assert!(
                told.starts_with("jwt.keys_file") && told.contains(reason),
                "{told}"
            );
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    /// As Keycloak and others publish them.
    #[test]
    fn keys_for_other_purposes_are_left_out() {
        let strangers = [
            oct("encryption", 33).replace('}', r#","use":"enc","alg":"RSA-OAEP"}"#),
            oct("other", 33).replace('}', r#","alg":"HS512"}"#),
            r#"{"kty":"AKP","kid":"of the future","alg":"ML-DSA-44","pub":"AAAA"}"#.to_owned(),
            r#"{"kty":"oct","k":"AAAA"}"#.to_owned(),
            "7".to_owned(),
        ];
        for stranger in strangers {
            let keys = open(set(&[stranger.clone(), oct("ours", 33)])).unwrap();
            let now = Instant::now();
            assert!(keys.find(Some("ours"), now).is_some(), "{stranger}");
            for id in ["encryption", "other", "of the future"] {
                assert!(keys.find(Some(id), now).is_none(), "{stranger}");
            }
        }
    }

    #[test]
    fn a_token_without_kid_needs_a_set_of_one() {
        let now = Instant::now();
        assert!(
            open(set(&[oct("a", 33)]))
                .unwrap()
                .find(None, now)
                .is_some()
        );
        let two = open(set(&[oct("a", 33), oct("b", 33)])).unwrap();
        assert!(two.find(None, now).is_none());
        assert!(two.find(Some("b"), now).is_some());
    }

    #[test]
    fn keys_are_read_again_and_what_cannot_be_read_changes_nothing() {
        let file = Arc::new(Mutex::new(set(&[oct("old", 33)])));
        let copy = Arc::clone(&file);
        let source = move || Ok(copy.lock().unwrap().clone().into_bytes());
        let keys = KeySet::new(JwtAlgorithm::HS256, Box::new(source)).unwrap();
        let begun = Instant::now();
        let has = |id, after| keys.find(Some(id), begun + after).is_some();

        *file.lock().unwrap() = set(&[oct("new", 33)]);
        assert!(!has("new", PAUSE / 2), "not more often than the pause");
        assert!(
            has("old", PAUSE),
            "a known key waits until the set is no longer fresh"
        );
        assert!(has("new", PAUSE * 2));
        assert!(!has("old", PAUSE * 2));
        *file.lock().unwrap() = "half a fi".to_owned();
        assert!(has("new", PAUSE * 2 + FRESH));
    }
}
