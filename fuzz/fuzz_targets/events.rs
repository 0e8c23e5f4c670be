//! What is published is what a browser reads, and no id or topic that a browser sends does harm.
#![no_main]

#[path = "../../crates/acton-sse/tests/http/decoder.rs"]
#[allow(dead_code, reason = "the tests of the crate use all of it")]
mod decoder;

use acton_fuzz::ready;
use acton_sse::{BroadcastMessage, LastEventId, SseBroadcaster, Subscription};
use axum_core::response::IntoResponse;
use decoder::Decoder;
use http_body_util::BodyExt;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    topic: &'a str,
    event: &'a str,
    id: Option<&'a str>,
    data: &'a str,
    last_event_id: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let _inside = runtime.enter();
    let broadcaster = SseBroadcaster::new();
    let stream = broadcaster.stream(input.topic, LastEventId::default());
    let strange = broadcaster.subscribe_from(input.topic, Some(input.last_event_id));
    let mut others = broadcaster.subscribe_to(format!("{}.", input.topic));

    let breaks_line = input.event.contains(['\r', '\n']);
    let named = BroadcastMessage::named(input.event, input.data);
    assert_eq!(named.is_err(), breaks_line);
    let Ok(message) = named else { return };
    let message = match input.id {
        None => message,
        Some(id) => match message.with_id(id) {
            Ok(message) => message,
            // What a browser could send back as it is may not be refused.
            Err(_) => {
                assert!(
                    id.is_empty()
                        || id.len() > 256
                        || !id.bytes().all(|byte| byte.is_ascii_graphic())
                );
                return;
            }
        },
    };
    let response = stream.into_response();
    let published = ready(broadcaster.publish(input.topic, message)).expect("no backplane");
    broadcaster.shutdown();

    assert_resumed(strange);
    assert!(ready(others.recv()).is_err(), "a message in another topic");
    let body = ready(response.into_body().collect())
        .expect("a body")
        .to_bytes();
    assert!(!body.contains(&b'\r'));
    let mut decoder = Decoder::default();
    decoder.push(&body);
    let event = decoder.next_event().expect("the message");
    assert_eq!(
        event.data,
        input.data.replace("\r\n", "\n").replace('\r', "\n")
    );
    assert_eq!(
        event.name,
        if input.event.is_empty() {
            "message"
        } else {
            input.event
        }
    );
    assert_eq!(event.id, published);
    assert_eq!(decoder.next_event(), None);
});

/// Whoever comes with an id that is not ours is told that something may be missing, and nobody is told nothing.
fn assert_resumed(mut reader: Subscription) {
    let first = ready(reader.recv()).expect("a gap or the message");
    assert!(
        !first.is_gap() || ready(reader.recv()).is_ok(),
        "the message after the gap"
    );
    assert!(ready(reader.recv()).is_err(), "nothing twice");
}
