//! What must hold, whatever the order in which things happened.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use axum::http::StatusCode;
use tokio::task::JoinHandle;

use super::{
    Stage,
    script::{Phase, Rival, Small, Turn},
};
use crate::{
    browser::{Browser, Page},
    leaving::polled,
};

pub(super) struct Model<'a> {
    stage: &'a Stage,
    browser: Browser,
    keys: BTreeMap<String, String>,
    /// Keys of sessions that have ended.
    lost: BTreeSet<String>,
    /// Messages that must be shown once; the others at most once.
    owed: BTreeSet<String>,
    shown: Vec<String>,
    /// Browsers that kept an id which was exchanged or ended.
    dead: Vec<Browser>,
    users: usize,
    is_logged_in: bool,
    /// Whether the browser is remembered for certain.
    is_remembered: bool,
    count: usize,
}

/// What became of one small request.
enum Outcome {
    /// These keys, with this value.
    Written(Vec<String>, String),
    Pushed(String),
    Shown(String),
    Nothing,
}

/// What is known about the session when everybody is done.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    GoesOn,
    Ended,
    /// Somebody is logged in anew, who may or may not have taken the data along.
    Anew,
    /// As `Anew`, unless who ended sessions came last.
    AnewOrEnded,
    /// A session of its own, beside the one that was there.
    Beside,
}

impl<'a> Model<'a> {
    pub(super) fn new(stage: &'a Stage) -> Self {
        Self {
            browser: Browser::new(&stage.app),
            stage,
            keys: BTreeMap::new(),
            lost: BTreeSet::new(),
            owed: BTreeSet::new(),
            shown: Vec::new(),
            dead: Vec::new(),
            users: 0,
            is_logged_in: false,
            is_remembered: false,
            count: 0,
        }
    }

    pub(super) async fn play(mut self, phases: &[Phase]) {
        self.start().await;
        for phase in phases {
            self.start().await;
            self.run(phase).await;
            self.check().await;
        }
        loop {
            let shown = self.browser.get("/flash").await.body;
            if shown.is_empty() {
                break;
            }
            self.shown.extend(shown.lines().map(str::to_owned));
        }
        self.check_messages();
        self.end_everything().await;
    }

    /// A session that is there before anything happens at once.
    async fn start(&mut self) {
        let name = self.name();
        let form = format!("k={name}&v={name}");
        self.browser.post("/session/set", &form).await;
        self.keys.insert(name.clone(), name);
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("n{}", self.count)
    }

    fn user(&self) -> String {
        format!("user{}", self.users)
    }

