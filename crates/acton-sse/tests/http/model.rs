//! Instances that lose and find each other in any order, against the simplest model: each reader sees the numbers
//! of each publisher one after the other. Where the row itself loses records, or the backlog is small, a gap stands for
//! everything that was published before the reader was told of it, and for nothing else. Where nothing is lost, only
//! an instance that is alone may say that it cannot know. The end of the topic is a number like the others, but that
//! a browser is not told which one. Time is not real here.

use std::{collections::HashSet, time::Duration};

use acton_sse::{CLOSE_EVENT, Published, SseConfig, Subscription, prelude::*};
use futures_util::FutureExt;
use proptest::prelude::*;
use tokio::time::{sleep, timeout};

use crate::{
    instances::connected,
    row::{SharedRow, Trouble},
};

const NODES: usize = 2;
const READERS: usize = 4;
/// How long to wait for what is there.
const NOW: Duration = Duration::from_millis(1);
/// How long an instance may take to look at the row.
const LATER: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
enum Step {
    Publish(usize),
    /// Ends the topic for who reads it by then.
    Close(usize),
    Trouble(usize, Trouble),
    Read(usize, usize),
    /// The reader comes back with what it has seen, at this node.
    Reconnect(usize, usize),
    /// The same, but the connection broke behind an id of the application's own, before the place was read.
    ReconnectEarly(usize, usize),
    /// A page is rendered at this node, and read on from its cursor or from now on.
    Render(usize, usize, bool),
    /// Its node is killed and started again.
    Kill(usize),
    Wait(u64),
    /// The row loses records.
    Lose(Loss),
}

/// What the row loses.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// Everything.
    All,
    /// So many of the newest, as a copy has that is older.
    Newest(usize),
    /// All but so many of the newest, as a bound does.
    Oldest(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 0..80)
}

fn steps_with_losses() -> impl Strategy<Value = Vec<Step>> {
    let loss = prop_oneof![
        1 => Just(Loss::All),
        2 => (1..6_usize).prop_map(Loss::Newest),
        1 => (0..6_usize).prop_map(Loss::Oldest),
    ];
    let step = prop_oneof![
        12 => step(),
        1 => loss.prop_map(Step::Lose),
    ];
    proptest::collection::vec(step, 0..80)
}

fn step() -> impl Strategy<Value = Step> {
    let trouble = prop_oneof![
        4 => Just(Trouble::None),
        2 => Just(Trouble::Down),
        1 => Just(Trouble::Silent),
        1 => Just(Trouble::Full),
        1 => Just(Trouble::Deaf),
        1 => Just(Trouble::LostAnswers),
    ];
    prop_oneof![
        8 => (0..NODES).prop_map(Step::Publish),
        1 => (0..NODES).prop_map(Step::Close),
        3 => (0..NODES, trouble).prop_map(|(node, trouble)| Step::Trouble(node, trouble)),
        6 => (0..READERS, 1..8_usize).prop_map(|(reader, count)| Step::Read(reader, count)),
        3 => (0..READERS, 0..NODES).prop_map(|(reader, node)| Step::Reconnect(reader, node)),
        1 => (0..READERS, 0..NODES).prop_map(|(reader, node)| Step::ReconnectEarly(reader, node)),
        2 => (0..READERS, 0..NODES, any::<bool>())
            .prop_map(|(reader, node, by_cursor)| Step::Render(reader, node, by_cursor)),
        1 => (0..NODES).prop_map(Step::Kill),
        3 => (1..4000_u64).prop_map(Step::Wait),
    ]
}

struct Node {
    row: SharedRow,
    config: SseConfig,
    broadcaster: SseBroadcaster,
    /// What became of each number: nothing as long as it may still die with the node.
    numbers: Vec<Fate>,
    /// Which numbers are ends of the topic.
    ends: HashSet<usize>,
    /// The first number since it was started last.
    first: usize,
}

enum Fate {
    Open(Published),
    Arrives,
    /// The node was killed before it could say.
    Unknown,
}

impl Node {
    async fn start(row: &SharedRow, config: &SseConfig) -> Self {
        let row = row.another();
        let broadcaster = SseBroadcaster::with_backplane(config, row.clone());
        connected(&broadcaster).await;
        Self {
            row,
            config: config.clone(),
            broadcaster,
            numbers: Vec::new(),
            ends: HashSet::new(),
            first: 0,
        }
    }

    fn publish(&mut self, node: usize) {
        let number = self.numbers.len();
        let mut message = BroadcastMessage::new(format!("{node} {number}"));
        if number % 3 == 1 {
            let own = format!("own-{node}-{number}");
            message = message.with_id(own).expect("ASCII");
        }
        let published = self.broadcaster.broadcast(message);
        self.numbers.push(Fate::Open(published));
    }

    fn close(&mut self) {
        self.ends.insert(self.numbers.len());
        let published = self.broadcaster.close("everyone");
        self.numbers.push(Fate::Open(published));
    }

