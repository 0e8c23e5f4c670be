//! Whether a Redis that a test started is there.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::Child,
    thread::sleep,
    time::{Duration, Instant},
};

/// Waits until this process answers at this port; false when it has ended, because somebody else was faster there.
pub(crate) fn answers(process: &mut Child, port: u16) -> bool {
    let begun = Instant::now();
    loop {
        if process.try_wait().expect("a process of ours").is_some() {
            return false;
        }
        // Whoever listens there need not be the one that was started.
        let own = format!("process_id:{}\r\n", process.id());
        if ask_who(port).is_ok_and(|answer| answer.contains(&own)) {
            return true;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "Redis answers within a minute"
        );
        sleep(Duration::from_millis(10));
    }
}

fn ask_who(port: u16) -> io::Result<String> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.write_all(b"INFO server\r\nQUIT\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}