    async fn run(&mut self, phase: &Phase) {
        let before = self.browser.twin();
        let was_logged_in = self.is_logged_in;
        let token = self.browser.token().await;
        let handle = self.handle().await;
        let old_user = self.user();
        self.users += usize::from(phase.turn == Some(Turn::Switch));
        let user = self.user();
        let can_return = was_logged_in && self.is_remembered;
        let turn = phase
            .turn
            .filter(|turn| *turn != Turn::Return || can_return);

        let loaded = &self.stage.loaded;
        loaded.forget_permits(usize::MAX);
        let mut under_way = Vec::new();
        let mut writers = 0;
        for (small, delay_ms) in &phase.small {
            writers += u32::from(matches!(small, Small::Write | Small::Note | Small::Twice));
            let name = self.name();
            under_way.push(send(&self.browser, *small, *delay_ms, name));
        }
        // Those who write have read the session before its id changes.
        drop(self.stage.loaded.acquire_many(writers).await.unwrap());

        let target = if was_logged_in { &old_user } else { &user };
        let rival = phase.rival.map(|(rival, pauses)| {
            self.challenge(rival, pauses, &before, &token, target, handle.as_deref())
        });
        let is_taken = match turn {
            Some(turn) => self.take(turn, phase, &token, &user).await,
            None => false,
        };
        let has_ended = match rival {
            Some(rival) => rival.await.unwrap(),
            None => false,
        };
        if turn == Some(Turn::Switch) && !is_taken {
            self.users -= 1;
        }
        self.is_remembered = match turn.filter(|_| is_taken) {
            _ if phase.rival.is_some() => false,
            Some(Turn::LogIn { remember: true }) => true,
            Some(Turn::Switch | Turn::LogOut) => false,
            _ => self.is_remembered,
        };
        let mut outcomes = Vec::new();
        for outcome in under_way {
            outcomes.push(outcome.await.unwrap());
        }
        // Whoever left too early is forgotten by now.
        self.stage.quiet.again().await;

        // Between two users it cannot be told whether a session was left for another one, or that is being undone.
        let is_between = was_logged_in && turn == Some(Turn::Switch) && !is_taken;
        let has_ended = match phase.rival {
            Some((Rival::RevokeOne, _)) if is_between && !has_ended => {
                self.browser.get("/user").await.body.is_empty()
            }
            _ => has_ended,
        };
        let has_ended = has_ended && (was_logged_in || phase.rival.unwrap().0 == Rival::LogOut);
        let fate = self.fate(turn, is_taken, has_ended, was_logged_in, phase);
        let goes_on = fate == Fate::GoesOn && matches!(turn, None | Some(Turn::Cycle));
        for outcome in outcomes {
            self.account(goes_on, goes_on && turn.is_none(), outcome);
        }
        self.settle(fate, turn.filter(|_| is_taken), was_logged_in)
            .await;
        // A login that came too late to find its session changes nothing.
        let is_new = self.browser.cookie() != before.cookie();
        let is_beside = turn == Some(Turn::Return)
            && matches!(phase.rival, None | Some((Rival::RevokeOthers, _)));
        if has_ended || (is_taken && is_new && !is_beside) {
            self.dead.push(before);
        }
    }

    fn fate(
        &self,
        turn: Option<Turn>,
        is_taken: bool,
        has_ended: bool,
        was_logged_in: bool,
        phase: &Phase,
    ) -> Fate {
        let rival = phase.rival.map(|(rival, _)| rival);
        match turn.filter(|_| is_taken) {
            None | Some(Turn::Cycle) if has_ended => Fate::Ended,
            None | Some(Turn::Cycle) => Fate::GoesOn,
            Some(Turn::LogOut) => Fate::Ended,
            // Whose sessions end is somebody else.
            Some(Turn::Switch) if was_logged_in => Fate::Anew,
            Some(Turn::Return) => match rival {
                Some(Rival::RevokeAll) => Fate::Ended,
                Some(_) => Fate::AnewOrEnded,
                None => Fate::Beside,
            },
            Some(Turn::LogIn { .. } | Turn::Switch) => match rival {
                None | Some(Rival::RevokeOthers) => Fate::GoesOn,
                Some(Rival::LogOut) if !was_logged_in => Fate::Anew,
                // Without a user there was nothing in the list of another device.
                Some(Rival::RevokeOne) if !was_logged_in => Fate::GoesOn,
                Some(_) => Fate::AnewOrEnded,
            },
        }
    }

    async fn settle(&mut self, fate: Fate, taken: Option<Turn>, was_logged_in: bool) {
        let enters = matches!(
            taken,
            Some(Turn::LogIn { .. } | Turn::Switch | Turn::Return)
        );
        let is_in = self.browser.get("/user").await.body == self.user();
        match fate {
            Fate::GoesOn => self.is_logged_in |= enters,
            Fate::Ended => self.is_logged_in = false,
            Fate::Anew | Fate::Beside => self.is_logged_in = true,
            Fate::AnewOrEnded => self.is_logged_in = is_in,
        }
        let keys = match (fate, taken) {
            (Fate::GoesOn, _) => return,
            (Fate::Ended, _) => mem::take(&mut self.keys),
            // Another user finds nothing of the one before.
            (Fate::Anew, Some(Turn::Switch)) if was_logged_in => mem::take(&mut self.keys),
            _ => {
                self.keys.clear();
                BTreeMap::new()
            }
        };
        self.lost.extend(keys.into_keys());
        self.owed.clear();
    }