    /// Whether it does not know what the row is now.
    fn is_alone(&self) -> bool {
        self.row.trouble() != Trouble::None || !self.broadcaster.is_connected()
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
        self.first = self.numbers.len();
        self.row.set(Trouble::None);
        self.broadcaster = SseBroadcaster::with_backplane(&self.config, self.row.clone());
        connected(&self.broadcaster).await;
    }

    /// What the row has lost of it may be lost in silence where it was killed too: nobody knows any more.
    fn lose_the_dead(&mut self) {
        let dead = &mut self.numbers[..self.first];
        dead.iter_mut().for_each(|fate| *fate = Fate::Unknown);
    }
}

struct Reader {
    at: usize,
    open: Option<Subscription>,
    cursor: String,
    /// The id of the last message, when that is one of the application's own.
    own_id: Option<String>,
    /// Whether it came with such an id, and has not been told of a gap since.
    is_early: bool,
    /// The next number of each node.
    next: [usize; NODES],
    /// How many numbers of each node had been published when it was told of a gap.
    told: [usize; NODES],
    gaps: usize,
    /// Whether nothing can be lost.
    is_safe: bool,
    /// What came again after the last gap.
    repeated: Vec<(usize, usize)>,
    /// How often it came to a node.
    visits: usize,
    /// How many ends of the topic it was told, and has not been found to be owed.
    ends: usize,
    /// How many of those it may have been told, or not.
    possible_ends: usize,
}

impl Reader {
    /// Reads so many messages, if there are as many; each may take that long.
    async fn read(&mut self, count: usize, patience: Duration, nodes: &[Node]) {
        for _ in 0..count {
            let Some(open) = &mut self.open else {
                return;
            };
            let message = timeout(patience, open.recv()).await;
            let Ok(message) = message else {
                return;
            };
            let message = message.expect("an open broadcaster");
            if message.is_gap() {
                let is_alone = nodes[self.at].is_alone();
                let may_be_told = is_alone || !self.is_safe || self.is_early;
                assert!(may_be_told, "a gap, and nothing can be lost");
                (self.own_id, self.is_early) = (None, false);
                self.gaps += 1;
                self.repeated.clear();
                self.told = std::array::from_fn(|node| nodes[node].numbers.len());
                // As numbers do, what has ended may end again behind it.
                for (node, next) in nodes.iter().zip(self.next) {
                    self.possible_ends += node.ends.iter().filter(|end| **end < next).count();
                }
                continue;
            }
            if message.event() == Some(CLOSE_EVENT) {
                self.ends += 1;
                let behind = timeout(LATER, open.recv()).await;
                assert!(matches!(behind, Ok(Err(_))), "{behind:?} behind the end");
                self.disconnect();
                return;
            }
            let (node, number) = message.data().split_once(' ').expect("two numbers");
            let [node, number] =
                [node, number].map(|text| text.parse::<usize>().expect("a number"));
            assert!(
                !self.is_early,
                "what is before {number} of {node} is not known"
            );
            let id = message.id().filter(|id| id.starts_with("own-"));
            self.own_id = id.map(str::to_owned);
            let next = self.next[node];
            if number < next && number < self.told[node] {
                // Appended again: the row had taken it, or perhaps not, and then lost records.
                assert!(
                    !self.repeated.contains(&(node, number)),
                    "{number} of {node} three times"
                );
                self.repeated.push((node, number));
                continue;
            }
            assert!(number >= next, "{number} of {node} twice");
            self.pass(node, number, &nodes[node]);
            self.next[node] = number + 1;
        }
    }

    /// Whatever it has not seen of a node before this number, it has been told of, or it cannot come any more.
    fn pass(&mut self, at: usize, number: usize, node: &Node) {
        for missing in self.next[at]..number {
            let is_told = missing < self.told[at];
            let may_be_missing = is_told || matches!(node.numbers[missing], Fate::Unknown);
            if !node.ends.contains(&missing) {
                assert!(may_be_missing, "{at} misses {missing} before {number}");
            } else if may_be_missing {
                self.possible_ends += 1;
            } else {
                assert!(self.ends > 0, "{at} has not ended before {number}");
                self.ends -= 1;
            }
        }
    }

    fn disconnect(&mut self) {
        if let Some(open) = self.open.take() {
            self.cursor = open.cursor();
        }
        self.own_id = None;
    }

    /// Comes with the own id of the last message, if it has one.
    fn reconnect_early(&mut self, at: usize, nodes: &[Node]) {
        if let Some(own_id) = self.own_id.take() {
            self.open = None;
            self.cursor = own_id;
            self.is_early = true;
            self.reconnect(at, nodes);
        }
    }

    fn reconnect(&mut self, at: usize, nodes: &[Node]) {
        self.disconnect();
        self.at = at;
        self.visits += 1;
        let broadcaster = &nodes[at].broadcaster;
        self.open = Some(broadcaster.subscribe_from("everyone", Some(&self.cursor)));
    }

