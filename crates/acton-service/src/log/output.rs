//! The standard output, written to beside the requests.
//!
//! While a service runs, lines are gathered in memory and one thread writes them a moment later, so a request neither
//! makes a system call nor waits for whoever reads the log. Otherwise every line is written at once.

use std::{
    io::{self, Stdout, Write},
    mem,
    sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use super::{Answered, Format, gathered::Gathered, request_span::Words};

/// How long lines gather; a warning or an error takes them along at once.
const GATHER: Duration = Duration::from_millis(10);

/// What may wait for a reader that is slow, before lines are lost.
const LIMIT: usize = 4 * 1024 * 1024;

/// How long the end waits for that reader.
const LAST: Duration = Duration::from_secs(1);

/// A spare buffer that has grown larger is given back.
const SPARE: usize = 256 * 1024;

/// The standard output of this process.
pub(super) fn stdout() -> &'static Output<Stdout> {
    static STDOUT: LazyLock<Output<Stdout>> = LazyLock::new(|| Output::new(io::stdout()));
    &STDOUT
}

/// From now on lines are gathered; what has gathered is written when this is dropped.
///
/// `None`, and lines go on being written one by one, where no thread can be started.
pub(crate) fn defer() -> Option<Deferred> {
    stdout().defer().ok().map(|()| Deferred)
}

/// See [`defer`].
pub(crate) struct Deferred;

impl Drop for Deferred {
    fn drop(&mut self) {
        stdout().end();
    }
}

/// Where lines go.
pub(super) struct Output<W> {
    pending: Mutex<Pending>,
    /// Something about `pending` is new.
    changed: Condvar,
    sink: Mutex<Sink<W>>,
}

#[derive(Default)]
struct Pending {
    gathered: Gathered,
    /// How many services want lines to gather.
    services: usize,
    /// Whether the thread that writes is there.
    writer: bool,
    urgent: bool,
    lost: u64,
}

struct Sink<W> {
    to: W,
    spare: Gathered,
    text: Vec<u8>,
}

impl Pending {
    /// Whether so many bytes more may wait; counts them as lost otherwise.
    fn takes(&mut self, bytes: usize) -> bool {
        let takes = self.services == 0 || self.gathered.size() + bytes <= LIMIT;
        self.lost += u64::from(!takes);
        takes
    }
}

impl<W: Write + Send> Output<W> {
    fn new(to: W) -> Self {
        Self {
            pending: Mutex::default(),
            changed: Condvar::new(),
            sink: Mutex::new(Sink {
                to,
                spare: Gathered::default(),
                text: Vec::new(),
            }),
        }
    }

    /// Writes a line, now or in a moment.
    pub(super) fn write(&self, line: &[u8], urgent: bool) {
        let mut pending = lock(&self.pending);
        if !pending.takes(line.len()) {
            return;
        }
        let is_first = pending.gathered.is_empty();
        pending.gathered.push_line(line);
        pending.urgent |= urgent;
        let waits = pending.services > 0;
        drop(pending);
        if !waits {
            self.flush(lock(&self.sink));
        } else if is_first || urgent {
            self.changed.notify_all();
        }
    }

    /// Makes a line of this in a moment, if there is room for it; `false` when lines are written at once.
    pub(super) fn gather(
        &self,
        format: Format,
        time: Duration,
        words: Words<'_>,
        answered: &Answered<'_>,
    ) -> bool {
        let mut pending = lock(&self.pending);
        if pending.services == 0 {
            return false;
        }
        if pending.takes(Gathered::size_of(words, answered)) {
            let is_first = pending.gathered.is_empty();
            pending.gathered.push_request(format, time, words, answered);
            drop(pending);
            if is_first {
                self.changed.notify_all();
            }
        }
        true
    }

    /// Writes what has gathered; errors have nowhere to go.
    fn flush(&self, mut sink: MutexGuard<'_, Sink<W>>) {
        let Sink { to, spare, text } = &mut *sink;
        mem::swap(&mut lock(&self.pending).gathered, spare);
        text.clear();
        let _ = spare.write(to, text);
        let _ = to.flush();
        text.shrink_to(SPARE);
        spare.clear(SPARE);
    }