    /// The handle of this session in the list of its user.
    async fn handle(&self) -> Option<String> {
        if !self.is_logged_in {
            return None;
        }
        let page = self.browser.get("/sessions").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let current = page.body.lines().find(|line| line.ends_with("true"));
        let current = current.expect("a session of a user is listed");
        Some(current.split(' ').next().unwrap().to_owned())
    }

    /// Ends sessions. Whether it ended this one is known at the end.
    fn challenge(
        &self,
        rival: Rival,
        pauses: u8,
        before: &Browser,
        token: &str,
        user: &str,
        handle: Option<&str>,
    ) -> JoinHandle<bool> {
        let (registry, user) = (self.stage.registry.clone(), user.to_owned());
        let form = format!("csrf_token={token}&pauses={pauses}");
        let (browser, handle) = (before.twin(), handle.map(str::to_owned));
        let device = Browser::new(&self.stage.app);
        tokio::spawn(async move {
            if rival == Rival::RevokeOthers {
                end_others(&browser, &form, &device, &user).await;
                return false;
            }
            if rival == Rival::LogOut {
                return browser.post("/logout", &form).await.status == StatusCode::SEE_OTHER;
            }
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            match (rival, handle) {
                (Rival::RevokeAll, _) => registry.revoke_all(&user).await.is_ok(),
                (_, Some(handle)) => registry.revoke(&user, &handle).await.unwrap(),
                (_, None) => false,
            }
        })
    }

    /// Whether the turn was taken, and the browser heard of it.
    async fn take(&self, turn: Turn, phase: &Phase, token: &str, user: &str) -> bool {
        let browser = self.browser.twin();
        let pauses = match phase.pauses {
            Some(pauses) => format!("pauses={pauses}"),
            None => String::new(),
        };
        let (path, form) = match turn {
            Turn::Cycle if phase.pauses.is_none() => ("/cycle", String::new()),
            Turn::Cycle => ("/slowly", pauses),
            Turn::LogOut => ("/logout", format!("csrf_token={token}&{pauses}")),
            Turn::LogIn { remember } => {
                let form = format!("csrf_token={token}&username={user}&{pauses}");
                ("/login", format!("{form}&remember={remember}"))
            }
            Turn::Switch => {
                let form = format!("csrf_token={token}&username={user}&{pauses}");
                ("/login", form)
            }
            Turn::Return => {
                browser.forget("id");
                ("/user", String::new())
            }
        };
        let request = async {
            match turn {
                Turn::Return => browser.get(path).await,
                _ => browser.post(path, &form).await,
            }
        };
        // A logout is not undone, and nobody knows whether it was done.
        let leaves = phase.leaves.filter(|_| turn != Turn::LogOut);
        let page = match leaves {
            Some(times) => polled(request, times).await,
            None => Some(request.await),
        };
        let Some(Page { status, body, .. }) = page else {
            return false;
        };
        let is_taken = match turn {
            Turn::Return => body == user,
            _ => matches!(status, StatusCode::OK | StatusCode::SEE_OTHER),
        };
        // Whoever finds the session gone finds that the form has expired.
        let is_refused = status == StatusCode::FORBIDDEN || turn == Turn::Return;
        let may_be_refused = is_refused && phase.rival.is_some();
        assert!(is_taken || may_be_refused, "{turn:?} {status} {body}");
        if is_taken {
            self.browser.become_twin_of(&browser);
        }
        is_taken
    }

    fn account(&mut self, is_kept: bool, is_owed: bool, outcome: Outcome) {
        match outcome {
            Outcome::Written(keys, value) if is_kept => {
                let pairs = keys.into_iter().map(|key| (key, value.clone()));
                self.keys.extend(pairs);
            }
            Outcome::Pushed(message) if is_owed => {
                self.owed.insert(message);
            }
            Outcome::Shown(messages) => {
                self.shown.extend(messages.lines().map(str::to_owned));
            }
            // What is sent while the id changes may come too late.
            Outcome::Written(..) | Outcome::Pushed(_) | Outcome::Nothing => {}
        }
    }

