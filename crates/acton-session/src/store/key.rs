use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use tower_sessions::session::Id;

/// The name under which a store keeps a session: a hash of the id.
///
/// Whoever reads the store, or a log of it, cannot take over a session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key([u8; 32]);

impl Key {
    #[cfg(feature = "memory")]
    pub(crate) const FIRST: Self = Self([0; 32]);

    pub(crate) fn of(id: &Id) -> Self {
        Self::hash(b"acton session", &id.0.to_le_bytes())
    }

    /// Different purposes give different keys for the same secret.
    pub(crate) fn hash(purpose: &[u8], secret: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update(purpose)
            .chain_update([0])
            .chain_update(secret);
        Self(hash.finalize().into())
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first bytes, as an id for stores that want one.
    pub(crate) fn to_id(self) -> Id {
        let (first, _) = self.0.split_first_chunk().expect("32 bytes hold 16");
        Id(i128::from_le_bytes(*first))
    }

    /// One of `count` places, evenly spread.
    pub(crate) fn place(&self, count: usize) -> usize {
        usize::from(self.0[31]) % count
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_contain_the_id() {
        let id = Id(i128::from_le_bytes(*b"0123456789abcdef"));
        let key = Key::of(&id);
        assert_ne!(key.to_string(), id.to_string());
        assert_ne!(key.to_id(), id);
        assert_eq!(Key::parse(&key.to_string()), Some(key));
    }
}