    /// Begins with a page that has what was published by now.
    fn render(&mut self, at: usize, by_cursor: bool, nodes: &[Node]) {
        self.at = at;
        self.visits += 1;
        let broadcaster = &nodes[at].broadcaster;
        self.open = Some(if by_cursor {
            broadcaster.subscribe_from("everyone", Some(&broadcaster.cursor()))
        } else {
            broadcaster.subscribe()
        });
        (self.own_id, self.is_early) = (None, false);
        self.next = [0; NODES];
        self.told = std::array::from_fn(|node| nodes[node].numbers.len());
        self.repeated.clear();
        (self.ends, self.possible_ends) = (0, 0);
        // What is on its way may come once more, also from before the node was killed, but not what was shown already.
        if !broadcaster.is_connected() {
            (self.next[at], self.told[at]) = (self.told[at], nodes[at].first);
        }
    }
}

async fn play(steps: Vec<Step>, config: SseConfig) {
    let row = SharedRow::default();
    let mut nodes = vec![
        Node::start(&row, &config).await,
        Node::start(&row, &config).await,
    ];
    let loses = |step: &Step| matches!(step, Step::Lose(_));
    let is_small = config.backlog < steps.len();
    let is_safe = !is_small && !steps.iter().any(loses);
    let reader = |number: usize| Reader {
        at: number % NODES,
        open: Some(nodes[number % NODES].broadcaster.subscribe()),
        cursor: String::new(),
        own_id: None,
        is_early: false,
        next: [0; NODES],
        told: [0; NODES],
        gaps: 0,
        is_safe,
        repeated: Vec::new(),
        visits: 0,
        ends: 0,
        possible_ends: 0,
    };
    let mut readers: Vec<_> = (0..READERS).map(reader).collect();
    let (mut losses, mut is_rolled_back) = (0, false);
    // Every reader has begun.
    sleep(Duration::from_secs(3)).await;
    for step in steps {
        match step {
            Step::Publish(node) => nodes[node].publish(node),
            Step::Close(node) => nodes[node].close(),
            Step::Trouble(node, trouble) => nodes[node].row.set(trouble),
            Step::Read(reader, count) => readers[reader].read(count, NOW, &nodes).await,
            Step::Reconnect(reader, node) => readers[reader].reconnect(node, &nodes),
            Step::ReconnectEarly(reader, node) => {
                readers[reader].reconnect_early(node, &nodes);
            }
            Step::Render(reader, node, by_cursor) => {
                readers[reader].render(node, by_cursor, &nodes);
            }
            Step::Kill(node) => {
                let mut there: Vec<_> = readers
                    .iter_mut()
                    .filter(|reader| reader.at == node)
                    .collect();
                there.iter_mut().for_each(|reader| reader.disconnect());
                nodes[node].kill().await;
                if is_rolled_back {
                    nodes[node].lose_the_dead();
                }
                there
                    .iter_mut()
                    .for_each(|reader| reader.reconnect(node, &nodes));
            }
            Step::Wait(millis) => sleep(Duration::from_millis(millis)).await,
            Step::Lose(loss) => {
                losses += 1;
                match loss {
                    Loss::All => row.begin_anew(),
                    Loss::Oldest(count) => row.keep(count),
                    Loss::Newest(count) => {
                        row.roll_back(row.len().saturating_sub(count));
                        is_rolled_back = true;
                        nodes.iter_mut().for_each(Node::lose_the_dead);
                    }
                }
            }
        }
    }
    for node in &nodes {
        node.row.set(Trouble::None);
    }
    // Attempts get rarer, and answers that do not come are waited for.
    sleep(Duration::from_secs(30)).await;
    for (number, reader) in readers.iter_mut().enumerate() {
        loop {
            reader.reconnect(number % NODES, &nodes);
            reader.read(usize::MAX, LATER, &nodes).await;
            if reader.open.is_some() {
                break;
            }
        }
        // A node that is alone answers a place of a row that it does not know with a gap, and may
        // have another when it knows the row. Each message may be too much for a small backlog.
        let published: usize = nodes.iter().map(|node| node.numbers.len()).sum();
        let dropped = if is_small { published } else { 0 };
        let bound = losses + dropped + 2 * reader.visits;
        assert!(
            reader.gaps <= bound,
            "{} gaps for {losses} losses",
            reader.gaps
        );
        for (at, node) in nodes.iter().enumerate() {
            reader.pass(at, node.numbers.len(), node);
        }
        assert!(
            reader.ends <= reader.possible_ends + reader.gaps,
            "{} ends too many",
            reader.ends
        );
    }
    for node in &nodes {
        assert_eq!(node.broadcaster.unsent(), 0);
    }
}

/// Plays in a time of its own.
fn play_at_once(steps: Vec<Step>, backlog: usize) {
    let config = SseConfig {
        backlog,
        ..SseConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime").block_on(play(steps, config));
}

proptest! {
    #[test]
    fn every_reader_sees_every_number_once_and_in_order(steps in steps()) {
        play_at_once(steps, 1000);
    }

    #[test]
    fn what_the_row_loses_is_told_to_every_reader(steps in steps_with_losses()) {
        play_at_once(steps, 1000);
    }

    #[test]
    fn what_a_small_backlog_drops_is_told_to_every_reader(steps in steps()) {
        play_at_once(steps, 3);
    }
}
