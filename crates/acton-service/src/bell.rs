//! Wakes a task as a request wakes the task of its connection.
//!
//! The runtime asks the system now and then for what came over its sockets, seldom while tasks keep it busy. Whom a thread
//! wakes by itself overtakes all of that; whom it wakes over a socket waits as long as requests do.

#[cfg(unix)]
mod over {
    use std::{
        io::{self, Write},
        os::unix::net::UnixStream as Sender,
    };

    use tokio::net::UnixStream;

    #[derive(Debug)]
    pub(crate) struct Rope(Sender);

    #[derive(Debug)]
    pub(crate) struct Ear(UnixStream);

    pub(crate) fn pair() -> io::Result<(Rope, Ear)> {
        let (rope, ear) = Sender::pair()?;
        ear.set_nonblocking(true)?;
        Ok((Rope(rope), Ear(UnixStream::from_std(ear)?)))
    }

    impl Rope {
        pub(crate) fn pull(&mut self) -> io::Result<()> {
            self.0.write_all(&[0])
        }
    }

    impl Ear {
        pub(crate) async fn heard(&mut self) -> io::Result<()> {
            loop {
                self.0.readable().await?;
                match self.0.try_read(&mut [0; 64]) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return result.map(|_| ()),
                }
            }
        }
    }
}

#[cfg(not(unix))]
mod over {
    use std::{io, sync::Arc};

    use tokio::sync::Notify;

    #[derive(Debug)]
    pub(crate) struct Rope(Arc<Notify>);

    #[derive(Debug)]
    pub(crate) struct Ear(Arc<Notify>);

    pub(crate) fn pair() -> io::Result<(Rope, Ear)> {
        let bell = Arc::new(Notify::new());
        Ok((Rope(Arc::clone(&bell)), Ear(bell)))
    }

    impl Rope {
        pub(crate) fn pull(&mut self) -> io::Result<()> {
            self.0.notify_one();
            Ok(())
        }
    }

    impl Ear {
        pub(crate) async fn heard(&mut self) -> io::Result<()> {
            self.0.notified().await;
            Ok(())
        }
    }
}

/// A bell: whoever pulls the rope, from any thread, is heard by the ear, in a task. Hung up inside a runtime.
pub(crate) use over::{Rope, pair};

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn each_ring_is_heard_and_nothing_else() {
        let (mut rope, mut ear) = pair().unwrap();
        for _ in 0..3 {
            let quiet = timeout(Duration::from_millis(20), ear.heard()).await;
            assert!(quiet.is_err());
            let pulled = thread::spawn(move || {
                rope.pull().unwrap();
                rope
            });
            timeout(Duration::from_secs(10), ear.heard())
                .await
                .unwrap()
                .unwrap();
            rope = pulled.join().unwrap();
        }
    }
}
