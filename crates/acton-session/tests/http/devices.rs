//! Several browsers of one user, some of them with copied cookies, and every way to end what they have.

use acton_session::{SessionConfig, SessionRegistry, Store, session_layer};
use axum::Router;
use proptest::prelude::*;

use crate::{app::app, browser::Browser, interleaving::cases};

const BROWSERS: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Step {
    LogIn {
        remember: bool,
    },
    Close,
    Visit,
    /// Another one gets these cookies, with or without that of the session.
    Copy {
        to: usize,
        whole: bool,
    },
    Revoke {
        line: usize,
    },
    Others,
    Password,
    LogOut,
    Write,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => any::<bool>().prop_map(|remember| Step::LogIn { remember }),
        2 => Just(Step::Close),
        4 => Just(Step::Visit),
        2 => (0..BROWSERS, any::<bool>()).prop_map(|(to, whole)| Step::Copy { to, whole }),
        3 => (0..6_usize).prop_map(|line| Step::Revoke { line }),
        1 => Just(Step::Others),
        1 => Just(Step::Password),
        1 => Just(Step::LogOut),
        1 => Just(Step::Write),
    ]
}

struct Model {
    registry: SessionRegistry,
    browsers: Vec<Browser>,
    devices: Vec<&'static str>,
    /// From which login each has its cookies.
    logins: Vec<usize>,
    count: usize,
}

impl Model {
    async fn user(&self, who: usize) -> String {
        let browser = &self.browsers[who];
        browser.get_as(self.devices[who], "/user").await.body
    }

    async fn is_out_for_good(&self, who: usize, what: &str) {
        let browser = &self.browsers[who];
        assert_eq!(self.user(who).await, "", "{what} {who}");
        let id = browser.cookie();
        browser.forget("id");
        assert_eq!(self.user(who).await, "", "{what} {who} closed");
        if let Some(id) = id {
            browser.set_cookie(&id);
        }
    }

    /// Whose session lives, whatever browser is remembered.
    async fn sessions(&self) -> Vec<bool> {
        let mut sessions = Vec::new();
        for browser in &self.browsers {
            let twin = browser.twin();
            twin.forget("remember");
            sessions.push(twin.get("/user").await.body == "alice");
        }
        sessions
    }

    /// Nobody is out but who has the cookies of one login.
    async fn spares_others(&self, before: &[bool], login: Option<usize>, what: &str) {
        let after = self.sessions().await;
        let out = (0..BROWSERS).filter(|who| before[*who] && !after[*who]);
        let mut logins: Vec<_> = out.map(|who| self.logins[who]).chain(login).collect();
        logins.sort_unstable();
        logins.dedup();
        assert!(
            logins.len() <= 1,
            "{what} {before:?} {after:?} {:?}",
            self.logins
        );
    }

