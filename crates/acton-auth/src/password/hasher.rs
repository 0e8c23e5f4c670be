use std::sync::OnceLock;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};

use super::{Verified, memory::Memory};
use crate::Error;

/// A hash with a greater cost than this is not ours, and not worth the memory: 1 GiB, 64 passes, 64 lanes.
const MAX_STORED: (u32, u32, u32) = (1 << 20, 64, 64);

/// The computation itself, on whatever thread it is called.
pub(super) struct Hasher {
    params: Params,
    dummy: OnceLock<String>,
    memory: Memory,
    /// All the work that was done, in KiB.
    #[cfg(test)]
    spent: std::sync::atomic::AtomicU64,
}

impl Hasher {
    pub(super) fn new(params: Params) -> Self {
        Self {
            memory: Memory::new(params.block_count()),
            params,
            dummy: OnceLock::new(),
            #[cfg(test)]
            spent: std::sync::atomic::AtomicU64::default(),
        }
    }

    pub(super) fn hash(&self, password: &str) -> Result<String, Error> {
        let hash = self.fresh_hash(password);
        hash.map(|hash| hash.to_string())
            .map_err(|error| Error::Crypto(error.into()))
    }

    fn fresh_hash(&self, password: &str) -> password_hash::Result<PasswordHash> {
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let argon2 = Argon2::new(algorithm, version, self.params.clone());
        let salt = Salt::new(&password_hash::try_generate_salt()?)?;
        Ok(PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&self.params)?,
            salt: Some(salt),
            hash: Some(self.compute(&argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN)?),
        })
    }

    pub(super) fn verify(
        &self,
        password: &str,
        stored: Option<&str>,
    ) -> Result<Option<Verified>, Error> {
        let dummy = self.dummy()?;
        let computed = stored.and_then(parse).and_then(|hash| {
            let output = self.recompute(&hash, password);
            output.map(|output| (hash, output)).or_else(unusable)
        });
        let Some((hash, output)) = computed else {
            let _same_time = PasswordHash::new(dummy).map(|dummy| self.recompute(&dummy, password));
            return Ok(None);
        };
        if hash.hash != Some(output) {
            self.take_the_rest(&hash, password);
            return Ok(None);
        }
        let rehash = self
            .is_weaker(&hash)
            .then(|| self.hash(password))
            .transpose()?;
        Ok(Some(Verified { rehash }))
    }

    /// The same computation with another password; nothing, and at no cost, for a hash that lacks a part.
    fn recompute(&self, hash: &PasswordHash, password: &str) -> Option<Output> {
        let version = hash
            .version
            .map_or(Ok(Version::default()), Version::try_from);
        let argon2 = Argon2::new(
            Algorithm::try_from(hash.algorithm.as_str()).ok()?,
            version.ok()?,
            Params::try_from(hash).ok()?,
        );
        let length = hash.hash.as_ref()?.as_ref().len();
        self.compute(&argon2, password, hash.salt.as_ref()?, length)
            .ok()
    }

    fn compute(
        &self,
        argon2: &Argon2<'_>,
        password: &str,
        salt: &[u8],
        length: usize,
    ) -> password_hash::Result<Output> {
        let mut output = vec![0; length];
        let blocks = argon2.params().block_count();
        self.memory.with(blocks, |memory| {
            argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut output, memory)
        })?;
        #[cfg(test)]
        self.spent
            .fetch_add(work(argon2.params()), std::sync::atomic::Ordering::Relaxed);
        Ok(Output::new(&output)?)
    }

    /// A weaker hash is compared sooner, and an answer that comes sooner tells that there is such a user. So a wrong
    /// password is hashed once more, with the work that is left to that of our own settings.
    fn take_the_rest(&self, hash: &PasswordHash, password: &str) {
        let stored = Params::try_from(hash).ok();
        if let Some(params) = stored.and_then(|stored| rest(&stored, &self.params)) {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let salt = [0; argon2::RECOMMENDED_SALT_LEN];
            // It may fail: nobody asks for it.
            let _same_time = self.compute(&argon2, password, &salt, Params::DEFAULT_OUTPUT_LEN);
        }
    }

    /// Made by the first verification of all, whoever it is for.
    fn dummy(&self) -> Result<&str, Error> {
        if self.dummy.get().is_none() {
            let hash = self.hash("nobody has this password")?;
            return Ok(self.dummy.get_or_init(|| hash));
        }
        Ok(self.dummy.get().map_or("", String::as_str))
    }

    /// Weaker means another variant of Argon2, or less memory filled over all passes.
    fn is_weaker(&self, hash: &PasswordHash) -> bool {
        hash.algorithm != Algorithm::Argon2id.ident()
            || hash.version != Some(Version::V0x13.into())
            || Params::try_from(hash).map_or(true, |params| work(&params) < work(&self.params))
    }
}

