//! The call shapes of the user's page, with nothing but the prelude in scope.
#![cfg(feature = "htmx-full")]
#![cfg_attr(
    feature = "htmx-full",
    expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")
)]

use acton_service::prelude::*;
use acton_service::session::session_layer;
use acton_service::versioning::VersionedApiBuilder;

#[derive(Clone)]
struct Task {
    title: String,
}

async fn tasks() -> Vec<Task> {
    vec![Task {
        title: "Milk & bread".to_owned(),
    }]
}

mod pages {
    use super::*;

    #[derive(Template)]
    #[template(
        ext = "html",
        source = "<!doctype html>{% for message in ctx.flash() %}<p>{{ message.text }}</p>{% endfor %}\
                  <ul>{% for task in tasks %}<li>{{ task.title }}</li>{% endfor %}</ul>"
    )]
    struct TaskListTemplate {
        ctx: TemplateContext,
        tasks: Vec<Task>,
    }

    pub(super) async fn list_tasks(flash: FlashMessages) -> impl IntoResponse {
        let tasks = tasks().await;
        let ctx = TemplateContext::new()
            .with_path("/tasks")
            .with_flash(flash.into_messages());

        HtmlTemplate::page(TaskListTemplate { ctx, tasks })
    }

    pub(super) async fn home(
        flash: FlashMessages,
        auth: TypedSession<AuthSession>,
    ) -> impl IntoResponse {
        let tasks = tasks().await;
        let ctx = TemplateContext::new()
            .with_path("/")
            .with_auth(auth.data().user_id.clone())
            .with_flash(flash.into_messages());

        HtmlTemplate::page(TaskListTemplate { ctx, tasks })
    }
}

mod fragments {
    use super::*;

    #[derive(Template)]
    #[template(
        ext = "html",
        source = "<ul>{% for task in tasks %}<li>{{ task.title }}</li>{% endfor %}</ul>"
    )]
    struct TaskListFragment {
        tasks: Vec<Task>,
    }

    #[derive(Template)]
    #[template(
        ext = "html",
        source = "<!doctype html><ul>{% for task in tasks %}<li>{{ task.title }}</li>{% endfor %}</ul>"
    )]
    struct TaskListPage {
        tasks: Vec<Task>,
    }

    pub(super) async fn list_tasks(
        HxRequest(is_htmx): HxRequest,
        HxTarget(target): HxTarget,
    ) -> impl IntoResponse {
        let tasks = tasks().await;
        drop(target);
        if is_htmx {
            HtmlTemplate::fragment(TaskListFragment { tasks })
        } else {
            HtmlTemplate::page(TaskListPage { tasks })
        }
    }
}

#[derive(serde::Deserialize)]
struct NewTask {
    title: String,
}

async fn create_task(Form(data): Form<NewTask>) -> impl IntoResponse {
    drop(data.title);
    HxRedirect::to("/tasks")
}

#[derive(Template)]
#[template(ext = "html", source = "<li>{{ task.title }}</li>")]
struct TaskItemTemplate {
    task: Task,
}

async fn out_of_band() -> Html<String> {
    let task = Task {
        title: "Eggs".to_owned(),
    };
    let total_count = 3;
    let task_html = TaskItemTemplate { task }.render().unwrap();
    let stats_oob = format!(
        r#"<span id="task-count" hx-swap-oob="outerHTML">{}</span>"#,
        total_count
    );
    Html(format!("{}{}", task_html, stats_oob))
}

async fn events(
    Extension(broadcaster): Extension<Arc<SseBroadcaster>>,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    let rx = broadcaster.subscribe();

    let stream = stream::unfold(rx, |mut rx| async move {
        match rx.recv().await {
            Ok(msg) => Some((Ok(msg.into_event()), rx)),
            Err(_) => None,
        }
    });

    Sse::new(stream).keep_alive(KeepAlive::default())
}

async fn api_handler() -> &'static str {
    "data"
}

async fn login_page(csrf: CsrfToken) -> Html<String> {
    Html(format!("<form method=post>{}</form>", csrf.field()))
}

async fn login(auth: TypedSession<AuthSession>) -> Result<Redirect> {
    let mut auth = auth;
    auth.login("ada").await?;
    Ok(Redirect::to("/"))
}

/// What `main` does on the page, up to `serve`.
fn service() -> ActonService {
    service_with(Arc::new(SseBroadcaster::new()))
}

