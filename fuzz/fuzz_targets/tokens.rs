//! A token is accepted when it spells the secret of the session, and never else.
#![no_main]

use acton_fuzz::VISITOR;
use axum_core::body::Body;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Request, StatusCode, header};
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};

#[derive(Arbitrary, Debug)]
enum Token<'a> {
    Any(&'a [u8]),
    /// Encoded as ours are.
    Encoded(&'a [u8]),
    /// Another spelling of the same secret.
    Masked([u8; 32]),
    /// A good one with one byte changed.
    Damaged(u8, u8),
}

impl Token<'_> {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Any(bytes) => bytes.to_vec(),
            Self::Encoded(bytes) => URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
            Self::Masked(mask) => {
                let masked = xor(mask, &secret(VISITOR.token.as_bytes()).expect("a token"));
                let token = [mask.as_slice(), &masked].concat();
                URL_SAFE_NO_PAD.encode(token).into_bytes()
            }
            Self::Damaged(place, byte) => {
                let mut token = VISITOR.token.clone().into_bytes();
                let place = usize::from(*place) % token.len();
                token[place] = *byte;
                token
            }
        }
    }
}

fuzz_target!(|tokens: Vec<Token<'_>>| {
    let mut request = Request::post("/echo").header(header::COOKIE, format!("id={}", VISITOR.id));
    let mut sent = Vec::new();
    for token in &tokens {
        let token = token.bytes();
        if let Ok(value) = HeaderValue::from_bytes(&token) {
            request = request.header("x-csrf-token", value);
            sent.push(token);
        }
    }
    let answer = VISITOR.send(request.body(Body::empty()).expect("a request"));
    let ours = secret(VISITOR.token.as_bytes());
    let is_good = matches!(sent.as_slice(), [token] if secret(token) == ours);
    let expected = if is_good {
        StatusCode::OK
    } else {
        StatusCode::FORBIDDEN
    };
    assert_eq!(answer.status(), expected, "{tokens:?}");
});

/// What a token spells, if it is one.
fn secret(token: &[u8]) -> Option<Vec<u8>> {
    let decoded = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (mask, masked) = decoded.split_at_checked(32)?;
    (masked.len() == 32).then(|| xor(mask, masked))
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter()
        .zip(right)
        .map(|(left, right)| left ^ right)
        .collect()
}
