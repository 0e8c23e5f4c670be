//! Bearer tokens.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::browser::Answer;
use crate::fixture::Fixture;
use crate::place::Place;

on_both_stores![
    a_valid_token_is_accepted,
    every_other_token_is_refused,
    a_token_signed_with_the_public_key_is_refused,
    without_a_configured_key_every_token_is_refused,
];

const SECRET: &str = "a secret of at least thirty-two bytes";

fn start(place: &Place) -> Fixture {
    place.with(&[
        ("ACTON_JWT__ALGORITHM", "HS256"),
        ("ACTON_JWT__SECRET", SECRET),
        ("ACTON_JWT__ISSUER", "https://issuer.example"),
        ("ACTON_JWT__AUDIENCE", "board"),
    ])
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn claims() -> Value {
    json!({"sub": "alice", "exp": now() + 600, "iss": "https://issuer.example", "aud": "board"})
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn without(key: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(key);
    claims
}

fn signed(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
    encode(
        &Header::new(algorithm),
        claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap()
}

async fn me(fixture: &Fixture, token: &str) -> Answer {
    let browser = fixture.browser();
    browser
        .get("/api/v1/me")
        .header("authorization", format!("Bearer {token}"))
        .send()
        .await
}

async fn a_valid_token_is_accepted(place: Place) {
    let answer = me(&start(&place), &signed(Algorithm::HS256, SECRET, &claims())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("alice"));
}

async fn every_other_token_is_refused(place: Place) {
    let fixture = start(&place);
    let good = signed(Algorithm::HS256, SECRET, &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let altered = signed(Algorithm::HS256, SECRET, &with("sub", json!("bob")));
    let altered = altered.split('.').nth(1).unwrap();
    let hs256 = |claims: Value| signed(Algorithm::HS256, SECRET, &claims);
    let unsigned = |header: &str| format!("{}.{}.", base64url(header), parts[1]);
    for (what, token) in [
        ("alg none", unsigned(r#"{"alg":"none","typ":"JWT"}"#)),
        ("alg NONE", unsigned(r#"{"alg":"NONE","typ":"JWT"}"#)),
        ("alg nOnE", unsigned(r#"{"alg":"nOnE","typ":"JWT"}"#)),
        (
            "another algorithm",
            signed(Algorithm::HS512, SECRET, &claims()),
        ),
        (
            "another key",
            signed(
                Algorithm::HS256,
                "another secret of thirty-two bytes or so",
                &claims(),
            ),
        ),
        (
            "an altered payload",
            format!("{}.{altered}.{}", parts[0], parts[2]),
        ),
        ("expired", hs256(with("exp", json!(now() - 600)))),
        ("exp as text", hs256(with("exp", json!("9999999999")))),
        ("not yet valid", hs256(with("nbf", json!(now() + 600)))),
        (
            "another issuer",
            hs256(with("iss", json!("https://evil.test"))),
        ),
        ("another audience", hs256(with("aud", json!("mail")))),
        ("no exp", hs256(without("exp"))),
        ("no iss", hs256(without("iss"))),
        ("no aud", hs256(without("aud"))),
        ("nothing", String::new()),
        ("nonsense", "a.b.c".to_owned()),
    ] {
        let answer = me(&fixture, &token).await;
        assert_eq!(answer.status, 401, "{what}");
        let challenge = answer
            .header("www-authenticate")
            .unwrap_or_else(|| panic!("{what} has no challenge"));
        assert!(challenge.starts_with("Bearer"), "{what}: {challenge}");
        if !token.is_empty() {
            assert!(
                challenge.contains("error=\"invalid_token\""),
                "{what}: {challenge}"
            );
        }
    }
}

async fn a_token_signed_with_the_public_key_is_refused(place: Place) {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let public = pair.public_key_pem();
    let file = std::env::temp_dir().join(format!("acton-key-{:x}", getrandom::u64().unwrap()));
    std::fs::write(&file, &public).unwrap();
    let fixture = place.with(&[
        ("ACTON_JWT__ALGORITHM", "ES256"),
        ("ACTON_JWT__PUBLIC_KEY_FILE", file.to_str().unwrap()),
        ("ACTON_JWT__ISSUER", "https://issuer.example"),
        ("ACTON_JWT__AUDIENCE", "board"),
    ]);
    std::fs::remove_file(&file).unwrap();
    let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let good = encode(&Header::new(Algorithm::ES256), &claims(), &key).unwrap();
    assert_eq!(me(&fixture, &good).await.status, 200);
    let answer = me(&fixture, &signed(Algorithm::HS256, &public, &claims())).await;
    let challenge = answer.header("www-authenticate");
    assert_eq!(
        (answer.status, challenge),
        (401, Some("Bearer error=\"invalid_token\""))
    );
}

async fn without_a_configured_key_every_token_is_refused(place: Place) {
    let answer = me(&place.start(), &signed(Algorithm::HS256, SECRET, &claims())).await;
    assert_eq!(answer.status, 401);
}

/// Base64url without padding, of ASCII text.
fn base64url(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    text.as_bytes()
        .chunks(3)
        .flat_map(|chunk| {
            let group = chunk
                .iter()
                .fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            (0..=chunk.len())
                .map(move |place| char::from(ALPHABET[(group >> (18 - 6 * place)) as usize & 63]))
        })
        .collect()
}
