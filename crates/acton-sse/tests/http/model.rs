//! Instances that lose and find each other in any order, against the simplest model: each reader sees the numbers
//! of each publisher one after the other. Time is not real here.

use std::time::Duration;

use acton_sse::{Published, SseConfig, Subscription, prelude::*};
use futures_util::FutureExt;
use proptest::prelude::*;
use tokio::time::{sleep, timeout};

use crate::{
    instances::connected,
    row::{SharedRow, Trouble},
};

const NODES: usize = 2;
const READERS: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish(usize),
    Trouble(usize, Trouble),
    Read(usize, usize),
    /// The reader comes back with what it has seen, at this node.
    Reconnect(usize, usize),
    /// Its node is killed and started again.
    Kill(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let trouble = prop_oneof![
        4 => Just(Trouble::None),
        2 => Just(Trouble::Down),
        1 => Just(Trouble::Silent),
        1 => Just(Trouble::Full),
        1 => Just(Trouble::LostAnswers),
    ];
    let step = prop_oneof![
        8 => (0..NODES).prop_map(Step::Publish),
        3 => (0..NODES, trouble).prop_map(|(node, trouble)| Step::Trouble(node, trouble)),
        6 => (0..READERS, 1..8_usize).prop_map(|(reader, count)| Step::Read(reader, count)),
        3 => (0..READERS, 0..NODES).prop_map(|(reader, node)| Step::Reconnect(reader, node)),
        1 => (0..NODES).prop_map(Step::Kill),
        3 => (1..4000_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..80)
}

struct Node {
    row: SharedRow,
    broadcaster: SseBroadcaster,
    /// What became of each number: nothing as long as it may still die with the node.
    numbers: Vec<Fate>,
}

enum Fate {
    Open(Published),
    Arrives,
    /// The node was killed before it could say.
    Unknown,
}

impl Node {
    async fn start(row: &SharedRow) -> Self {
        let row = row.another();
        let broadcaster = SseBroadcaster::with_backplane(&SseConfig::default(), row.clone());
        connected(&broadcaster).await;
        Self {
            row,
            broadcaster,
            numbers: Vec::new(),
        }
    }

    fn publish(&mut self, node: usize) {
        let text = format!("{node} {}", self.numbers.len());
        let published = self.broadcaster.broadcast(text);
        self.numbers.push(Fate::Open(published));
    }

    async fn kill(&mut self) {
        for fate in &mut self.numbers {
            if let Fate::Open(published) = fate {
                let said = published.now_or_never();
                *fate = match said {
                    Some(Ok(_)) => Fate::Arrives,
                    _ => Fate::Unknown,
                };
            }
        }
        self.row.set(Trouble::None);
        self.broadcaster = SseBroadcaster::with_backplane(&SseConfig::default(), self.row.clone());
        connected(&self.broadcaster).await;
    }
}

struct Reader {
    at: usize,
    open: Option<Subscription>,
    cursor: String,
    /// The next number of each node.
    next: [usize; NODES],
}

impl Reader {
    /// Reads so many messages, if there are as many now.
    async fn read(&mut self, count: usize, nodes: &[Node]) {
        for _ in 0..count {
            let open = self.open.as_mut().expect("a node to read at");
            let message = timeout(Duration::from_millis(1), open.recv()).await;
            let Ok(message) = message else {
                return;
            };
            let message = message.expect("an open broadcaster");
            assert!(!message.is_gap(), "nothing was lost");
            let (node, number) = message.data().split_once(' ').expect("two numbers");
            let [node, number] =
                [node, number].map(|text| text.parse::<usize>().expect("a number"));
            let next = self.next[node];
            assert!(number >= next, "{number} of {node} twice");
            for missing in &nodes[node].numbers[next..number] {
                assert!(
                    matches!(missing, Fate::Unknown),
                    "{node} misses some before {number}"
                );
            }
            self.next[node] = number + 1;
        }
    }

    fn disconnect(&mut self) {
        if let Some(open) = self.open.take() {
            self.cursor = open.cursor();
        }
    }

    fn reconnect(&mut self, at: usize, nodes: &[Node]) {
        self.disconnect();
        self.at = at;
        let broadcaster = &nodes[at].broadcaster;
        self.open = Some(broadcaster.subscribe_from("everyone", Some(&self.cursor)));
    }
}

async fn play(steps: Vec<Step>) {
    let row = SharedRow::default();
    let mut nodes = vec![Node::start(&row).await, Node::start(&row).await];
    let reader = |number: usize| Reader {
        at: number % NODES,
        open: Some(nodes[number % NODES].broadcaster.subscribe()),
        cursor: String::new(),
        next: [0; NODES],
    };
    let mut readers: Vec<_> = (0..READERS).map(reader).collect();
    // Every reader has begun.
    sleep(Duration::from_secs(3)).await;
    for step in steps {
        match step {
            Step::Publish(node) => nodes[node].publish(node),
            Step::Trouble(node, trouble) => nodes[node].row.set(trouble),
            Step::Read(reader, count) => readers[reader].read(count, &nodes).await,
            Step::Reconnect(reader, node) => readers[reader].reconnect(node, &nodes),
            Step::Kill(node) => {
                let mut there: Vec<_> = readers
                    .iter_mut()
                    .filter(|reader| reader.at == node)
                    .collect();
                there.iter_mut().for_each(|reader| reader.disconnect());
                nodes[node].kill().await;
                there
                    .iter_mut()
                    .for_each(|reader| reader.reconnect(node, &nodes));
            }
            Step::Wait(millis) => sleep(Duration::from_millis(millis)).await,
        }
    }
    for node in &nodes {
        node.row.set(Trouble::None);
    }
    // Attempts get rarer, and answers that do not come are waited for.
    sleep(Duration::from_secs(30)).await;
    for (number, reader) in readers.iter_mut().enumerate() {
        reader.reconnect(number % NODES, &nodes);
        reader.read(usize::MAX, &nodes).await;
        for (node, next) in nodes.iter().zip(reader.next) {
            let left = node.numbers[next..].iter();
            let missing = left.filter(|fate| !matches!(fate, Fate::Unknown)).count();
            assert_eq!(missing, 0, "reader {number} waits in vain");
        }
    }
    for node in &nodes {
        assert_eq!(node.broadcaster.unsent(), 0);
    }
}

proptest! {
    #[test]
    fn every_reader_sees_every_number_once_and_in_order(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.expect("a runtime").block_on(play(steps));
    }
}
