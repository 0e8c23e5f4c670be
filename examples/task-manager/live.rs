//! Telling the other browsers.
//!
//! A change is told as "the board is not what it was", and every page fetches what it shows: its own filter, its
//! own edits. So a page that missed a hundred changes is right again after one request, and nobody is sent what
//! only somebody else may see. Who has the board open is told in the same way.

use acton_service::prelude::*;
use axum::{
    RequestPartsExt,
    extract::{FromRequestParts, rejection::ExtensionRejection},
};
use http::request::Parts;

use crate::views::Here;

/// The topic of the stream, and the event upon which a page fetches the board again.
const BOARD: &str = "board";

/// Live updates, as one request sees them.
pub(crate) struct Live {
    broadcaster: Arc<SseBroadcaster>,
    /// The page that asks.
    sender: Option<ConnectionId>,
    /// A name for the page that is the answer.
    pub(crate) connection: ConnectionId,
}

impl Live {
    /// Tells every page but the one that made the change, which has its answer.
    pub(crate) fn changed(&self) {
        self.broadcaster
            .refresh(BOARD, BOARD, self.sender.clone())
            .expect("a name of one line");
    }

    /// Who has the board open, the reader of a page that is about to open its stream included.
    pub(crate) fn here(&self, reader: Option<&str>) -> Vec<String> {
        let people = self.broadcaster.present(BOARD);
        let mut names: Vec<_> = people
            .iter()
            .map(|person| person.name.to_string())
            .collect();
        if let Some(reader) = reader
            && !names.iter().any(|name| name == reader)
        {
            names.push(reader.to_owned());
        }
        names
    }
}

/// "3 here now", which a page fetches again when somebody comes or goes.
pub(crate) async fn here(live: Live, user: CurrentUser) -> HtmlTemplate {
    let names = live.here(Some(&user.id));
    HtmlTemplate::fragment(Here { names })
}

impl<S: Send + Sync> FromRequestParts<S> for Live {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ExtensionRejection> {
        let Extension(broadcaster): Extension<Arc<SseBroadcaster>> = parts.extract().await?;
        let Ok(sender) = parts.extract().await;
        Ok(Self {
            sender,
            connection: ConnectionId::random(),
            broadcaster,
        })
    }
}

/// The stream, for as long as its reader is logged in.
pub(crate) async fn events(
    Extension(broadcaster): Extension<Arc<SseBroadcaster>>,
    last_event_id: LastEventId,
    connection: Option<ConnectionId>,
    user: CurrentUser,
    ended: SessionEnded,
) -> EventStream {
    broadcaster
        .stream(BOARD, last_event_id)
        .connection(connection)
        .present(BOARD, Person::new(user.id.as_str(), user.id.as_str()))
        .user(user.id)
        .until(ended)
}
