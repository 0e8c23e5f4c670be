//! How many streams may be open.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    broadcaster::Shared,
    config::SseConfig,
    presence::{Person, Presence},
};

/// The open streams, in total and per user.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    users: HashMap<Arc<str>, usize>,
}

/// Why a stream may not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooMany,
    TooManyOfUser,
}

impl Connections {
    /// Counts a stream in.
    fn enter(&self, user: Option<&Arc<str>>, config: &SseConfig) -> Result<(), Refused> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.total >= config.max_connections {
            return Err(Refused::TooMany);
        }
        if let Some(user) = user {
            let open = counts.users.get(user).copied().unwrap_or(0);
            if open >= config.max_connections_per_user {
                return Err(Refused::TooManyOfUser);
            }
            counts.users.insert(Arc::clone(user), open + 1);
        }
        counts.total += 1;
        Ok(())
    }

    fn leave(&self, user: Option<&Arc<str>>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total -= 1;
        if let Some(user) = user
            && let Some(open) = counts.users.get_mut(user)
        {
            *open -= 1;
            if *open == 0 {
                counts.users.remove(user);
            }
        }
    }

    /// How many streams a user has open.
    pub(crate) fn of(&self, user: &str) -> usize {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.users.get(user).copied().unwrap_or(0)
    }

    /// Every user with an open stream.
    pub(crate) fn users(&self) -> Vec<(Arc<str>, usize)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let users = counts.users.iter();
        users
            .map(|(user, open)| (Arc::clone(user), *open))
            .collect()
    }

    /// How many streams are open.
    pub(crate) fn total(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

/// One open stream, counted until it is dropped, and who is here because of it.
#[derive(Debug)]
pub(crate) struct Permit {
    shared: Arc<Shared>,
    user: Option<Arc<str>>,
    present: Vec<Presence>,
}

impl Permit {
    pub(crate) fn take(shared: &Arc<Shared>, user: Option<Arc<str>>) -> Result<Self, Refused> {
        shared.connections.enter(user.as_ref(), &shared.config)?;
        Ok(Self {
            shared: Arc::clone(shared),
            user,
            present: Vec::new(),
        })
    }

    /// Lets people in for as long as the stream is open.
    pub(crate) fn let_in(&mut self, present: Vec<(String, Person)>) {
        let enter =
            |(topic, person): (String, Person)| Presence::enter(&self.shared, &topic, person);
        self.present = present.into_iter().map(enter).collect();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.connections.leave(self.user.as_ref());
    }
}
