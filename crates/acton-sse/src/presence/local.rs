//! The people who are connected to this instance.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::Person;
use crate::moment::after;

#[derive(Debug)]
pub(crate) struct Local {
    linger: Duration,
    topics: HashMap<String, BTreeMap<Arc<str>, Guest>>,
}

/// A person with as many connections as there are tabs.
#[derive(Debug)]
struct Guest {
    name: Arc<str>,
    connections: usize,
    /// When who has no connection any more is gone.
    leaves_at: Option<Instant>,
}

impl Local {
    pub(crate) fn new(linger: Duration) -> Self {
        Self {
            linger,
            topics: HashMap::new(),
        }
    }

    /// Counts a connection in; true when that changes who is here.
    pub(crate) fn enter(&mut self, topic: &str, person: Person) -> bool {
        let guests = self.topics.entry(topic.to_owned()).or_default();
        let Some(guest) = guests.get_mut(&person.id) else {
            let guest = Guest {
                name: person.name,
                connections: 1,
                leaves_at: None,
            };
            guests.insert(person.id, guest);
            return true;
        };
        guest.connections += 1;
        guest.leaves_at = None;
        let renamed = guest.name != person.name;
        guest.name = person.name;
        renamed
    }

    /// Counts a connection out. The person stays a while: most come back.
    pub(crate) fn leave(&mut self, topic: &str, id: &str, now: Instant) {
        let guests = self.topics.get_mut(topic);
        if let Some(guest) = guests.and_then(|guests| guests.get_mut(id)) {
            guest.connections -= 1;
            if guest.connections == 0 {
                guest.leaves_at = Some(after(now, self.linger));
            }
        }
    }

    /// Lets those go who did not come back, and says from which topics.
    pub(crate) fn say_goodbye(&mut self, now: Instant) -> Vec<String> {
        let mut left = Vec::new();
        self.topics.retain(|topic, guests| {
            let before = guests.len();
            guests.retain(|_, guest| guest.leaves_at.is_none_or(|at| at > now));
            if guests.len() < before {
                left.push(topic.clone());
            }
            !guests.is_empty()
        });
        left
    }

    pub(crate) fn at(&self, topic: &str) -> Vec<Person> {
        let guests = self.topics.get(topic).into_iter().flatten();
        let person = |(id, guest): (&Arc<str>, &Guest)| Person {
            id: Arc::clone(id),
            name: Arc::clone(&guest.name),
        };
        guests.map(person).collect()
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = &str> {
        self.topics.keys().map(String::as_str)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// When the next person is gone.
    pub(crate) fn next(&self) -> Option<Instant> {
        let guests = self.topics.values().flat_map(BTreeMap::values);
        guests.filter_map(|guest| guest.leaves_at).min()
    }
}
