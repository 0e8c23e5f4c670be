//! What a browser sees of a form.

use acton_forms::{FormState, ValidForm};
use axum::{
    Router,
    body::Body,
    extract::DefaultBodyLimit,
    http::{Request, StatusCode, header::CONTENT_TYPE},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use garde::Validate;
use http_body_util::BodyExt;
use serde::Deserialize;
use tower::ServiceExt;

const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct NewTask {
    #[garde(length(chars, min = 1, max = 20))]
    title: String,
    #[garde(skip)]
    hours: Option<u8>,
}

fn page(form: &FormState) -> Html<String> {
    Html(format!(
        "title={};hours={};error={}",
        form.value("title"),
        form.value("hours"),
        form.error("title")
            .or(form.error("hours"))
            .unwrap_or("none")
    ))
}

async fn create(form: ValidForm<NewTask>) -> Response {
    match form {
        ValidForm::Valid(task) if task.hours == Some(0) => "free".into_response(),
        ValidForm::Valid(_) => Redirect::to("/tasks").into_response(),
        ValidForm::Invalid(form) => (StatusCode::UNPROCESSABLE_ENTITY, page(&form)).into_response(),
    }
}

async fn search(form: ValidForm<NewTask>) -> Response {
    match form.into_result() {
        Ok(task) => task.title.into_response(),
        Err(form) => page(&form).into_response(),
    }
}

fn app() -> Router {
    Router::new()
        .route("/tasks", get(search).post(create).delete(search))
        .layer(DefaultBodyLimit::max(4096))
}

async fn send(request: Request<Body>) -> (StatusCode, String) {
    let response = app().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a whole body")
        .to_bytes();
    (status, String::from_utf8_lossy(&body).into_owned())
}

async fn post(content_type: &str, body: impl Into<Body>) -> (StatusCode, String) {
    let request = Request::post("/tasks").header(CONTENT_TYPE, content_type);
    send(request.body(body.into()).expect("a valid request")).await
}

#[tokio::test]
async fn a_valid_form_reaches_the_handler_as_the_value() {
    assert_eq!(
        post(FORM, "title=Milk&hours=&csrf_token=abc").await.0,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_broken_rule_gives_back_what_was_typed() {
    assert_eq!(
        post(FORM, "title=&hours=3").await,
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            "title=;hours=3;error=must not be empty".into()
        )
    );
}

#[tokio::test]
async fn letters_in_a_number_field_give_back_what_was_typed() {
    assert_eq!(
        post(FORM, "title=Gr%C3%BCn+%26+Blau&hours=two").await,
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            "title=Grün & Blau;hours=two;error=must be a whole number".into()
        )
    );
}

#[tokio::test]
async fn a_field_that_is_not_utf_8_is_refused_and_never_guessed() {
    for form in [
        "title=%FF%FE",
        "title=%FF%FE&hours=x",
        "title=%C3&hours=%A9",
        "%FF=Milk",
        "title=Milk&csrf_token=%80",
        "title=%ED%A0%80",
    ] {
        let (status, body) = post(FORM, form).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{form}");
        assert_eq!(body, "the form is not text in UTF-8", "{form}");
        let request = Request::get(format!("/tasks?{form}")).body(Body::empty());
        let (status, _) = send(request.expect("a valid request")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{form}");
    }
    let raw = [b"title=".as_slice(), b"\xE9"].concat();
    assert_eq!(post(FORM, raw).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn text_in_utf_8_arrives_whether_it_is_encoded_or_not() {
    for form in ["title=Gr%C3%BCn&hours=x", "title=Grün&hours=x"] {
        let (status, body) = post(FORM, form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(body.starts_with("title=Grün;"), "{body}");
    }
    assert!(
        post(FORM, "title=100%&hours=x")
            .await
            .1
            .starts_with("title=100%;")
    );
}

#[tokio::test]
async fn the_content_type_may_carry_a_charset() {
    let content_type = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    assert_eq!(
        post(content_type, "title=Milk").await.0,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn another_content_type_answers_415() {
    for content_type in [
        "application/json",
        "multipart/form-data; boundary=x",
        "",
        "x",
    ] {
        assert_eq!(
            post(content_type, "title=Milk").await.0,
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        );
    }
}

#[tokio::test]
async fn a_body_over_the_routes_limit_answers_413() {
    let body = format!("title={}", "x".repeat(5000));
    assert_eq!(post(FORM, body).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn more_fields_than_anyone_types_answer_413() {
    assert_eq!(
        post(FORM, "a&".repeat(1000)).await.0,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn a_search_form_is_read_from_the_query() {
    let ask = |uri: &str| send(Request::get(uri).body(Body::empty()).unwrap());
    assert_eq!(
        ask("/tasks?title=Milk").await,
        (StatusCode::OK, "Milk".into())
    );
    assert_eq!(
        ask("/tasks?title=").await.1,
        "title=;hours=;error=must not be empty"
    );
}

#[tokio::test]
async fn the_fields_of_a_deletion_are_read_from_the_query() {
    let ask = |uri: &str, content_type: Option<&str>, body: &'static str| {
        let mut request = Request::delete(uri);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        send(request.body(Body::from(body)).unwrap())
    };
    for htmx in [Some(FORM), None] {
        let (status, body) = ask("/tasks?title=Milk&csrf_token=a", htmx, "").await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::OK, "Milk"),
            "{htmx:?}"
        );
    }
    let (_, body) = ask("/tasks?title=Milk", Some(FORM), "title=Bread").await;
    assert_eq!(body, "Bread");
    let (status, _) = ask("/tasks?title=Milk", Some("application/json"), "{}").await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}
