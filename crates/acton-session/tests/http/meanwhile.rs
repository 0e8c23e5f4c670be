//! Somebody logs in, and comes back in the browser that was remembered, while the sessions of the user are being ended.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
};

use acton_session::{SessionConfig, SessionStore, Store, session_layer};
use axum::http::StatusCode;
use tower_sessions::session::{Id, Record};

use crate::{
    app::app,
    browser::Browser,
    stores::{Answer, Shelf},
};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Has a moment before everything that is read, in which others come first. What was read is written by the next one.
#[derive(Clone, Default)]
struct Moments {
    shelf: Shelf,
    next: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    moment: usize,
    works: Vec<(usize, Work)>,
}

impl Moments {
    /// Counts from here on.
    fn plan(&self, works: Vec<(usize, Work)>) {
        *self.next.lock().unwrap() = Plan { moment: 0, works };
    }

    fn is_all_done(&self) -> bool {
        self.next.lock().unwrap().works.is_empty()
    }

    fn due(&self) -> Vec<Work> {
        let mut plan = self.next.lock().unwrap();
        let now = plan.moment;
        plan.moment += 1;
        let (due, later) = std::mem::take(&mut plan.works)
            .into_iter()
            .partition(|(moment, _)| *moment == now);
        plan.works = later;
        let due: Vec<(usize, Work)> = due;
        due.into_iter().map(|(_, work)| work).collect()
    }
}

/// How the sessions of alice are ended.
#[derive(Clone, Copy, Debug)]
enum End {
    All,
    /// But the one that asks.
    Others,
}

/// Whether both moments came, and whether alice was back at the later one.
async fn play(end: End, login_at: usize, return_at: usize) -> (bool, bool) {
    let what = format!("{end:?} {login_at} {return_at}");
    let moments = Moments::default();
    let store = Store::custom(moments.clone());
    let here = Browser::new(&app(store.clone()));
    here.submit("/login", "username=alice").await;
    let token = here.token().await;

    let elsewhere = app(Store::custom(moments.shelf.clone()));
    let (phone, back) = (Browser::new(&elsewhere), Browser::new(&elsewhere));
    let is_back = Arc::new(Mutex::new(false));
    let login: Work = Box::pin({
        let phone = phone.clone();
        async move {
            let form = "username=alice&remember=true";
            let page = phone.submit("/login", form).await;
            assert_eq!(page.status, StatusCode::SEE_OTHER);
        }
    });
    let comes_back: Work = Box::pin({
        let (phone, back, is_back) = (phone.clone(), back.clone(), Arc::clone(&is_back));
        async move {
            back.become_twin_of(&phone);
            back.forget("id");
            *is_back.lock().unwrap() = back.get("/user").await.body == "alice";
        }
    });
    moments.plan(vec![(login_at, login), (return_at, comes_back)]);
    match end {
        End::All => {
            let registry = session_layer(&SessionConfig::default(), store).registry();
            registry.revoke_all("alice").await.unwrap();
        }
        End::Others => {
            let page = here.post("/others", &format!("csrf_token={token}")).await;
            assert_eq!(page.status, StatusCode::OK, "{what}");
        }
    }
    let is_all_done = moments.is_all_done();
    moments.plan(Vec::new());

    let expected = match end {
        End::All => "",
        End::Others => "alice",
    };
    assert_eq!(here.get("/user").await.body, expected, "{what}");
    // Whose session was found has nothing left, whoever came back meanwhile.
    let session = phone.twin();
    session.forget("remember");
    if is_all_done && session.get("/user").await.body.is_empty() {
        for browser in [&phone, &back] {
            assert_eq!(browser.get("/user").await.body, "", "{what}");
            browser.forget("id");
            assert_eq!(browser.get("/user").await.body, "", "{what}");
        }
    }
    let is_back = *is_back.lock().unwrap();
    (
        is_all_done,
        is_back && session.get("/user").await.body.is_empty(),
    )
}

async fn play_every_moment(end: End) {
    let mut ended = 0;
    for login_at in 0.. {
        for return_at in login_at.. {
            let (is_all_done, is_found) = play(end, login_at, return_at).await;
            if !is_all_done && return_at == login_at {
                assert!(ended > 2, "nobody who was back was found: {ended}");
                return;
            }
            if !is_all_done {
                break;
            }
            ended += u32::from(is_found);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_while_everything_is_ended_is_out() {
    play_every_moment(End::All).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_while_the_other_sessions_are_ended_is_out() {
    play_every_moment(End::Others).await;
}

impl SessionStore for Moments {
    fn create<'a, 'b, 'c>(&'a self, record: &'b mut Record) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
    {
        self.shelf.create(record)
    }

    fn save<'a, 'b, 'c>(&'a self, record: &'b Record) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
    {
        self.shelf.save(record)
    }

    fn load<'a, 'b, 'c>(&'a self, id: &'b Id) -> Answer<'c, Option<Record>>
    where
        'a: 'c,
        'b: 'c,
    {
        Box::pin(async move {
            for work in self.due() {
                work.await;
            }
            self.shelf.load(id).await
        })
    }

    fn delete<'a, 'b, 'c>(&'a self, id: &'b Id) -> Answer<'c, ()>
    where
        'a: 'c,
        'b: 'c,
    {
        self.shelf.delete(id)
    }
}

impl fmt::Debug for Moments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Moments")
    }
}
