//! Request bodies that do not come.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::running::{EVERY, await_answer, closed, read, start, start_over, status};

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
const TEN: &str = "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n";

#[tokio::test]
async fn an_upload_that_stalls_is_answered_408_and_closed() {
    for over in EVERY {
        let limit = |config: &mut acton_service::Config| {
            config.limits.body_timeout = Duration::from_millis(300);
        };
        let service = start_over(*over, limit);
        for half in [
            format!("{TEN}half"),
            TEN.to_owned(),
            format!("{CHUNKED}5\r\nhe"),
        ] {
            let mut stream = service.begin(&half).await;
            let answer = read(&mut stream).await;
            assert_eq!(status(&answer), "408", "{over:?}: {half:?}");
            assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
            assert!(answer.contains("\r\nx-request-id: "), "{answer}");
            assert!(closed(&mut stream).await < Duration::from_secs(4));
        }
        service.stop().await;
    }
}

#[tokio::test]
async fn an_upload_that_goes_on_slowly_is_waited_for() {
    let service = start(|config| config.limits.body_timeout = Duration::from_millis(500));
    let mut stream = service.begin(TEN).await;
    for byte in b"slow bytes" {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all(&[*byte]).await.unwrap();
    }
    let answer = read(&mut stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("slow bytes"),
        "{answer}"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_request_that_is_late_because_of_its_upload_is_answered_408() {
    let service = start(|config| config.limits.request_timeout = Duration::from_millis(300));
    for (request, expected, why) in [
        (&format!("{TEN}half")[..], "408", "the upload"),
        (
            "GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n",
            "503",
            "the handler",
        ),
    ] {
        let answer = await_answer(&mut service.begin(request).await).await;
        assert_eq!(status(&answer), expected, "{why}");
    }
    service.stop().await;
}
