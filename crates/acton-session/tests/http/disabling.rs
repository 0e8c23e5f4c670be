//! A login at the very moment at which its user is disabled, step by step.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use acton_session::{
    AuthSession, CsrfConfig, Error, SessionConfig, SessionRegistry, Store, TypedSession,
    session_layer,
};
use axum::{Extension, Router, http::StatusCode, routing::post};

use crate::{app::app, browser::Browser};

on_every_store![whoever_logs_in_while_being_disabled_is_out];

/// Between the steps of the login, before the first and after the last.
const MOMENTS: usize = 6;

/// Somebody marks the account at one moment and ends its sessions at the same or a later one.
#[derive(Clone)]
struct Disabling {
    marks_at: usize,
    revokes_at: usize,
    is_marked: Arc<AtomicBool>,
    sessions: SessionRegistry,
}

impl Disabling {
    async fn moment(&self, moment: usize) -> Result<(), Error> {
        if moment == self.marks_at {
            self.is_marked.store(true, Ordering::SeqCst);
        }
        if moment == self.revokes_at {
            self.sessions.revoke_all("alice").await?;
        }
        Ok(())
    }

    fn is_marked(&self) -> bool {
        self.is_marked.load(Ordering::SeqCst)
    }
}

/// As the guide has it: the session is written, and then it is asked whether the login is still right.
async fn log_in(
    Extension(disabling): Extension<Disabling>,
    mut auth: TypedSession<AuthSession>,
) -> Result<StatusCode, Error> {
    disabling.moment(0).await?;
    if disabling.is_marked() {
        return Ok(StatusCode::UNPROCESSABLE_ENTITY);
    }
    disabling.moment(1).await?;
    auth.login("alice").await?;
    disabling.moment(2).await?;
    auth.session().save().await?;
    disabling.moment(3).await?;
    if disabling.is_marked() {
        auth.logout().await?;
        return Ok(StatusCode::UNPROCESSABLE_ENTITY);
    }
    disabling.moment(4).await?;
    Ok(StatusCode::SEE_OTHER)
}

async fn whoever_logs_in_while_being_disabled_is_out(store: Store) {
    let config = SessionConfig::default();
    let layer = session_layer(&config, store.clone());
    let sessions = layer.registry();
    let layer = layer.csrf(CsrfConfig {
        enabled: false,
        ..CsrfConfig::default()
    });
    let login = Router::new().route("/login", post(log_in)).layer(layer);
    for marks_at in 0..MOMENTS {
        for revokes_at in marks_at..MOMENTS {
            let disabling = Disabling {
                marks_at,
                revokes_at,
                is_marked: Arc::default(),
                sessions: sessions.clone(),
            };
            let login = login.clone().layer(Extension(disabling.clone()));
            let alice = Browser::new(&app(store.clone()));
            let page = alice.on(&login).post("/login", "").await;
            // Up to the last look the login is refused; after it the session is ended.
            let expected = match marks_at {
                0..=3 => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::SEE_OTHER,
            };
            assert_eq!(page.status, expected, "{marks_at} {revokes_at}");
            disabling.moment(MOMENTS - 1).await.unwrap();
            let user = alice.get("/user").await.body;
            assert_eq!(user, "", "{marks_at} {revokes_at}");
            assert!(sessions.list("alice").await.unwrap().is_empty());
        }
    }
}
