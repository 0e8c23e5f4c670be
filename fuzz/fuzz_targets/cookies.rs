//! Whatever stands in the cookies, a visitor has the session whose id was sent, or none.
#![no_main]

use acton_fuzz::{NOBODY, VISITOR, whole};
use axum_core::body::Body;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Request, StatusCode, header};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};

#[derive(Arbitrary, Debug)]
enum Line<'a> {
    Any(&'a [u8]),
    Named(&'a [u8]),
    Around(&'a [u8], &'a [u8]),
}

impl Line<'_> {
    fn bytes(&self) -> Vec<u8> {
        let id = VISITOR.id.as_bytes();
        match self {
            Self::Any(bytes) => bytes.to_vec(),
            Self::Named(value) => [b"id=", *value].concat(),
            Self::Around(before, after) => [*before, b"id=", id, *after].concat(),
        }
    }
}

fuzz_target!(|lines: Vec<Line<'_>>| {
    let mut request = Request::get("/read");
    let mut sent = Vec::new();
    for line in &lines {
        let line = line.bytes();
        if let Ok(value) = HeaderValue::from_bytes(&line) {
            request = request.header(header::COOKIE, value);
            sent.push(line);
        }
    }
    let request = request.body(Body::empty()).expect("a request");
    let answer = VISITOR.send(request);
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!answer.headers().contains_key(header::SET_COOKIE));
    let body = whole(answer);
    let expected = match first_id(&sent) {
        Some(id) if id == VISITOR.id.as_bytes() => b"visitor".as_slice(),
        _ => NOBODY,
    };
    assert_eq!(body, expected, "{lines:?}");
});

/// The first value under the name that is an id at all: 16 bytes in base64url.
///
/// Reference: <https://www.rfc-editor.org/rfc/rfc6265#section-4.2.1>
fn first_id(lines: &[Vec<u8>]) -> Option<Vec<u8>> {
    let pairs = lines
        .iter()
        .flat_map(|line| line.split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(b"id="));
    let is_id = |value: &&[u8]| URL_SAFE_NO_PAD.decode(value).is_ok_and(|id| id.len() == 16);
    values.find(is_id).map(<[u8]>::to_vec)
}
