//! A log of its own for a test.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::{Level, Subscriber};

/// What was logged for as long as [`Written::subscriber`] listened.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// Listens to this level and those above.
    pub(crate) fn subscriber(&self, level: Level) -> impl Subscriber + Send + Sync + use<> {
        let written = self.clone();
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || written.clone())
            .finish()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