    async fn act(&mut self, who: usize, step: Step) {
        let browser = &self.browsers[who].clone();
        let what = format!("{who} {step:?}");
        match step {
            Step::LogIn { remember } => {
                if self.user(who).await.is_empty() {
                    // An id that was exchanged begins nothing.
                    browser.forget("id");
                    self.count += 1;
                    self.logins[who] = self.count;
                }
                let token = browser.token().await;
                let request = axum::http::Request::post("/login")
                    .header("content-type", "application/x-www-form-urlencoded")
                    .header("user-agent", self.devices[who]);
                let form = format!("csrf_token={token}&username=alice&remember={remember}");
                browser.send(request, form).await;
                assert_eq!(self.user(who).await, "alice", "{what}");
                assert!(browser.named("remember").is_some() || !remember, "{what}");
            }
            Step::Close => browser.forget("id"),
            Step::Visit => {
                self.user(who).await;
            }
            Step::Write => {
                browser.post("/session/set", "k=a&v=1").await;
            }
            Step::Copy { to, whole } if to != who => {
                self.browsers[to].become_twin_of(browser);
                self.logins[to] = self.logins[who];
                if !whole {
                    self.browsers[to].forget("id");
                }
            }
            Step::Copy { .. } => {}
            Step::Revoke { line } => {
                if self.user(who).await.is_empty() {
                    return;
                }
                let was_remembered = self.is_remembered(who).await;
                let listed = browser.get("/sessions").await.body;
                let lines: Vec<_> = listed.lines().collect();
                let line = lines[line % lines.len()];
                let handle = line.split(' ').next().unwrap();
                let is_current = line.ends_with("true");
                let before = self.sessions().await;
                let page = browser
                    .submit("/sessions", &format!("handle={handle}"))
                    .await;
                assert_eq!(page.body, "true", "{what}");
                self.spares_others(&before, is_current.then_some(self.logins[who]), &what)
                    .await;
                if is_current {
                    self.is_out_for_good(who, &what).await;
                } else {
                    assert_eq!(self.user(who).await, "alice", "{what}");
                    let rest = browser.get("/sessions").await.body;
                    assert!(!rest.contains(handle), "{what}");
                    assert!(rest.lines().count() < lines.len(), "{what} {listed} {rest}");
                    assert!(self.is_remembered(who).await || !was_remembered, "{what}");
                }
            }
            Step::Others | Step::Password => {
                if self.user(who).await.is_empty() {
                    return;
                }
                let was_remembered = self.is_remembered(who).await;
                let path = if matches!(step, Step::Others) {
                    "/others"
                } else {
                    "/password"
                };
                let id = browser.cookie();
                browser.submit(path, "").await;
                assert_eq!(self.user(who).await, "alice", "{what}");
                for other in 0..BROWSERS {
                    let is_same = self.browsers[other].cookie() == id;
                    if other != who && !(is_same && matches!(step, Step::Others)) {
                        self.is_out_for_good(other, &what).await;
                    }
                }
                let listed = browser.get("/sessions").await.body;
                assert_eq!(listed.lines().count(), 1, "{what} {listed}");
                assert!(self.is_remembered(who).await || !was_remembered, "{what}");
            }
            Step::LogOut => {
                if self.user(who).await.is_empty() {
                    return;
                }
                let twin = browser.twin();
                let before = self.sessions().await;
                browser.submit("/logout", "").await;
                self.spares_others(&before, Some(self.logins[who]), &what)
                    .await;
                browser.become_twin_of(&twin);
                self.is_out_for_good(who, &what).await;
            }
        }
    }

    /// Whether the browser has what a session would be begun with.
    async fn is_remembered(&self, who: usize) -> bool {
        let browser = &self.browsers[who];
        if browser.named("remember").is_none() {
            return false;
        }
        let id = browser.cookie();
        browser.forget("id");
        let is_in = self.user(who).await == "alice";
        if let Some(id) = id {
            browser.set_cookie(&id);
        }
        is_in
    }

    /// Whoever ends what is listed has ended everything.
    async fn end(&self) {
        for _ in 0..20 {
            let Some(line) = self.registry.list("alice").await.unwrap().pop() else {
                break;
            };
            assert!(self.registry.revoke("alice", &line.handle).await.unwrap());
        }
        for who in 0..BROWSERS {
            self.is_out_for_good(who, "end").await;
        }
    }
}

async fn play(app: &Router, store: &Store, steps: &[(usize, Step)]) {
    let mut model = Model {
        registry: session_layer(&SessionConfig::default(), store.clone()).registry(),
        browsers: (0..BROWSERS).map(|_| Browser::new(app)).collect(),
        devices: vec!["Phone", "Phone", "Laptop", "Tablet"],
        logins: vec![0; BROWSERS],
        count: 0,
    };
    for (who, step) in steps {
        model.act(*who, *step).await;
    }
    model.end().await;
}

#[test]
fn whatever_the_browsers_do_what_is_listed_is_all_there_is() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = ProptestConfig {
        cases: cases(150),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let steps = proptest::collection::vec((0..BROWSERS, step()), 1..14);
    let played = proptest::test_runner::TestRunner::new(config).run(&steps, |steps| {
        let store = Store::memory();
        runtime.block_on(play(&app(store.clone()), &store, &steps));
        Ok(())
    });
    if let Err(failure) = played {
        panic!("{failure}");
    }
}
