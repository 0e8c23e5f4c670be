//! Messages with ids of the application's own. Time is not real here.

use std::time::Duration;

use acton_sse::{GAP_EVENT, SseConfig, prelude::*};
use axum::{body::Body, response::IntoResponse};
use http_body_util::BodyExt;
use tokio::time::{sleep, timeout};

use crate::{
    decoder::{Decoder, Event},
    instances::{connected, instance},
    row::{SharedRow, Trouble},
};

/// What a browser makes of a stream.
struct Browser {
    body: Body,
    decoder: Decoder,
}

impl Browser {
    fn open(broadcaster: &SseBroadcaster, last_event_id: Option<&str>) -> Self {
        let last_event_id = LastEventId(last_event_id.map(str::to_owned));
        Self {
            body: broadcaster
                .stream("everyone", last_event_id)
                .into_response()
                .into_body(),
            decoder: Decoder::default(),
        }
    }

    async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.decoder.next_event() {
                return event;
            }
            let frame = timeout(Duration::from_secs(60), self.body.frame()).await;
            let frame = frame.expect("an event in time").expect("an open stream");
            self.decoder
                .push(frame.expect("bytes").data_ref().expect("bytes"));
        }
    }

    async fn next_text(&mut self) -> String {
        self.next().await.data
    }
}

fn own(id: &str, text: &str) -> BroadcastMessage {
    BroadcastMessage::new(text).with_id(id).expect("ASCII")
}

#[tokio::test(start_paused = true)]
async fn behind_an_own_id_the_browser_knows_its_place() {
    let broadcaster = SseBroadcaster::new();
    let mut browser = Browser::open(&broadcaster, None);
    broadcaster.broadcast(own("order-17", "one"));
    assert_eq!(browser.next().await.id, "order-17");
    assert_eq!(browser.decoder.last_event_id(), broadcaster.cursor());
}

#[tokio::test(start_paused = true)]
async fn who_was_shown_an_own_id_in_an_outage_misses_nothing_that_came_before_it() {
    let row = SharedRow::default();
    let way = row.another();
    let a = SseBroadcaster::with_backplane(&SseConfig::default(), way.clone());
    let b = instance(&row);
    let mut browser = Browser::open(&a, None);
    a.broadcast("start").await.expect("a backplane");
    assert_eq!(browser.next_text().await, "start");
    connected(&b).await;
    way.set(Trouble::Down);
    while a.is_connected() {
        sleep(Duration::from_millis(100)).await;
    }
    b.broadcast("first in the row").await.expect("a backplane");
    let _ = a.broadcast(own("order-17", "second in the row")).await;
    let shown = browser.next().await;
    assert_eq!(
        (shown.id.as_str(), shown.data.as_str()),
        ("order-17", "second in the row")
    );
    let place = browser.decoder.last_event_id().to_owned();
    way.set(Trouble::None);
    connected(&a).await;
    a.broadcast("third").await.expect("a backplane");
    for instance in [&a, &b] {
        let mut again = Browser::open(instance, Some(&place));
        assert_eq!(again.next_text().await, "first in the row");
        assert_eq!(again.next_text().await, "third");
        // The connection broke before the place was read.
        let mut early = Browser::open(instance, Some("order-17"));
        assert_eq!(early.next().await.name, GAP_EVENT);
    }
}
