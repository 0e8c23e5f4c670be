use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tower_sessions::session::Id;

use crate::{random, store::Key};

const BYTES: usize = 32;

/// What only this session and the pages rendered for it know.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret([u8; BYTES]);

/// A secret as stores keep it. To read it takes the id of the session, which no store has: so whoever reads a store
/// cannot write a token.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sealed([u8; BYTES]);

impl Secret {
    pub(crate) fn generate() -> Self {
        Self(random::bytes())
    }

    /// As stores keep it under this id.
    pub(crate) fn seal(&self, id: &Id) -> Sealed {
        Sealed(xor(&self.0, pad(id).as_bytes()))
    }

    /// A fresh spelling of the secret: a random mask, then the secret under it.
    ///
    /// No two pages hold the same bytes, so a compressed page does not give the secret away piece by piece (BREACH).
    pub(crate) fn mask(&self) -> String {
        let mask: [u8; BYTES] = random::bytes();
        let mut token = [0; 2 * BYTES];
        token[..BYTES].copy_from_slice(&mask);
        token[BYTES..].copy_from_slice(&xor(&mask, &self.0));
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Whether the token is a spelling of this secret, in constant time.
    pub(crate) fn matches(&self, token: &[u8]) -> bool {
        let mut decoded = [0; 2 * BYTES];
        if URL_SAFE_NO_PAD.decode_slice(token, &mut decoded) != Ok(decoded.len()) {
            return false;
        }
        let (mask, masked) = decoded.split_at(BYTES);
        xor(mask, masked).ct_eq(&self.0).into()
    }
}

impl Sealed {
    /// The secret, for whoever knows the id.
    pub(crate) fn open(&self, id: &Id) -> Secret {
        Secret(xor(&self.0, pad(id).as_bytes()))
    }
}

/// As long as a secret and used for one: a new secret comes with a new id.
fn pad(id: &Id) -> Key {
    Key::hash(b"acton csrf", &id.0.to_le_bytes())
}

impl fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealed")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

fn xor(left: &[u8], right: &[u8]) -> [u8; BYTES] {
    std::array::from_fn(|index| left[index] ^ right[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_differs_and_every_spelling_is_accepted() {
        let secret = Secret::generate();
        let (one, two) = (secret.mask(), secret.mask());
        assert_ne!(one, two);
        assert!(secret.matches(one.as_bytes()) && secret.matches(two.as_bytes()));
    }

    #[test]
    fn the_token_of_another_secret_is_refused() {
        let token = Secret::generate().mask();
        assert!(!Secret::generate().matches(token.as_bytes()));
    }

    #[test]
    fn damaged_tokens_are_refused() {
        let secret = Secret::generate();
        let token = secret.mask();
        let mut flipped = token.clone().into_bytes();
        flipped[3] = if flipped[3] == b'A' { b'B' } else { b'A' };
        let cases: [&[u8]; 7] = [
            b"",
            b"x",
            &token.as_bytes()[1..],
            &token.as_bytes()[..token.len() - 1],
            b"!not base64!",
            &flipped,
            &vec![b'A'; 100_000],
        ];
        for case in cases {
            assert!(!secret.matches(case));
        }
    }

    #[test]
    fn only_who_knows_the_id_opens_what_is_sealed() {
        let secret = Secret::generate();
        let sealed = secret.seal(&Id(1));
        assert!(sealed.open(&Id(1)) == secret);
        assert!(sealed.open(&Id(2)) != secret && sealed.0 != secret.0);
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::generate()), "Secret");
    }
}
