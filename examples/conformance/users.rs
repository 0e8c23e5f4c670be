//! Three people, in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use acton_service::auth::{PasswordConfig, Passwords};
use acton_service::prelude::*;

#[derive(Clone)]
pub(crate) struct Users(Arc<Inner>);

struct Inner {
    passwords: Passwords,
    people: Mutex<BTreeMap<String, User>>,
}

struct User {
    hash: String,
    role: &'static str,
    disabled: bool,
}

/// A password was right, and whose it is.
#[derive(PartialEq, Eq)]
pub(crate) struct Proof {
    hash: String,
    pub(crate) role: &'static str,
}

impl Users {
    /// The people the tests know.
    pub(crate) async fn enrol(config: &PasswordConfig) -> Result<Self> {
        let passwords = Passwords::new(config)?;
        let mut people = BTreeMap::new();
        for (name, role, disabled) in [
            ("alice", "user", false),
            ("bob", "admin", false),
            ("carol", "user", true),
        ] {
            let hash = passwords.hash(&format!("correct horse {name}")).await?;
            people.insert(
                name.to_owned(),
                User {
                    hash,
                    role,
                    disabled,
                },
            );
        }
        let people = Mutex::new(people);
        Ok(Self(Arc::new(Inner { passwords, people })))
    }

    /// The queue in which passwords are hashed.
    pub(crate) fn passwords(&self) -> Passwords {
        self.0.passwords.clone()
    }

    /// What was proved by who says to be `name`; `None` for wrong, unknown and disabled alike.
    pub(crate) async fn authenticate(&self, name: &str, password: &str) -> Result<Option<Proof>> {
        let found = self.find(name);
        let hash = found.as_ref().map(|proof| proof.hash.as_str());
        let verified = self.0.passwords.verify(password, hash).await?;
        Ok(verified.and(found).filter(|proof| self.holds(name, proof)))
    }

    /// Whether nobody disabled the user or changed the password since.
    pub(crate) fn holds(&self, name: &str, proof: &Proof) -> bool {
        self.find(name).as_ref() == Some(proof)
    }

    fn find(&self, name: &str) -> Option<Proof> {
        self.with(|people| {
            let user = people.get(name).filter(|user| !user.disabled)?;
            let (hash, role) = (user.hash.clone(), user.role);
            Some(Proof { hash, role })
        })
    }

    pub(crate) async fn set_password(&self, name: &str, password: &str) -> Result<()> {
        let hash = self.0.passwords.hash(password).await?;
        self.with(|people| {
            if let Some(user) = people.get_mut(name) {
                user.hash = hash;
            }
        });
        Ok(())
    }

    pub(crate) fn disable(&self, name: &str) {
        self.with(|people| {
            if let Some(user) = people.get_mut(name) {
                user.disabled = true;
            }
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, User>) -> T) -> T {
        work(
            &mut self
                .0
                .people
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }
}
