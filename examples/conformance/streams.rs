//! Live updates: topics, replay, private topics, closing.

use acton_service::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/events", get(events))
        .route("/publish", post(publish_form))
        .route("/t/sse", get(events))
        .route(
            "/t/sse/private",
            get(private_events).layer(login_required()),
        )
        .route("/t/sse/publish", post(publish_json))
        .route("/t/sse/close", post(close))
        .route("/t/sse/stats", get(stats))
}

type Broadcaster = Extension<Arc<SseBroadcaster>>;

#[derive(Deserialize)]
struct Topic {
    topic: String,
}

/// A topic `user:<name>` is for that user; its stream ends with the session.
async fn events(
    Extension(broadcaster): Broadcaster,
    user: Option<CurrentUser>,
    ended: SessionEnded,
    Query(Topic { topic }): Query<Topic>,
    last_event_id: LastEventId,
) -> Response {
    match (topic.strip_prefix("user:"), user) {
        (Some(_), None) => StatusCode::UNAUTHORIZED.into_response(),
        (Some(name), Some(user)) if user.id != name => StatusCode::FORBIDDEN.into_response(),
        (Some(_), Some(user)) => broadcaster
            .stream(&topic, last_event_id)
            .user(user.id)
            .until(ended)
            .into_response(),
        (None, _) => broadcaster.stream(&topic, last_event_id).into_response(),
    }
}

async fn private_events(
    Extension(broadcaster): Broadcaster,
    user: CurrentUser,
    ended: SessionEnded,
    Query(Topic { topic }): Query<Topic>,
    last_event_id: LastEventId,
) -> EventStream {
    broadcaster
        .stream(&topic, last_event_id)
        .user(user.id)
        .until(ended)
}

#[derive(Deserialize)]
struct Publication {
    topic: String,
    event: Option<String>,
    id: Option<String>,
    data: String,
}

async fn publish_form(
    broadcaster: Broadcaster,
    Form(publication): Form<Publication>,
) -> Result<Response> {
    publish(broadcaster, publication).await
}

async fn publish_json(
    broadcaster: Broadcaster,
    Json(publication): Json<Publication>,
) -> Result<Response> {
    publish(broadcaster, publication).await
}

async fn publish(
    Extension(broadcaster): Broadcaster,
    publication: Publication,
) -> Result<Response> {
    let topic = publication.topic.clone();
    let Ok(message) = publication.into_message() else {
        // Here the names come from who asks; an event name that cannot be sent is their mistake.
        return Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response());
    };
    let id = broadcaster.publish(&topic, message).await?;
    Ok(Json(json!({ "id": id })).into_response())
}

impl Publication {
    fn into_message(self) -> Result<BroadcastMessage, acton_service::sse::Error> {
        let message = match self.event {
            Some(event) => BroadcastMessage::named(event, self.data)?,
            None => BroadcastMessage::new(self.data),
        };
        match self.id {
            Some(id) => message.with_id(id),
            None => Ok(message),
        }
    }
}

async fn close(Extension(broadcaster): Broadcaster, Json(Topic { topic }): Json<Topic>) {
    broadcaster.close(&topic);
}

async fn stats(Extension(broadcaster): Broadcaster) -> Json<Value> {
    Json(json!({ "subscribers": broadcaster.subscribers() }))
}
