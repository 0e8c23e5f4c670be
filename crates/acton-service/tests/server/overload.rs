//! More connections than there are places.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, time::Instant};

use crate::running::{EVERY, closed, read, start, start_over, status};

const PAGE: &str = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

#[tokio::test]
async fn without_a_place_health_is_answered_and_everything_else_is_refused_at_once() {
    for over in EVERY {
        let service = start_over(*over, |config| config.limits.connections = 1);
        let mut first = service.begin(PAGE).await;
        assert_eq!(status(&read(&mut first).await), "200");

        let begun = Instant::now();
        let mut second = service.begin(PAGE).await;
        let mut byte = [0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut second, &mut byte)
            .await
            .unwrap();
        assert!(begun.elapsed() < Duration::from_millis(500));
        assert_eq!(byte, *b"HTTP/1.1 503", "{over:?}");
        let rest = read(&mut second).await;
        for line in [
            "retry-after: 1",
            "connection: close",
            "x-content-type-options: nosniff",
        ] {
            assert!(rest.contains(&format!("\r\n{line}\r\n")), "{line}: {rest}");
        }

        let mut probes = vec!["/health", "/ready"];
        if cfg!(feature = "metrics") {
            probes.push("/metrics");
        }
        for probe in probes {
            let answer = service
                .send(&PAGE.replace("/ ", &format!("{probe} ")))
                .await;
            assert_eq!(status(&answer), "200", "{over:?}: {probe}");
            assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        }

        drop(first);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(status(&service.send(PAGE).await), "200", "{over:?}");
        service.stop().await;
    }
}

#[tokio::test]
async fn the_reserve_is_not_held_by_who_asks_for_nothing() {
    let service = start(|config| config.limits.connections = 1);
    let mut first = service.begin(PAGE).await;
    assert_eq!(status(&read(&mut first).await), "200");
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(service.connect().await);
    }
    let health = "GET /health HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let mut probe = service.begin(health).await;
    assert_eq!(
        status(&read(&mut probe).await),
        "none",
        "the reserve is used up"
    );
    assert!(closed(&mut silent[0]).await < Duration::from_secs(4));
    assert_eq!(status(&read(&mut probe).await), "200");
    first.shutdown().await.unwrap();
    service.stop().await;
}

#[tokio::test]
async fn an_event_stream_keeps_its_place() {
    let service = start(|config| config.limits.connections = 1);
    let mut stream = service.begin(&PAGE.replace("/ ", "/events ")).await;
    assert_eq!(status(&read(&mut stream).await), "200");
    assert_eq!(status(&service.send(PAGE).await), "503");
    drop(stream);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(status(&service.send(PAGE).await), "200");
    service.stop().await;
}