fn service_with(broadcaster: Arc<SseBroadcaster>) -> ActonService {
    let session_layer = session_layer(&SessionConfig::default(), Store::memory());
    let routes = VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| {
            router.route("/data", get(api_handler))
        })
        .with_frontend_routes(|router| {
            router
                .route("/", get(pages::home))
                .route("/login", get(login_page).post(login))
                .route("/tasks", get(pages::list_tasks).post(create_task))
                .route("/list", get(fragments::list_tasks))
                .route("/oob", get(out_of_band))
                .route("/events", get(events))
                .layer(Extension(broadcaster))
                .layer(session_layer)
        })
        .build_routes();

    ServiceBuilder::new().with_routes(routes).build()
}

#[expect(
    dead_code,
    reason = "it would serve for ever; that it compiles is the test"
)]
async fn page_main() -> Result<()> {
    service().serve().await?;

    Ok(())
}

mod answers {
    use axum::{
        body::{Body, to_bytes},
        extract::Request,
    };
    use tower::ServiceExt;

    use super::*;

    async fn ask(request: Request<Body>) -> Response {
        service().into_router().oneshot(request).await.unwrap()
    }

    async fn get(path: &str) -> Response {
        ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn text(response: Response) -> String {
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn the_routes_that_the_page_lists_answer() {
        for path in [
            "/health",
            "/ready",
            "/",
            "/login",
            "/tasks",
            "/api/v1/data",
            "/events",
        ] {
            assert_eq!(get(path).await.status(), StatusCode::OK, "{path}");
        }
    }

    #[tokio::test]
    async fn a_template_escapes_what_it_shows() {
        assert!(
            text(get("/tasks").await)
                .await
                .contains("<li>Milk &#38; bread</li>")
        );
    }

    #[tokio::test]
    async fn htmx_receives_the_fragment_and_a_browser_the_page() {
        let htmx = Request::get("/list")
            .header("hx-request", "true")
            .header("hx-target", "task-list");
        let fragment = text(ask(htmx.body(Body::empty()).unwrap()).await).await;
        assert!(fragment.starts_with("<ul>"), "{fragment}");
        let page = get("/list").await;
        assert!(
            page.headers()["vary"]
                .to_str()
                .unwrap()
                .to_lowercase()
                .contains("hx-request")
        );
        assert!(text(page).await.starts_with("<!doctype html>"));
    }

    #[tokio::test]
    async fn an_answer_may_carry_several_targets() {
        let body = text(get("/oob").await).await;
        assert_eq!(
            body,
            r#"<li>Eggs</li><span id="task-count" hx-swap-oob="outerHTML">3</span>"#
        );
    }

    #[tokio::test]
    async fn a_form_without_a_token_is_refused() {
        let form = Request::post("/tasks")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from("title=Eggs"));
        assert_eq!(ask(form.unwrap()).await.status(), StatusCode::FORBIDDEN);
    }

    /// A visitor who has opened the login page: the service, the cookie, and the token of the form.
    async fn visitor() -> (Router, String, String) {
        let router = service().into_router();
        let page = Request::get("/login").body(Body::empty()).unwrap();
        let page = router.clone().oneshot(page).await.unwrap();
        let cookie = page.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let form = text(page).await;
        let token = form.split("value=\"").nth(1).unwrap();
        let token = token.split('"').next().unwrap().to_owned();
        (router, cookie, token)
    }

    async fn post(path: &str, htmx: bool) -> Response {
        let (router, cookie, token) = visitor().await;
        let mut form = Request::post(path)
            .header("cookie", cookie)
            .header("content-type", "application/x-www-form-urlencoded");
        if htmx {
            form = form.header("hx-request", "true");
        }
        let form = form.body(Body::from(format!("title=Eggs&csrf_token={token}")));
        router.oneshot(form.unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn a_new_task_leads_back_to_the_list() {
        let browser = post("/tasks", false).await;
        assert_eq!(browser.status(), StatusCode::SEE_OTHER);
        assert_eq!(browser.headers()["location"], "/tasks");
        let htmx = post("/tasks", true).await;
        assert_eq!(htmx.status(), StatusCode::OK);
        assert_eq!(htmx.headers()["hx-redirect"], "/tasks");
    }

    #[tokio::test]
    async fn a_login_leads_home_under_a_new_cookie() {
        let answer = post("/login", false).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers()["location"], "/");
        assert!(answer.headers().contains_key("set-cookie"));
    }

    #[tokio::test]
    async fn what_is_broadcast_arrives_as_an_event() {
        let broadcaster = Arc::new(SseBroadcaster::new());
        let router = service_with(Arc::clone(&broadcaster)).into_router();
        let request = Request::get("/events").body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let message = BroadcastMessage::new("<li>Eggs</li>").with_event("task-added");
        broadcaster.broadcast(message.unwrap()).await.unwrap();
        broadcaster.shutdown();
        let events = text(answer).await;
        assert!(
            events.contains("event: task-added\ndata: <li>Eggs</li>\n"),
            "{events}"
        );
    }
}
