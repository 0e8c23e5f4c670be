//! Requests that a proxy in front may take for something else.

use tokio::io::AsyncWriteExt;

use crate::running::{EVERY, read, start, start_over, status};

#[tokio::test]
async fn requests_that_are_unclear_about_their_host_are_refused() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        for head in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
            "GET http://b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.test/path\r\n\r\n",
        ] {
            assert_eq!(status(&service.send(head).await), "400", "{head}");
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn a_refused_request_is_answered_with_careful_headers() {
    let service = start(|_| {});
    let answer = service.send("GET / HTTP/1.1\r\n\r\n").await;
    assert!(
        answer.contains("x-content-type-options: nosniff"),
        "{answer}"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_body_with_two_lengths_is_refused_and_nothing_after_it_is_read() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
        for head in [
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\ntransfer-encoding: chunked\r\ncontent-length : 5\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nX: y HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip\r\n\r\n",
            // Only the last coding is chunked, or there are too many.
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: xchunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            let answer = service.send(&format!("{head}{smuggled}")).await;
            assert_eq!(status(&answer), "400", "{over:?}: {head}");
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn a_chunked_body_is_fine() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        let chunked = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let answer = service.send(chunked).await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"),
            "{answer}"
        );
        service.stop().await;
    }
}

#[tokio::test]
async fn a_chunked_body_may_speak_of_lengths() {
    let service = start(|_| {});
    let body = "\r\nContent-Length: 5\r\n\r\n";
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    assert_eq!(status(&service.send(&chunked).await), "200");
    service.stop().await;
}

#[tokio::test]
async fn a_head_that_others_may_read_otherwise_is_refused_and_nothing_after_it_is_read() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    for over in EVERY {
        let service = start_over(*over, |_| {});
        for head in [
            // Lines that end in a newline alone.
            "GET / HTTP/1.1\nHost: a.test\n\n",
            "GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.test\r\nQ: y HTTP/1.1\r\nX: y\nZ: w\r\n\r\n",
            "GET / HTTP/1.1\r\nX: y\nTransfer-Encoding: chunked\r\nHost: a.test\r\n\r\n0\r\n\r\n",
            // A space before the colon.
            "GET / HTTP/1.1\r\nHost : a.test\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            // A line folded onto the next.
            "GET / HTTP/1.1\r\nHost: a.test\r\nX: y\r\n z\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a.test\r\n\r\n",
            // Lengths that are none.
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: +5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5, 5\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            // Bytes that no header holds.
            "GET / HTTP/1.1\r\nHost: a.test\r\nX: \0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.test\r\nX: a\rb\r\n\r\n",
            "GARBAGE\r\n\r\n",
        ] {
            let answer = service.send(&format!("{head}{smuggled}")).await;
            assert_eq!(status(&answer), "400", "{over:?}: {head:?}");
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{head:?}: {answer}");
            assert!(
                answer.contains("\r\nconnection: close\r\n"),
                "{head:?}: {answer}"
            );
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn a_body_hides_nothing_of_the_head_behind_it() {
    let service = start(|_| {});
    let fake = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\nPOST / HTTP/1.1\r\n";
    let length = fake.len();
    let unclear = "GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n";
    for (length, body) in [
        (format!("Content-Length: {length}"), fake.to_owned()),
        (
            "Transfer-Encoding: chunked".to_owned(),
            format!("{length:x};a=b\r\n{fake}\r\n0\r\na: b\r\n\r\n"),
        ),
    ] {
        let first = format!("POST / HTTP/1.1\r\nHost: a.test\r\n{length}\r\n\r\n{body}");
        let mut stream = service.begin(&format!("{first}{first}")).await;
        for byte in format!("{first}{unclear}").bytes() {
            stream.write_all(&[byte]).await.unwrap();
        }
        let answers = read(&mut stream).await;
        assert_eq!(answers.matches("HTTP/1.1 200").count(), 3, "{answers}");
        assert_eq!(answers.matches("HTTP/1.1 400").count(), 1, "{answers}");
    }
    service.stop().await;
}

#[tokio::test]
async fn a_request_for_another_protocol_does_not_end_the_care() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        for unclear in [
            "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.test\nX: y\r\n\r\n",
        ] {
            let mut stream = service
                .begin("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
                .await;
            assert_eq!(status(&read(&mut stream).await), "200");
            let clear = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
            for (next, expected) in [(clear, "200"), (unclear, "400")] {
                stream.write_all(next.as_bytes()).await.unwrap();
                let answer = read(&mut stream).await;
                assert_eq!(status(&answer), expected, "{over:?}: {next:?}");
            }
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn a_chunk_that_others_may_read_otherwise_ends_the_connection() {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n";
    let service = start(|_| {});
    for chunks in [
        "5\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
    ] {
        let head = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = service.send(&format!("{head}{chunks}{smuggled}")).await;
        assert_eq!(status(&answer), "400", "{chunks:?}");
        assert_eq!(
            answer.matches("HTTP/1.1").count(),
            1,
            "{chunks:?}: {answer}"
        );
    }
    service.stop().await;
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_as_everything_else_is() {
    for over in EVERY {
        let service = start_over(*over, |_| {});
        let long = "x".repeat(70_000);
        for (head, expected) in [
            ("GARBAGE\r\n\r\n".to_owned(), "400"),
            (
                format!("GET /{long} HTTP/1.1\r\nHost: a.test\r\n\r\n"),
                "414",
            ),
            (format!("GET / HTTP/1.1\r\nX: {long}{long}\r\n\r\n"), "431"),
            (
                format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(150)),
                "431",
            ),
        ] {
            for earlier in ["", "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"] {
                let answers = service.send(&format!("{earlier}{head}")).await;
                let at = answers.rfind("HTTP/1.1 ").unwrap();
                let (before, answer) = answers.split_at(at);
                assert_eq!(before.contains("hello"), !earlier.is_empty(), "{answers}");
                assert_eq!(status(answer), expected, "{over:?}: {answer}");
                for line in [
                    "x-content-type-options: nosniff",
                    "x-request-id: ",
                    "connection: close",
                ] {
                    assert_eq!(answer.matches(line).count(), 1, "{line}: {answer}");
                }
                let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                let length = format!("content-length: {}", body.len());
                assert!(head.contains(&length), "{answer}");
            }
        }
        service.stop().await;
    }
}