/// Memory filled over all passes, in KiB.
fn work(params: &Params) -> u64 {
    u64::from(params.m_cost()) * u64::from(params.t_cost())
}

/// Settings for the work by which `stored` falls short of `own`; nothing for the little that Argon2 cannot do.
fn rest(stored: &Params, own: &Params) -> Option<Params> {
    let missing = work(own).saturating_sub(work(stored));
    let passes = u64::from(own.t_cost());
    let memory = u32::try_from(missing / passes).ok()?;
    Params::new(memory, own.t_cost(), own.p_cost(), None).ok()
}

/// The hash, when it is one that can be verified at a bearable cost.
fn parse(stored: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::new(stored).ok();
    let params = hash.as_ref().and_then(|hash| Params::try_from(hash).ok());
    let (memory, passes, lanes) = MAX_STORED;
    let bearable = |params: &Params| {
        params.m_cost() <= memory && params.t_cost() <= passes && params.p_cost() <= lanes
    };
    hash.filter(|_| params.as_ref().is_some_and(bearable))
        .or_else(unusable)
}

fn unusable<T>() -> Option<T> {
    tracing::warn!("a stored password hash is not an Argon2 hash of a bearable cost");
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    /// What it costs to find out that `password` is not the one that was stored.
    fn cost(hasher: &Hasher, stored: Option<&str>) -> u64 {
        let before = hasher.spent.load(Ordering::Relaxed);
        let verified = hasher.verify("wrong", stored).unwrap();
        assert!(verified.is_none(), "{stored:?}");
        hasher.spent.load(Ordering::Relaxed) - before
    }

    #[test]
    fn what_cannot_be_verified_costs_as_much_as_a_wrong_password() {
        let hasher = Hasher::new(Params::new(64, 2, 1, None).unwrap());
        let right = hasher.hash("right").unwrap();
        hasher.dummy().unwrap();
        let own = work(&hasher.params);
        assert_eq!(cost(&hasher, Some(&right)), own);
        assert_eq!(cost(&hasher, None), own);
        let cut = |end: char| right.rsplit_once(end).unwrap().0.to_owned();
        let without_hash = cut('$');
        let without_salt = without_hash.rsplit_once('$').unwrap().0.to_owned();
        for unusable in [
            String::new(),
            "plain text".to_owned(),
            "$2b$12$abcdefghijklmnopqrstuv".to_owned(),
            "$argon2id$".to_owned(),
            without_hash,
            without_salt,
            right.replace("argon2id", "argon2x"),
            right.replace("v=19", "v=18"),
            right.replace("m=64", "m=4294967295"),
            right.replace("m=64", "m=1"),
            right.replace("t=2", "t=0"),
        ] {
            assert_eq!(cost(&hasher, Some(&unusable)), own, "{unusable}");
        }
    }

    #[test]
    fn a_weaker_hash_and_the_rest_are_as_much_work_as_our_own() {
        let params = |memory, passes| Params::new(memory, passes, 1, None).unwrap();
        let own = params(19_456, 2);
        for (memory, passes) in [(4_096, 3), (9_216, 4), (12_288, 1), (19_456, 1), (64, 1)] {
            let stored = params(memory, passes);
            let both = work(&stored) + work(&rest(&stored, &own).unwrap());
            assert!(both.abs_diff(work(&own)) < 8 * 2, "{memory} {passes}");
        }
        for stored in [params(19_456, 2), params(47_104, 1), params(65_536, 3)] {
            assert!(rest(&stored, &own).is_none());
        }
    }
}
