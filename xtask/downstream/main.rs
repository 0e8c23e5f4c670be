//! Every call shape of the documentation's first page, in a crate that depends on `acton-service` and tokio alone.

use acton_service::prelude::*;
use acton_service::versioning::VersionedApiBuilder;

mod store;

mod tasks {
    use acton_service::prelude::*;

    pub struct Task {
        title: String,
    }

    fn all() -> Vec<Task> {
        let title = "Milk".to_owned();
        vec![Task { title }]
    }

    #[derive(Template)]
    #[template(path = "tasks/list.html")]
    struct TaskList {
        ctx: TemplateContext,
        tasks: Vec<Task>,
    }

    pub async fn index(flash: FlashMessages, auth: TypedSession<AuthSession>) -> impl IntoResponse {
        let ctx = TemplateContext::new()
            .with_path("/")
            .with_auth(auth.data().user_id.clone())
            .with_flash(flash.into_messages());
        HtmlTemplate::page(TaskList { ctx, tasks: all() })
    }

    #[derive(Template)]
    #[template(ext = "html", source = "{{ task.title }}")]
    struct Row {
        task: Task,
    }

    #[derive(Template)]
    #[template(ext = "html", source = "{{ tasks.len() }}")]
    struct Count {
        tasks: Vec<Task>,
    }

    pub async fn list(
        HxRequest(is_htmx): HxRequest,
        HxTarget(target): HxTarget,
    ) -> impl IntoResponse {
        if is_htmx && target.is_some() {
            HtmlTemplate::fragment(Count { tasks: all() })
        } else {
            let ctx = TemplateContext::new().with_path("/tasks");
            HtmlTemplate::page(TaskList { ctx, tasks: all() })
        }
    }

    type NewTask = std::collections::HashMap<String, String>;

    pub async fn create(Form(fields): Form<NewTask>) -> impl IntoResponse {
        drop(fields);
        HxRedirect::to("/tasks")
    }

    pub async fn several_targets() -> impl IntoResponse {
        let task = all().remove(0);
        let row = Row { task }.render().unwrap();
        let count = r#"<span id="total" hx-swap-oob="outerHTML">1</span>"#;
        Html(format!("{row}{count}"))
    }
}

async fn events(
    Extension(broadcaster): Extension<Arc<SseBroadcaster>>,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    let subscription = broadcaster.subscribe();
    let events = stream::unfold(subscription, |mut subscription| async move {
        match subscription.recv().await {
            Ok(message) => Some((Ok(message.into_event()), subscription)),
            Err(_) => None,
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn login_page() -> Html<&'static str> {
    Html("<form method=post></form>")
}

async fn login(mut auth: TypedSession<AuthSession>) -> Result<Redirect> {
    auth.login("ada").await?;
    Ok(Redirect::to("/"))
}

async fn data() -> Json<[u8; 3]> {
    Json([1, 2, 3])
}

#[tokio::main]
async fn main() -> Result<()> {
    let session_layer =
        acton_service::session::session_layer(&SessionConfig::default(), store::store()?);
    let routes = VersionedApiBuilder::new()
        .with_base_path("/api")
        .add_version(ApiVersion::V1, |router| router.route("/data", get(data)))
        .with_frontend_routes(|router| {
            router
                .route("/", get(tasks::index))
                .route("/login", get(login_page).post(login))
                .route("/tasks", get(tasks::list).post(tasks::create))
                .route("/targets", get(tasks::several_targets))
                .route("/events", get(events))
                .layer(Extension(Arc::new(SseBroadcaster::new())))
                .layer(session_layer)
        })
        .build_routes();

    ServiceBuilder::new()
        .with_routes(routes)
        .build()
        .serve()
        .await?;

    Ok(())
}
