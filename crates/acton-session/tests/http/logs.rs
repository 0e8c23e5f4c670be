use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use acton_session::Store;
use tracing_subscriber::fmt::MakeWriter;

use crate::{app::app, browser::Browser};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn neither_ids_nor_tokens_are_logged_at_any_level() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);

    let browser = Browser::new(&app(Store::memory()));
    let mut secrets = vec![browser.token().await, browser.cookie().unwrap()];
    browser
        .submit("/login", "username=alice&remember=true")
        .await;
    secrets.extend([
        browser.cookie().unwrap(),
        browser.named("remember").unwrap(),
    ]);
    browser.post("/form", "csrf_token=wrong").await;
    browser.submit("/logout", "").await;
    browser.set_cookie(&secrets[1]);
    browser.get("/session/get?k=a").await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("request refused"), "{log}");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} in {log}");
    }
}
