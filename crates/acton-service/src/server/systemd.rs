//! Tells systemd how the service is, if systemd asked: `Type=notify` and `WatchdogSec=`.
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use std::{env, io, os::unix::net::UnixDatagram, time::Duration};

use tokio_util::task::AbortOnDropHandle;

/// The service listens and answers.
pub(super) fn ready() {
    tell("READY=1");
}

/// The service has begun to end.
pub(super) fn stopping() {
    tell("STOPPING=1");
}

/// Gives signs of life, twice as often as systemd asks for, until the handle is dropped.
///
/// They come from the runtime that answers requests: where it is stuck, they stop.
pub(super) fn watchdog() -> Option<AbortOnDropHandle<()>> {
    let every = asked_for(
        &env::var("WATCHDOG_USEC").ok()?,
        env::var("WATCHDOG_PID").ok().as_deref(),
    )? / 2;
    Some(AbortOnDropHandle::new(tokio::spawn(async move {
        let mut ticks = tokio::time::interval(every);
        loop {
            ticks.tick().await;
            tell("WATCHDOG=1");
        }
    })))
}

/// How often systemd wants to hear from this process.
fn asked_for(micros: &str, process: Option<&str>) -> Option<Duration> {
    let is_for_us = process.is_none_or(|process| process == std::process::id().to_string());
    let micros = micros.parse().ok().filter(|micros| *micros > 1)?;
    is_for_us.then_some(Duration::from_micros(micros))
}

fn tell(state: &str) {
    let Some(place) = env::var_os("NOTIFY_SOCKET").filter(|place| !place.is_empty()) else {
        return;
    };
    if let Err(error) = send(state, place.as_encoded_bytes()) {
        tracing::warn!(%error, "systemd could not be told {state}");
    }
}

/// `@` stands for the NUL byte of an abstract name, which is no file.
fn send(state: &str, place: &[u8]) -> io::Result<()> {
    use std::os::unix::{ffi::OsStrExt, net::SocketAddr};

    let address = match place.strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name)?
        }
        #[cfg(not(target_os = "linux"))]
        Some(_) => return Err(io::ErrorKind::Unsupported.into()),
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(place))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_process_that_is_meant_gives_signs_of_life() {
        let own = std::process::id().to_string();
        let second = Some(Duration::from_secs(1));
        assert_eq!(asked_for("1000000", None), second);
        assert_eq!(asked_for("1000000", Some(&own)), second);
        assert_eq!(asked_for("1000000", Some("0")), None);
        for nonsense in ["", "0", "1", "-1", "soon"] {
            assert_eq!(asked_for(nonsense, None), None, "{nonsense}");
        }
    }
}
