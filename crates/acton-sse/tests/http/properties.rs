//! Rules that hold for any text and any order of events.

use acton_sse::{GAP_EVENT, SseConfig, Subscription, prelude::*};
use axum::response::IntoResponse;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use proptest::prelude::*;

use crate::decoder::{Decoder, Event};

/// What a browser makes of the stream of one message.
fn round_trip(message: BroadcastMessage) -> Vec<Event> {
    let broadcaster = SseBroadcaster::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let bytes = runtime.expect("a runtime").block_on(async {
        let response = broadcaster.stream("t", LastEventId(None)).into_response();
        broadcaster.publish("t", message);
        broadcaster.shutdown();
        response
            .into_body()
            .collect()
            .await
            .expect("infallible")
            .to_bytes()
    });
    let mut decoder = Decoder::default();
    decoder.push(&bytes);
    std::iter::from_fn(|| decoder.next_event()).collect()
}

fn line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Text in which what means something to the format is frequent.
fn tricky() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\r".to_owned()),
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just(":".to_owned()),
        Just(" ".to_owned()),
        Just("data: ".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\0".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    Read(usize),
    Reconnect(usize),
    Miss(usize),
    Visit,
}

const TOPICS: [&str; 3] = ["a", "b", "c"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3_usize).prop_map(Step::Publish),
        3 => (0..4_usize).prop_map(Step::Read),
        2 => (0..4_usize).prop_map(Step::Reconnect),
        1 => (0..4_usize).prop_map(Step::Miss),
        1 => Just(Step::Visit),
    ];
    proptest::collection::vec(step, 0..200)
}

/// A browser that reads some topics, and everything it has to see.
struct Reader {
    topics: Vec<&'static str>,
    open: Option<Subscription>,
    last_event_id: String,
    owed: Vec<u32>,
}

impl Reader {
    fn new(broadcaster: &SseBroadcaster, topics: &[&'static str]) -> Self {
        Self {
            topics: topics.to_vec(),
            open: None,
            last_event_id: broadcaster.cursor(),
            owed: Vec::new(),
        }
    }

    fn connect(&mut self, broadcaster: &SseBroadcaster) {
        let topics = self.topics.clone();
        self.open = Some(broadcaster.subscribe_from(topics, Some(&self.last_event_id)));
    }

    /// Reads up to `count` messages; each has to be the next one owed, or a gap before one of
    /// those.
    fn read(&mut self, count: usize) {
        for _ in 0..count {
            let Some(subscription) = &mut self.open else {
                return;
            };
            let Some(Ok(message)) = subscription.recv().now_or_never() else {
                return;
            };
            message
                .id()
                .expect("an id")
                .clone_into(&mut self.last_event_id);
            if message.event() == Some(GAP_EVENT) {
                let next = subscription.recv().now_or_never();
                let Some(Ok(message)) = next else {
                    self.owed.clear();
                    return;
                };
                message
                    .id()
                    .expect("an id")
                    .clone_into(&mut self.last_event_id);
                let number: u32 = message
                    .data()
                    .parse()
                    .expect("a number, and never two gaps");
                let at = self.owed.iter().position(|owed| *owed == number);
                self.owed.drain(..=at.expect("nothing comes twice"));
            } else {
                assert_eq!(message.data(), self.owed.remove(0).to_string());
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(data in tricky(), event in "[^\r\n]{0,12}") {
        let message = BroadcastMessage::named(&event, data.as_str()).unwrap();
        let events = round_trip(message);
        prop_assert_eq!(events.len(), 1);
        prop_assert_eq!(&events[0].data, &line_feeds(&data));
        let name = if event.is_empty() { "message" } else { event.as_str() };
        prop_assert_eq!(&events[0].name, name);
    }

    #[test]
    fn what_would_break_framing_is_refused(text in tricky()) {
        let breaks = text.contains(['\r', '\n']);
        prop_assert_eq!(BroadcastMessage::named(&text, "").is_err(), breaks);
        let comes_back = !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic());
        prop_assert_eq!(BroadcastMessage::new("").with_id(&text).is_ok(), comes_back);
        let _ = BroadcastMessage::new(text).into_event();
    }

    #[test]
    fn any_last_event_id_is_answered(id in tricky()) {
        let broadcaster = SseBroadcaster::new();
        let mut reader = broadcaster.subscribe_from("t", Some(&id));
        broadcaster.publish("t", "x");
        let first = reader.recv().now_or_never().unwrap().unwrap();
        prop_assert_eq!(first.event(), Some(GAP_EVENT));
        let second = reader.recv().now_or_never().unwrap().unwrap();
        prop_assert_eq!(second.data(), "x");
    }

    #[test]
    fn nothing_is_lost_or_doubled_without_a_gap(
        steps in steps(),
        history in 1..12_usize,
        queue in 1..20_usize,
        total in 1..12_usize,
    ) {
        let config = SseConfig {
            history,
            queue,
            history_total_bytes: 300 * total,
            ..SseConfig::default()
        };
        let broadcaster = SseBroadcaster::from_config(&config);
        let mut readers = [["a"].as_slice(), &["b"], &["a", "b"], &TOPICS]
            .map(|topics| Reader::new(&broadcaster, topics));
        for (number, step) in (0..).zip(steps) {
            match step {
                Step::Publish(topic) => {
                    broadcaster.publish(TOPICS[topic], number.to_string());
                    for reader in &mut readers {
                        if reader.topics.contains(&TOPICS[topic]) {
                            reader.owed.push(number);
                        }
                    }
                }
                Step::Read(count) => readers.iter_mut().for_each(|reader| reader.read(count)),
                Step::Reconnect(reader) => readers[reader].connect(&broadcaster),
                Step::Miss(reader) => readers[reader].open = None,
                Step::Visit => drop(broadcaster.subscribe_to("nobody")),
            }
        }
        for reader in &mut readers {
            reader.connect(&broadcaster);
            reader.read(1000);
            prop_assert!(reader.owed.is_empty(), "lost: {:?}", reader.owed);
        }
    }
}

#[test]
fn a_hundred_thousand_topics_leave_nothing_behind() {
    let broadcaster = SseBroadcaster::new();
    for number in 0..100_000_u32 {
        let topic = format!("topic-{}", number.wrapping_mul(2_654_435_761));
        let _first = broadcaster.subscribe_to(topic.as_str());
        let _second = broadcaster.subscribe_to([topic.as_str(), "shared"]);
    }
    assert_eq!((broadcaster.topics(), broadcaster.subscribers()), (0, 0));
}

#[test]
fn messages_to_nobody_are_kept_within_bounds() {
    let config = SseConfig {
        history_total_bytes: 100_000,
        ..SseConfig::default()
    };
    let broadcaster = SseBroadcaster::from_config(&config);
    for number in 0..100_000_u32 {
        broadcaster.publish(&format!("topic-{number}"), "x".repeat(100));
    }
    assert!(broadcaster.topics() < 250, "{}", broadcaster.topics());
}
