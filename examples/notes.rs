//! An API in front of a database, and the document that describes it: OpenAPI, Turso and traces.
//!
//! ```sh
//! cargo xtask example notes
//! curl http://localhost:3000/api/v1/openapi.json
//! curl http://localhost:3000/api/v1/notes -H 'content-type: application/json' -d '{"text":"Milk"}'
//! ```
//!
//! `ACTON_TURSO__PATH` says where the notes are kept; with `ACTON_OTEL__ENDPOINT=http://localhost:4317` a collector gets
//! a trace of each request, down to the statement.

use acton_service::{
    Rate, RateLimit, TursoMigration,
    openapi::{axum, routes, utoipa},
    prelude::*,
};
use serde::{Deserialize, Serialize};

const SCHEMA: [TursoMigration; 1] = [TursoMigration::new(
    "0001_notes",
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)",
)];

#[derive(Serialize, utoipa::ToSchema)]
struct Note {
    id: i64,
    text: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
struct NewNote {
    text: String,
}

/// All notes, the newest first.
#[utoipa::path(get, path = "/notes", responses((status = 200, body = [Note])))]
async fn list(database: Turso) -> Result<Json<Vec<Note>>> {
    let notes = select(
        &database,
        "SELECT id, text FROM notes ORDER BY id DESC",
        None,
    );
    Ok(Json(notes.await?))
}

/// One note.
#[utoipa::path(
    get,
    path = "/notes/{id}",
    params(("id" = i64, Path, description = "The number of the note.")),
    responses((status = 200, body = Note), (status = 404, description = "There is no such note."))
)]
async fn read(database: Turso, Path(id): Path<i64>) -> Result<Response> {
    let notes = select(
        &database,
        "SELECT id, text FROM notes WHERE id = ?1",
        Some(id),
    )
    .await?;
    let note = notes.into_iter().next();
    Ok(note.map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |note| Json(note).into_response(),
    ))
}

/// Writes a note down.
#[utoipa::path(
    post,
    path = "/notes",
    request_body = NewNote,
    responses((status = 201, body = Note), (status = 422, description = "The note is empty."))
)]
#[tracing::instrument(skip_all)]
async fn add(database: Turso, Json(note): Json<NewNote>) -> Result<Response> {
    let text = note.text.trim();
    if text.is_empty() {
        return Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response());
    }
    let connection = database.acquire().await?;
    connection
        .execute("INSERT INTO notes (text) VALUES (?1)", [text])
        .await?;
    let id = connection.last_insert_rowid();
    let note = Note {
        id,
        text: text.to_owned(),
    };
    Ok((StatusCode::CREATED, Json(note)).into_response())
}

/// A span of its own, so that a trace tells the time of the statement from that of the handler.
#[tracing::instrument(skip(database, id))]
async fn select(database: &Turso, sql: &str, id: Option<i64>) -> Result<Vec<Note>> {
    let connection = database.acquire().await?;
    let mut rows = match id {
        Some(id) => connection.query(sql, [id]).await?,
        None => connection.query(sql, ()).await?,
    };
    let mut notes = Vec::new();
    while let Some(row) = rows.next().await? {
        notes.push(Note {
            id: row.get(0)?,
            text: row.get(1)?,
        });
    }
    Ok(notes)
}

async fn app(config: Config) -> Result<ActonService> {
    let database = Turso::open(&config.turso).await?;
    database.migrate(&SCHEMA).await?;
    let routes = VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_documented_version(ApiVersion::V1, |router| {
            router
                .routes(routes!(list, add))
                .routes(routes!(read))
                .layer(RateLimit::per_client(Rate::per_second(50)))
        })
        .build_routes();
    ServiceBuilder::new()
        .with_config(config)
        .with_routes(routes)
        .with_turso(database)
        .with_version(env!("CARGO_PKG_VERSION"))
        .try_build()
}

#[tokio::main]
async fn main() -> Result<()> {
    app(Config::load()?).await?.serve().await
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        extract::Request,
    };
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    async fn service() -> Router {
        let mut config = Config::default();
        config.turso.path = ":memory:".into();
        app(config).await.unwrap().into_router()
    }

    async fn ask(service: &Router, request: Request) -> (u16, Value) {
        let response = service.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn get(service: &Router, path: &str) -> (u16, Value) {
        ask(service, Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn write(service: &Router, text: &str) -> (u16, Value) {
        let request = Request::post("/api/v1/notes").header("content-type", "application/json");
        let body = json!({ "text": text }).to_string();
        ask(service, request.body(Body::from(body)).unwrap()).await
    }

    #[tokio::test]
    async fn notes_are_kept_and_read_again() {
        let service = service().await;
        let milk = json!({ "id": 1, "text": "Milk" });
        assert_eq!(write(&service, " Milk ").await, (201, milk.clone()));
        let bread = json!({ "id": 2, "text": "Bread" });
        assert_eq!(write(&service, "Bread").await, (201, bread.clone()));
        assert_eq!(get(&service, "/api/v1/notes/1").await, (200, milk.clone()));
        let all = json!([bread, milk]);
        assert_eq!(get(&service, "/api/v1/notes").await, (200, all));
    }

    #[tokio::test]
    async fn what_is_not_there_or_empty_is_a_problem() {
        let service = service().await;
        let (status, problem) = get(&service, "/api/v1/notes/7").await;
        assert_eq!((status, &problem["status"]), (404, &json!(404)));
        let (status, problem) = write(&service, "  ").await;
        assert_eq!((status, &problem["status"]), (422, &json!(422)));
    }

    #[tokio::test]
    async fn every_operation_is_described() {
        let (status, document) = get(&service().await, "/api/v1/openapi.json").await;
        assert_eq!(status, 200);
        let paths = &document["paths"];
        for (path, method) in [
            ("/notes", "get"),
            ("/notes", "post"),
            ("/notes/{id}", "get"),
        ] {
            assert!(
                paths[path][method]["description"].is_string()
                    || paths[path][method]["summary"].is_string(),
                "{document}"
            );
        }
        assert_eq!(document["servers"][0]["url"], "/api/v1");
    }

    #[tokio::test]
    async fn the_service_is_ready_when_its_database_is() {
        let (status, ready) = get(&service().await, "/ready").await;
        assert_eq!((status, &ready["checks"]["turso"]), (200, &json!("ready")));
    }
}
