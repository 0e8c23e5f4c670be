//! Event streams after their heads, over everything that carries bytes.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use crate::running::{EVERY, start, start_over, status};

#[tokio::test]
async fn an_open_event_stream_ends_cleanly_and_does_not_hold_the_end_up() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        let mut stream = service.connect().await;
        stream
            .write_all(b"GET /events HTTP/1.1\r\nHost: a.test\r\n\r\n")
            .await
            .unwrap();
        let reader = tokio::spawn(async move {
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            text
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(service.stop().await < Duration::from_secs(2));
        let text = reader.await.unwrap();
        assert!(text.contains("data: first"), "{text}");
        assert!(
            text.ends_with("\r\n0\r\n\r\n"),
            "the stream was cut off: {text:?}"
        );
    }
}

#[tokio::test]
async fn a_long_event_stream_reaches_a_slow_reader_whole() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        let mut stream = service.connect().await;
        let request = b"GET /long HTTP/1.1\r\nHost: a.test\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut text = Vec::new();
        let mut buffer = vec![0; 100_000];
        while !text.ends_with(b"\r\n0\r\n\r\n") {
            let read = timeout(Duration::from_secs(10), stream.read(&mut buffer));
            match read.await.unwrap().unwrap() {
                0 => panic!("the stream was cut off"),
                count => text.extend_from_slice(&buffer[..count]),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let text = String::from_utf8(text).unwrap();
        let (head, chunks) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("\r\nconnection: close"), "{head}");
        let events: Vec<String> = unchunked(chunks)
            .split_terminator("\n\n")
            .map(|event| event.strip_prefix("data: ").unwrap().to_owned())
            .collect();
        assert_eq!(events.len(), 1_000);
        for (number, data) in events.iter().enumerate() {
            assert!(*data == number.to_string().repeat(2_000), "event {number}");
        }
        service.stop().await;
    }
}

/// <https://www.rfc-editor.org/rfc/rfc9112#section-7.1>
fn unchunked(mut rest: &str) -> String {
    let mut text = String::new();
    while let Some((size, data)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        text.push_str(&data[..size]);
        rest = data[size..].strip_prefix("\r\n").unwrap();
    }
    text
}

#[tokio::test]
async fn an_event_stream_comes_after_the_answers_to_what_was_asked_before() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        let page = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
        let both = format!("{page}GET /events HTTP/1.1\r\nHost: a.test\r\n\r\n{page}");
        let answers = service.send(&both).await;
        let (first, second) = answers.split_once("hello").unwrap();
        assert_eq!(status(first), "200");
        assert!(second.starts_with("HTTP/1.1 200 OK\r\n"), "{second}");
        assert!(second.contains("\r\ncontent-type: text/event-stream\r\n"));
        assert!(
            second.ends_with("\r\n\r\nd\r\ndata: first\n\n\r\n"),
            "{second}"
        );
        service.stop().await;
    }
}

#[tokio::test]
async fn an_event_stream_has_no_chunks_in_an_older_http() {
    let service = start(|_| {});
    let answer = service
        .send("GET /events HTTP/1.0\r\nHost: a.test\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\ndata: first\n\n"), "{answer}");
    service.stop().await;
}
