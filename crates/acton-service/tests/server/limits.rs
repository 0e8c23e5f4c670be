//! How long the service waits, and for how much.

use std::{sync::atomic::Ordering, time::Duration};

use acton_service::Config;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout},
};

use crate::running::{EVERY, HEARD, LARGE, WAITING, closed, read, start, start_over, status};

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let service = start(|_| {});
    let twice = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    assert_eq!(
        service.send(twice).await.matches("HTTP/1.1 200 OK").count(),
        2
    );
    service.stop().await;
}

#[tokio::test]
async fn a_handler_ends_when_its_client_leaves() {
    let count = async |expected| {
        let reached = async {
            while WAITING.load(Ordering::Relaxed) != expected {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let reached = timeout(Duration::from_secs(10), reached).await;
        reached.unwrap_or_else(|_| panic!("not {expected} handlers"));
    };
    let get = "GET /waits HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let post = "POST /waits HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
    for over in EVERY {
        let service = start_over(*over, |_| {});
        for request in [get, post] {
            let stream = service.begin(request).await;
            count(1).await;
            drop(stream);
            count(0).await;
            // It says that it sends no more, as browsers do that are closed.
            let mut stream = service.begin(request).await;
            count(1).await;
            stream.shutdown().await.unwrap();
            count(0).await;
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn who_asks_and_sends_no_more_is_answered() {
    let service = start(|_| {});
    let mut stream = service
        .begin("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await;
    stream.shutdown().await.unwrap();
    assert_eq!(status(&read(&mut stream).await), "200");
    service.stop().await;
}

#[tokio::test]
async fn a_head_that_begins_during_an_answer_has_a_time_of_its_own() {
    let moment = Duration::from_millis(200);
    for over in EVERY {
        let limit = |config: &mut Config| config.limits.header_timeout = 2 * moment;
        let service = start_over(*over, limit);
        let mut stream = service.connect().await;
        tokio::time::sleep(moment).await;
        let ask = |path| format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n");
        stream.write_all(ask("/slow").as_bytes()).await.unwrap();
        tokio::time::sleep(moment).await;
        let next = ask("/");
        let (next, rest) = next.as_bytes().split_at(10);
        stream.write_all(next).await.unwrap();
        let mut answer = vec![0; 1024];
        let count = stream.read(&mut answer).await.unwrap();
        assert_eq!(status(&String::from_utf8_lossy(&answer[..count])), "200");
        tokio::time::sleep(moment).await;
        stream.write_all(rest).await.unwrap();
        assert_eq!(status(&read(&mut stream).await), "200", "{over:?}");
        service.stop().await;
    }
}

#[tokio::test]
async fn another_protocol_loses_nothing_when_one_side_closes() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        let mut stream = service
            .begin("GET /falls-silent HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: silence\r\n\r\n")
            .await;
        let mut answer = [0; 1024];
        let count = stream.read(&mut answer).await.unwrap();
        assert_eq!(status(&String::from_utf8_lossy(&answer[..count])), "101");
        stream.write_all(&[b'x'; 50_000]).await.unwrap();
        assert_eq!(stream.read(&mut answer).await.unwrap(), 0);
        let before = HEARD.load(Ordering::Relaxed);
        stream.shutdown().await.unwrap();
        let heard = async {
            while HEARD.load(Ordering::Relaxed) == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), heard).await.unwrap();
        assert_eq!(HEARD.load(Ordering::Relaxed) - before, 50_000, "{over:?}");
        service.stop().await;
    }
}

#[tokio::test]
async fn an_answer_is_whole_although_more_came_than_was_asked_for() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        let mut stream = service
            .begin("GET /large HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
            .await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        for more in ["more", "and more"] {
            stream.write_all(more.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let mut answer = Vec::new();
        let mut space = vec![0; 1024 * 1024];
        loop {
            // A reader that takes its time, so that the end is still to be sent when the server closes.
            tokio::time::sleep(Duration::from_millis(5)).await;
            match stream.read(&mut space).await {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(&space[..count]),
                Err(error) => panic!("{over:?}: {error}"),
            }
            if answer.len() > LARGE {
                stream.shutdown().await.unwrap();
            }
        }
        let head = answer
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .unwrap()
            + 4;
        assert_eq!(answer.len() - head, LARGE, "{over:?}");
        service.stop().await;
    }
}

#[tokio::test]
async fn half_a_head_is_not_waited_for() {
    for over in EVERY {
        let limit = |config: &mut Config| config.limits.header_timeout = Duration::from_millis(300);
        let service = start_over(*over, limit);
        for half in [
            "",
            "P",
            "PRI * HTTP/2.0\r\n\r\nSM",
            "GET / HTTP/1.1\r\nHost: a.te",
        ] {
            let mut stream = service.begin(half).await;
            let took = closed(&mut stream).await;
            assert!(
                took < Duration::from_secs(2),
                "{over:?}, {half:?}: {took:?}"
            );
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn a_head_that_drips_in_is_not_waited_for_either() {
    let service = start(|config| config.limits.header_timeout = Duration::from_millis(300));
    let mut stream = service.connect().await;
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(status(&read(&mut stream).await), "200");
    let begun = Instant::now();
    while stream.write_all(b"G").await.is_ok() && begun.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    service.stop().await;
}

#[tokio::test]
async fn half_a_head_behind_a_body_is_not_waited_for() {
    for over in EVERY {
        let limit = |config: &mut Config| config.limits.header_timeout = Duration::from_millis(300);
        let service = start_over(*over, limit);
        let chunks = "5\r\nhello\r\n0\r\n\r\n";
        for (method, length, body) in [
            ("POST", "Content-Length: 5", "hello"),
            ("POST", "Transfer-Encoding: chunked", chunks),
            // The handler does not read it.
            ("GET", "Content-Length: 5", "hello"),
            ("GET", "Transfer-Encoding: chunked", chunks),
        ] {
            let request = format!("{method} / HTTP/1.1\r\nHost: a.test\r\n{length}\r\n\r\n{body}");
            let mut stream = service.begin(&request.repeat(2)).await;
            let answers = read(&mut stream).await;
            assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
            stream.write_all(b"GET / HT").await.unwrap();
            let took = closed(&mut stream).await;
            assert!(took < Duration::from_secs(2), "{over:?}, {request:?}");
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn another_protocol_takes_its_time_once_it_is_spoken() {
    for over in EVERY {
        let limit = |config: &mut Config| config.limits.header_timeout = Duration::from_millis(200);
        let service = start_over(*over, limit);
        let ask =
            "GET /echo HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
        let tunnel = "CONNECT /tunnel HTTP/1.1\r\nHost: a.test\r\n\r\n";
        for (ask, expected) in [(ask, "101"), (tunnel, "200")] {
            let mut stream = service.begin(ask).await;
            assert_eq!(status(&read(&mut stream).await), expected);
            for _ in 0..2 {
                stream.write_all(b"GET / HT").await.unwrap();
                assert_eq!(read(&mut stream).await, "GET / HT", "{over:?}, {ask:?}");
            }
        }

        // To ask for it is not enough.
        let mut stream = service.begin(&ask.replace("/echo", "/")).await;
        assert_eq!(status(&read(&mut stream).await), "200");
        stream.write_all(b"GET / HT").await.unwrap();
        assert!(closed(&mut stream).await < Duration::from_secs(2));
        drop(stream);
        service.stop().await;
    }
}

#[tokio::test]
async fn a_connection_without_any_request_is_closed() {
    let service = start(|config| config.limits.header_timeout = Duration::from_millis(300));
    let mut stream = service.connect().await;
    let closed = timeout(Duration::from_secs(3), stream.read(&mut [0; 1]))
        .await
        .unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)));
    service.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_kept_longer_than_half_a_head() {
    let service = start(|config| {
        config.limits.header_timeout = Duration::from_millis(200);
        config.limits.keep_alive = Duration::from_millis(1500);
    });
    let mut stream = service.connect().await;
    for _ in 0..2 {
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(status(&read(&mut stream).await), "200");
    }
    let closed = timeout(Duration::from_secs(5), stream.read(&mut [0; 1]))
        .await
        .unwrap();
    assert!(matches!(closed, Ok(0)));
    service.stop().await;
}

#[tokio::test]
async fn a_slow_handler_and_a_quiet_stream_are_neither_half_a_head_nor_idle() {
    let service = start(|config| {
        config.limits.header_timeout = Duration::from_millis(200);
        config.limits.keep_alive = Duration::from_millis(200);
    });
    let answer = service
        .send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await;
    assert_eq!(
        answer, "",
        "the test reads for half a second, the handler takes longer"
    );
    let mut stream = service.connect().await;
    stream
        .write_all(b"GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(status(&read(&mut stream).await), "200");
    service.stop().await;
}

#[tokio::test]
async fn a_slow_download_is_not_idle() {
    let service = start(|config| config.limits.keep_alive = Duration::from_millis(200));
    let mut stream = service.connect().await;
    let request = b"GET /large HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let (mut taken, mut space) = (0, vec![0; 128 * 1024]);
    loop {
        let count = timeout(Duration::from_secs(10), stream.read(&mut space)).await;
        match count.unwrap().unwrap() {
            0 => break,
            count => taken += count,
        }
        // Much slower at first than the connection may be idle.
        if taken < 2 * 1024 * 1024 {
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }
    assert!(taken > LARGE, "{taken}");
    service.stop().await;
}

#[tokio::test]
async fn an_overlong_head_is_answered_431() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        for (length, expected) in [(100_000, "200"), (140_000, "431"), (1_000_000, "431")] {
            let value = "x".repeat(length);
            let head = format!("GET / HTTP/1.1\r\nHost: a.test\r\nX: {value}\r\n\r\n");
            let answer = service.send(&head).await;
            assert_eq!(status(&answer), expected, "{over:?}: {length}");
        }
        service.stop().await;
    }
}
