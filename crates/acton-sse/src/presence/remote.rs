//! The people of other instances, for as long as those show that they live.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::Person;
use crate::moment::after;

#[derive(Debug)]
pub(crate) struct Remote {
    lease: Duration,
    nodes: HashMap<Arc<str>, Node>,
}

#[derive(Debug)]
struct Node {
    lives_until: Instant,
    topics: HashMap<String, List>,
}

#[derive(Debug)]
struct List {
    people: Vec<Person>,
    /// Whether a later one may be lost.
    is_doubtful: bool,
}

impl Node {
    fn doubt(&mut self) {
        let lists = self.topics.values_mut();
        lists.for_each(|list| list.is_doubtful = true);
    }
}

impl Remote {
    pub(crate) fn new(lease: Duration) -> Self {
        Self {
            lease,
            nodes: HashMap::new(),
        }
    }

    /// Takes the list of one topic as an instance has it; true when it is another than before.
    pub(crate) fn set(
        &mut self,
        node: &Arc<str>,
        topic: &str,
        people: &[Person],
        now: Instant,
    ) -> bool {
        let lives_until = after(now, self.lease);
        let known = self.nodes.entry(Arc::clone(node)).or_insert_with(|| Node {
            lives_until,
            topics: HashMap::new(),
        });
        known.lives_until = lives_until;
        if people.is_empty() {
            return known.topics.remove(topic).is_some();
        }
        let list = List {
            people: people.to_vec(),
            is_doubtful: false,
        };
        let before = known.topics.insert(topic.to_owned(), list);
        before.is_none_or(|before| before.people != people)
    }

    /// Renews the lease of an instance; nothing when it is not known. Drops the lists that it was
    /// asked for and has not sent again, and says where their people were.
    pub(crate) fn renew(&mut self, node: &str, now: Instant) -> Option<Vec<String>> {
        let known = self.nodes.get_mut(node)?;
        known.lives_until = after(now, self.lease);
        let doubtful = known.topics.extract_if(|_, list| list.is_doubtful);
        Some(doubtful.map(|(topic, _)| topic).collect())
    }

    /// Lists of an instance may be lost.
    pub(crate) fn doubt(&mut self, node: &str) {
        self.nodes.get_mut(node).into_iter().for_each(Node::doubt);
    }

    /// Lists of every instance may be lost.
    pub(crate) fn doubt_all(&mut self) {
        self.nodes.values_mut().for_each(Node::doubt);
    }

    /// Drops an instance, and says where its people were.
    pub(crate) fn forget(&mut self, node: &str) -> Vec<String> {
        let known = self.nodes.remove(node);
        known.map_or_else(Vec::new, |node| node.topics.into_keys().collect())
    }

    /// Drops the instances whose lease has ended, and says where their people were.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<String> {
        let mut left = Vec::new();
        self.nodes.retain(|_, node| {
            let lives = node.lives_until > now;
            if !lives {
                left.extend(node.topics.drain().map(|(topic, _)| topic));
            }
            lives
        });
        left
    }

    pub(crate) fn at(&self, topic: &str) -> impl Iterator<Item = &Person> {
        let lists = self
            .nodes
            .values()
            .filter_map(|node| node.topics.get(topic));
        lists.flat_map(|list| &list.people)
    }

    /// When the next lease ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.nodes.values().map(|node| node.lives_until).min()
    }
}