    /// Writes what has gathered, unless somebody else is at it and stays at it.
    pub(super) fn flush_at_exit(&self) {
        for _ in 0..100 {
            if let Ok(sink) = self.sink.try_lock() {
                return self.flush(sink);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn end(&self) {
        let mut pending = lock(&self.pending);
        pending.services -= 1;
        if pending.services > 0 {
            return;
        }
        self.changed.notify_all();
        let writing = |pending: &mut Pending| pending.services == 0 && pending.writer;
        drop(self.changed.wait_timeout_while(pending, LAST, writing));
    }

    /// Writes until no service wants it any more, and everything is written.
    fn run(&self) {
        let mut pending = lock(&self.pending);
        loop {
            if !pending.gathered.is_empty() {
                pending = self.wait_for_more(pending);
                pending.urgent = false;
                drop(pending);
                self.flush(lock(&self.sink));
                self.tell_losses();
                pending = lock(&self.pending);
            } else if pending.services > 0 {
                let result = self.changed.wait(pending);
                pending = result.unwrap_or_else(PoisonError::into_inner);
            } else {
                pending.writer = false;
                self.changed.notify_all();
                return;
            }
        }
    }

    fn wait_for_more<'a>(&self, pending: MutexGuard<'a, Pending>) -> MutexGuard<'a, Pending> {
        let calm = |pending: &mut Pending| !pending.urgent && pending.services > 0;
        let result = self.changed.wait_timeout_while(pending, GATHER, calm);
        result.unwrap_or_else(PoisonError::into_inner).0
    }

    fn tell_losses(&self) {
        let lost = mem::take(&mut lock(&self.pending).lost);
        if lost > 0 {
            tracing::warn!(lost, "lines of the log are lost, because nobody took them");
        }
    }
}

impl<W: Write + Send> Output<W> {
    fn defer(&'static self) -> io::Result<()> {
        let mut pending = lock(&self.pending);
        if !pending.writer {
            let thread = thread::Builder::new().name("log".to_owned());
            thread.spawn(|| self.run())?;
            pending.writer = true;
        }
        pending.services += 1;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, mpsc};

    /// A reader that takes nothing before it is told to.
    #[derive(Clone)]
    struct Reader {
        taken: Arc<Mutex<Vec<u8>>>,
        gate: Arc<Mutex<()>>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            drop(lock(&self.gate));
            lock(&self.taken).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output() -> (Reader, &'static Output<Reader>) {
        let reader = Reader {
            taken: Arc::default(),
            gate: Arc::default(),
        };
        let output = Box::leak(Box::new(Output::new(reader.clone())));
        (reader, output)
    }

    #[test]
    fn without_a_service_lines_are_written_at_once() {
        let (reader, output) = output();
        output.write(b"a\n", false);
        assert_eq!(*lock(&reader.taken), b"a\n");
    }

    #[test]
    fn everything_is_written_in_order_when_the_service_ends() {
        let (reader, output) = output();
        output.defer().unwrap();
        for number in 0..10_000 {
            output.write(format!("{number}\n").as_bytes(), number % 1000 == 0);
        }
        output.end();
        output.write(b"last\n", false);
        let taken = String::from_utf8(lock(&reader.taken).clone()).unwrap();
        let expected = (0..10_000).map(|number| format!("{number}\n"));
        assert_eq!(taken, expected.chain(["last\n".into()]).collect::<String>());
    }

    #[test]
    fn requests_and_lines_stay_in_order_and_are_made_when_they_are_written() {
        let (reader, output) = output();
        let tell = |number: u16| {
            let words = Words {
                id: b"a-1",
                method: b"GET",
                path: "/tasks",
            };
            let answered = Answered {
                route: "/tasks",
                status: number,
                millis: 1.5,
                client: crate::ClientAddr([192, 0, 2, 7].into()),
                htmx: None,
            };
            output.gather(Format::Text, Duration::ZERO, words, &answered)
        };
        assert!(!tell(0), "without a service a line is written at once");
        output.defer().unwrap();
        for number in 0..1000 {
            assert!(tell(number));
            output.write(format!("behind status={number} \n").as_bytes(), false);
        }
        output.end();
        let taken = String::from_utf8(lock(&reader.taken).clone()).unwrap();
        let numbers = taken.lines().map(|line| {
            let (_, number) = line.split_once(" status=").unwrap();
            number.split(' ').next().unwrap().parse::<u16>().unwrap()
        });
        let expected = (0..1000).flat_map(|number| [number, number]);
        assert!(numbers.eq(expected), "{taken}");
    }

    #[test]
    fn a_reader_that_takes_nothing_holds_nobody_up_and_memory_stays_bounded() {
        let (reader, output) = output();
        let gate = lock(&reader.gate);
        output.defer().unwrap();
        let (done, wait) = mpsc::channel();
        thread::spawn(move || {
            let line = [b'x'; 1024];
            (0..16 * 1024).for_each(|_| output.write(&line, true));
            done.send(()).unwrap();
        });
        wait.recv_timeout(Duration::from_secs(20))
            .expect("nobody waits");
        let pending = lock(&output.pending);
        assert!(pending.gathered.size() <= LIMIT && pending.lost > 0);
        drop((pending, gate));
        output.end();
        assert!(!lock(&reader.taken).is_empty());
    }
}