    async fn check(&self) {
        for (key, value) in &self.keys {
            let page = self.browser.get(&format!("/session/get?k={key}")).await;
            assert_eq!(&page.body, value, "a key was lost");
        }
        for key in &self.lost {
            let page = self.browser.get(&format!("/session/get?k={key}")).await;
            assert_eq!(page.body, "", "an ended session was revived");
        }
        let user = match self.is_logged_in {
            true => self.user(),
            false => String::new(),
        };
        assert_eq!(self.browser.get("/user").await.body, user);
        for dead in &self.dead {
            // The remembered browser may be logged in again; the session may not.
            dead.forget("remember");
            let user = dead.get("/user").await.body;
            assert_eq!(user, "", "a dead id opened a session");
            for key in self.keys.keys().chain(&self.lost) {
                let page = dead.get(&format!("/session/get?k={key}")).await;
                assert_eq!(page.body, "", "a dead id opened a session");
            }
        }
    }

    fn check_messages(&self) {
        let mut counts = BTreeMap::<&str, usize>::new();
        for message in &self.shown {
            *counts.entry(message).or_default() += 1;
        }
        for (message, count) in &counts {
            assert_eq!(*count, 1, "{message} was shown again");
        }
        for message in &self.owed {
            assert!(counts.contains_key(message.as_str()), "{message} was lost");
        }
    }

    /// No session of a user is where nobody finds it.
    async fn end_everything(&self) {
        for user in 0..=self.users {
            let user = format!("user{user}");
            self.stage.registry.revoke_all(&user).await.unwrap();
            let left = self.stage.registry.list(&user).await.unwrap();
            assert!(left.is_empty(), "{left:?}");
        }
        for browser in [&self.browser].into_iter().chain(&self.dead) {
            let user = browser.get("/user").await.body;
            assert_eq!(user, "", "a session was not listed");
            browser.forget("id");
            let user = browser.get("/user").await.body;
            assert_eq!(user, "", "a remembered browser was not listed");
        }
    }
}

/// Another device of the user is logged out by it, if somebody was logged in who could ask.
async fn end_others(browser: &Browser, form: &str, device: &Browser, user: &str) {
    device.submit("/login", &format!("username={user}")).await;
    let is_asked = browser.post("/others", form).await.status == StatusCode::OK;
    let found = device.get("/user").await.body;
    assert_eq!(found, if is_asked { "" } else { user });
    if !is_asked {
        device.submit("/logout", "").await;
    }
}

fn send(browser: &Browser, small: Small, delay_ms: u8, name: String) -> JoinHandle<Outcome> {
    let browser = browser.twin();
    tokio::spawn(async move {
        match small {
            Small::Write | Small::Note | Small::Twice => {
                let (path, keys) = match small {
                    Small::Twice => ("/session/twice", ["x", "y", ""].as_slice()),
                    Small::Note => ("/session/note", [""].as_slice()),
                    _ => ("/session/set", [""].as_slice()),
                };
                let form = format!("k={name}&v={name}&delay_ms={delay_ms}");
                assert_eq!(browser.post(path, &form).await.status, StatusCode::OK);
                let keys = keys.iter().map(|key| format!("{name}{key}"));
                Outcome::Written(keys.collect(), name)
            }
            Small::Read => {
                browser.get("/session/get?k=n1").await;
                Outcome::Nothing
            }
            Small::Push => {
                let page = browser.post("/flash", &format!("msg={name}")).await;
                assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
                Outcome::Pushed(format!("info:{name}"))
            }
            Small::Show => {
                let path = format!("/flash?delay_ms={delay_ms}");
                let page = browser.get(&path).await;
                assert_eq!(page.status, StatusCode::OK, "{}", page.body);
                Outcome::Shown(page.body)
            }
            Small::Poll => {
                browser.get(&format!("/page?delay_ms={delay_ms}")).await;
                Outcome::Nothing
            }
        }
    })
}
