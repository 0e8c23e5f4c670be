//! A message between instances.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    connection::ConnectionId,
    cursor::{Epoch, Mark},
    message::BroadcastMessage,
    presence::Person,
};

/// One entry of a [`Backplane`](crate::Backplane): a message, its topic and who published it.
///
/// A backplane keeps it as it is, in any format of serde.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    #[serde(flatten)]
    pub(crate) origin: Mark,
    /// The row that it was appended to; not known until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<Arc<str>>,
    /// The place in that row of an earlier record of its instance, 0 while it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<u64>,
    #[serde(flatten)]
    pub(crate) content: Content,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Content {
    /// A message to a topic, which may end with it.
    Message {
        topic: String,
        message: Wire,
        #[serde(default)]
        closes: bool,
        /// Who of the instance is at the topic now, when that is what the message tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        here: Option<Vec<Person>>,
    },
    /// Who of the instance is at a topic, for those who asked.
    Here { topic: String, people: Vec<Person> },
    /// An instance wants to know who is with the others.
    Hello,
    /// The people of the instance are still there.
    Alive,
    /// The people of the instance go with it.
    Bye,
    /// An instance could not keep everything: all other readers have a gap here.
    Gap,
    /// The first record of a row.
    Begin,
}

impl Record {
    /// What the record costs, about: text and bookkeeping.
    pub(crate) fn cost(&self) -> usize {
        256 + match &self.content {
            Content::Message {
                topic,
                message,
                here,
                ..
            } => topic.len() + message.cost() + here.as_deref().map_or(0, cost_of),
            Content::Here { topic, people } => topic.len() + cost_of(people),
            _ => 0,
        }
    }

    /// The record for a row of this epoch, in which its instance has one at a place, or none at 0.
    pub(crate) fn bound_for(&self, epoch: &Epoch, after: u64) -> Self {
        Self {
            epoch: Some(epoch.name()),
            after: Some(after),
            ..self.clone()
        }
    }

    /// Whether it stands in a row of another epoch.
    pub(crate) fn is_of_another(&self, known: &Epoch) -> bool {
        self.epoch
            .as_ref()
            .is_some_and(|epoch| *epoch != known.name())
    }

    /// Stands for something that cannot be read, of whoever it is.
    #[cfg(feature = "redis")]
    pub(crate) fn unreadable(sequence: u64, json: Option<&str>) -> Self {
        let origin = json.and_then(|json| serde_json::from_str(json).ok());
        Self {
            origin: origin.unwrap_or_else(|| Mark {
                node: "unreadable".into(),
                count: sequence,
            }),
            epoch: None,
            after: None,
            content: Content::Gap,
        }
    }
}

fn cost_of(people: &[Person]) -> usize {
    let people = people.iter();
    people
        .map(|person| 32 + person.id.len() + person.name.len())
        .sum()
}

/// A message as it travels; it is checked again when it arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wire {
    data: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    except: Option<String>,
}

impl From<&BroadcastMessage> for Wire {
    fn from(message: &BroadcastMessage) -> Self {
        Self {
            data: message.data().to_owned(),
            event: message.event().map(str::to_owned),
            id: message.id().map(str::to_owned),
            except: message.excluded().map(ToString::to_string),
        }
    }
}

impl Wire {
    fn cost(&self) -> usize {
        let names = [&self.event, &self.id, &self.except];
        self.data.len() + names.into_iter().flatten().map(String::len).sum::<usize>()
    }

    /// The message; without the names that would break framing.
    pub(crate) fn into_message(self) -> BroadcastMessage {
        let mut message = BroadcastMessage::new(self.data);
        if let Some(named) = self
            .event
            .and_then(|event| message.clone().with_event(event).ok())
        {
            message = named;
        }
        if let Some(named) = self.id.and_then(|id| message.clone().with_id(id).ok()) {
            message = named;
        }
        match self.except.as_deref().and_then(ConnectionId::parse) {
            Some(connection) => message.except(connection),
            None => message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_takes_its_share_of_the_bytes() {
        let message = BroadcastMessage::signal("x".repeat(10_000));
        let record = Record {
            origin: Mark {
                node: "n".into(),
                count: 1,
            },
            epoch: None,
            after: None,
            content: Content::Message {
                topic: "t".to_owned(),
                message: Wire::from(&message),
                closes: false,
                here: None,
            },
        };
        assert!(record.cost() > 10_000);
    }
}
