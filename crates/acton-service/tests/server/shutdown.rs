//! The end, and who is in the middle of something.

use std::time::Duration;

use acton_service::Config;
use tokio::io::AsyncWriteExt;

use crate::frames::{END_HEADERS, END_STREAM, HEADERS, Raw, get};
use crate::running::{EVERY, read, start, start_over, status};

#[tokio::test]
async fn a_request_in_flight_is_finished_and_readiness_is_gone_at_once() {
    let service = start(|config| config.shutdown.delay = Some(Duration::from_millis(300)));
    let mut stream = service.connect().await;
    stream
        .write_all(b"GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await
        .unwrap();
    let mut probe = service.connect().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopping = tokio::spawn(service.stop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    probe
        .write_all(b"GET /ready HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(status(&read(&mut probe).await), "503");
    let answer = read(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"),
        "{answer}"
    );
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_off_at_the_deadline() {
    for over in EVERY {
        let limit = |config: &mut Config| config.shutdown.grace = Duration::from_millis(500);
        let service = start_over(*over, limit);
        let flood = "GET /flood HTTP/1.1\r\nHost: a.test\r\n\r\n";
        let stream = service.begin(flood).await;
        let mut raw = Raw::begin(&service).await;
        raw.send(
            HEADERS,
            END_STREAM | END_HEADERS,
            1,
            &get("/flood", "a.test"),
        )
        .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let took = service.stop().await;
        assert!(took < Duration::from_secs(2), "{over:?}: {took:?}");
        drop((stream, raw));
    }
}

#[tokio::test]
async fn half_an_upload_does_not_hold_the_end_up() {
    for over in EVERY {
        let limit = |config: &mut Config| config.shutdown.grace = Duration::from_millis(500);
        let service = start_over(*over, limit);
        let half = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhalf";
        let stream = service.begin(half).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let took = service.stop().await;
        assert!(took < Duration::from_secs(2), "{over:?}: {took:?}");
        drop(stream);
    }
}

#[tokio::test]
async fn who_waits_in_the_queue_at_the_end_is_answered() {
    let service = start(|config| config.limits.connections = 1);
    // The one place, and the whole reserve.
    let page = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let mut held = vec![service.begin(page).await];
    assert_eq!(status(&read(&mut held[0]).await), "200");
    for _ in 0..8 {
        held.push(service.connect().await);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut queued = Vec::new();
    for _ in 0..20 {
        queued.push(service.begin(page).await);
    }
    let stopping = tokio::spawn(service.stop());
    for stream in &mut queued {
        let answer = read(stream).await;
        assert!(["200", "503"].contains(&status(&answer)), "{answer:?}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    assert!(stopping.await.unwrap() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_connection_without_any_request_does_not_hold_the_end_up() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        let stream = service.connect().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let took = service.stop().await;
        assert!(took < Duration::from_secs(2), "{over:?}: {took:?}");
        drop(stream);
    }
}
