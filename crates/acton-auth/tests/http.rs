//! What a client of a bearer-protected API sees.

use acton_auth::{BearerLayer, Claims, JwtAlgorithm, JwtConfig, JwtSigner, JwtVerifier, Secret};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
    },
};
use axum::{
    Extension, Router,
    body::Body,
    http::{
        Request, Response, StatusCode,
        header::{AUTHORIZATION, WWW_AUTHENTICATE},
    },
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use http_body_util::BodyExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::SystemTime;
use tower::ServiceExt;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const ALGORITHMS: [JwtAlgorithm; 4] = [
    JwtAlgorithm::HS256,
    JwtAlgorithm::RS256,
    JwtAlgorithm::ES256,
    JwtAlgorithm::EdDSA,
];

/// A key pair in the form in which people keep it.
struct Keys {
    private: Vec<u8>,
    public: Vec<u8>,
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
    .into_bytes()
}

fn keys(algorithm: JwtAlgorithm) -> Keys {
    let (private, public) = match algorithm {
        JwtAlgorithm::RS256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
            let private: Pkcs8V1Der<'_> = pair.as_der().expect("a private key");
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a public key");
            (private.as_ref().to_vec(), public.as_ref().to_vec())
        }
        JwtAlgorithm::ES256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a public key");
            (
                pair.to_pkcs8v1().expect("a private key").as_ref().to_vec(),
                public.as_ref().to_vec(),
            )
        }
        _ => {
            let pair = Ed25519KeyPair::generate().expect("a key");
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a public key");
            (
                pair.to_pkcs8().expect("a private key").as_ref().to_vec(),
                public.as_ref().to_vec(),
            )
        }
    };
    Keys {
        private: pem("PRIVATE KEY", &private),
        public: pem("PUBLIC KEY", &public),
    }
}

fn config(algorithm: JwtAlgorithm) -> JwtConfig {
    JwtConfig {
        algorithm: Some(algorithm),
        secret: (algorithm == JwtAlgorithm::HS256).then(|| Secret::new(SECRET)),
        issuer: Some("https://issuer.example".into()),
        audience: Some("api".into()),
        ..JwtConfig::default()
    }
}

fn signer(algorithm: JwtAlgorithm, keys: &Keys) -> JwtSigner {
    JwtSigner::new(&config(algorithm), Some(&keys.private)).expect("a signer")
}

fn verifier(algorithm: JwtAlgorithm, keys: &Keys) -> JwtVerifier {
    JwtVerifier::new(&config(algorithm), Some(&keys.public)).expect("a verifier")
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("a clock after 1970")
        .as_secs()
}

fn claims() -> Value {
    json!({ "sub": "alice", "iss": "https://issuer.example", "aud": "api", "exp": now() + 600 })
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn without(key: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(key);
    claims
}

fn base64(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn me(claims: Claims) -> String {
    claims.sub.unwrap_or_default()
}

fn app(verifier: JwtVerifier) -> Router {
    Router::new()
        .route(
            "/guarded",
            get(me).layer(BearerLayer::new(verifier.clone())),
        )
        .route("/extracted", get(me))
        .layer(Extension(verifier))
}

async fn ask(verifier: &JwtVerifier, path: &str, authorization: &str) -> Response<Body> {
    let request = Request::get(path)
        .header(AUTHORIZATION, authorization)
        .body(Body::empty());
    let answer = app(verifier.clone())
        .oneshot(request.expect("a valid request"))
        .await;
    answer.expect("infallible")
}

/// The status, the same from the layer and from the extractor, and with the right challenge.
async fn status(verifier: &JwtVerifier, token: &str) -> StatusCode {
    let authorization = format!("Bearer {token}");
    let guarded = ask(verifier, "/guarded", &authorization).await;
    let extracted = ask(verifier, "/extracted", &authorization).await;
    assert_eq!(guarded.status(), extracted.status());
    if guarded.status() == StatusCode::UNAUTHORIZED {
        for response in [guarded, extracted] {
            assert_eq!(
                response.headers()[WWW_AUTHENTICATE],
                r#"Bearer error="invalid_token""#
            );
        }
        return StatusCode::UNAUTHORIZED;
    }
    extracted.status()
}

#[tokio::test]
async fn a_valid_token_is_accepted_with_every_algorithm() {
    for algorithm in ALGORITHMS {
        let keys = keys(algorithm);
        let token = signer(algorithm, &keys).sign(&claims()).unwrap();
        let response = ask(
            &verifier(algorithm, &keys),
            "/guarded",
            &format!("bearer {token}"),
        )
        .await;
        assert_eq!(response.status(), StatusCode::OK, "{algorithm:?}");
        assert_eq!(
            response.into_body().collect().await.unwrap().to_bytes(),
            "alice"
        );
    }
}

#[tokio::test]
async fn every_wrong_claim_is_refused() {
    let keys = keys(JwtAlgorithm::ES256);
    let (signer, verifier) = (
        signer(JwtAlgorithm::ES256, &keys),
        verifier(JwtAlgorithm::ES256, &keys),
    );
    let wrong = [
        with("exp", json!(now() - 60)),
        with("exp", json!("never")),
        with("exp", json!(null)),
        with("exp", json!(-1)),
        without("exp"),
        with("nbf", json!(now() + 60)),
        with("nbf", json!("now")),
        with("iss", json!("https://other.example")),
        with("iss", json!("https://issuer.example/")),
        without("iss"),
        with("aud", json!("other")),
        with("aud", json!(["other", "more"])),
        with("aud", json!([])),
        with("aud", json!(1)),
        without("aud"),
        json!([]),
    ];
    for claims in wrong {
        let token = signer.sign(&claims).unwrap();
        assert_eq!(
            status(&verifier, &token).await,
            StatusCode::UNAUTHORIZED,
            "{claims}"
        );
    }
}

#[tokio::test]
async fn claims_within_the_leeway_and_lists_are_accepted() {
    let keys = keys(JwtAlgorithm::EdDSA);
    let (signer, verifier) = (
        signer(JwtAlgorithm::EdDSA, &keys),
        verifier(JwtAlgorithm::EdDSA, &keys),
    );
    let right = [
        with("exp", json!(now() - 10)),
        with("exp", json!(now() as f64 + 600.5)),
        with("nbf", json!(now() + 10)),
        with("aud", json!(["other", "api"])),
        with("extra", json!({ "nested": true })),
    ];
    for claims in right {
        let token = signer.sign(&claims).unwrap();
        assert_eq!(status(&verifier, &token).await, StatusCode::OK, "{claims}");
    }
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused_however_it_says_so() {
    let keys = keys(JwtAlgorithm::RS256);
    let verifier = verifier(JwtAlgorithm::RS256, &keys);
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = base64(&json!({ "alg": algorithm, "typ": "JWT" }));
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{}.{signature}", base64(&claims()));
            assert_eq!(
                status(&verifier, &token).await,
                StatusCode::UNAUTHORIZED,
                "{algorithm} {signature}"
            );
        }
    }
}

#[tokio::test]
async fn hs256_signed_with_the_public_key_is_refused() {
    for algorithm in [
        JwtAlgorithm::RS256,
        JwtAlgorithm::ES256,
        JwtAlgorithm::EdDSA,
    ] {
        let keys = keys(algorithm);
        let mut confused = config(JwtAlgorithm::HS256);
        confused.secret = Some(Secret::new(String::from_utf8(keys.public.clone()).unwrap()));
        let token = JwtSigner::new(&confused, None)
            .unwrap()
            .sign(&claims())
            .unwrap();
        assert_eq!(
            status(&verifier(algorithm, &keys), &token).await,
            StatusCode::UNAUTHORIZED
        );
    }
}

#[tokio::test]
async fn another_algorithm_of_the_same_secret_is_refused() {
    let verifier = JwtVerifier::new(&config(JwtAlgorithm::HS256), None).unwrap();
    let header = base64(&json!({ "alg": "HS512" }));
    let token = format!("{header}.{}.AAAA", base64(&claims()));
    assert_eq!(status(&verifier, &token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn another_key_and_an_altered_payload_are_refused() {
    for algorithm in [JwtAlgorithm::ES256, JwtAlgorithm::EdDSA] {
        let (ours, other) = (keys(algorithm), keys(algorithm));
        let verifier = verifier(algorithm, &ours);
        let foreign = signer(algorithm, &other).sign(&claims()).unwrap();
        assert_eq!(status(&verifier, &foreign).await, StatusCode::UNAUTHORIZED);

        let token = signer(algorithm, &ours).sign(&claims()).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let altered = format!(
            "{}.{}.{}",
            parts[0],
            base64(&with("sub", json!("bob"))),
            parts[2]
        );
        assert_eq!(status(&verifier, &altered).await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_critical_extension_that_we_do_not_know_is_refused() {
    let verifier = JwtVerifier::new(&config(JwtAlgorithm::HS256), None).unwrap();
    let header = base64(&json!({ "alg": "HS256", "crit": ["b64"], "b64": false }));
    let message = format!("{header}.{}", base64(&claims()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, message.as_bytes()));
    assert_eq!(
        status(&verifier, &format!("{message}.{signature}")).await,
        StatusCode::UNAUTHORIZED
    );
}

/// A token whose header says more than it should.
fn with_header(more: Value) -> String {
    let mut header = json!({"alg": "HS256", "typ": "JWT"});
    for (key, value) in more.as_object().expect("an object") {
        header[key] = value.clone();
    }
    let message = format!("{}.{}", base64(&header), base64(&claims()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// The public key as others publish it.
fn jwk(algorithm: JwtAlgorithm, keys: &Keys) -> Value {
    let private = match algorithm {
        JwtAlgorithm::RS256 => jsonwebtoken::EncodingKey::from_rsa_pem(&keys.private),
        JwtAlgorithm::ES256 => jsonwebtoken::EncodingKey::from_ec_pem(&keys.private),
        // The key itself is the end of its DER form.
        _ => {
            let lines = str::from_utf8(&keys.public).expect("PEM").lines();
            let body: String = lines.filter(|line| !line.starts_with('-')).collect();
            let der = STANDARD.decode(body).expect("PEM");
            let key = BASE64_URL_SAFE_NO_PAD.encode(&der[der.len() - 32..]);
            return json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": key});
        }
    };
    let private = private.expect("a key");
    let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&private, algorithm.into());
    let mut jwk = serde_json::to_value(jwk.expect("a key")).expect("JSON");
    jwk["kid"] = json!("k");
    jwk
}

/// The secret in a key set, under these names.
fn key_set(ids: &[&str]) -> String {
    let key = BASE64_URL_SAFE_NO_PAD.encode(SECRET);
    let keys: Vec<Value> = ids
        .iter()
        .map(|id| json!({"kty": "oct", "kid": id, "k": key}))
        .collect();
    json!({"keys": keys}).to_string()
}

fn set_verifier(set: String) -> JwtVerifier {
    let mut config = config(JwtAlgorithm::HS256);
    config.secret = None;
    let read = move || Ok(set.clone().into_bytes());
    JwtVerifier::with_key_set(&config, read).expect("keys")
}

#[tokio::test]
async fn a_token_is_checked_with_the_key_that_it_names_and_no_other() {
    let two = set_verifier(key_set(&["old", "new"]));
    for (more, expected) in [
        (json!({"kid": "old"}), 200),
        (json!({"kid": "new"}), 200),
        (json!({"kid": "unknown"}), 401),
        (json!({"kid": ""}), 401),
        (json!({"kid": 7}), 401),
        (json!({"kid": "../../dev/null"}), 401),
        (json!({}), 401),
    ] {
        let answer = status(&two, &with_header(more.clone())).await;
        assert_eq!(answer, expected, "{more}");
    }
    let one = set_verifier(key_set(&["only"]));
    assert_eq!(status(&one, &with_header(json!({}))).await, 200);
    assert_eq!(
        status(&one, &with_header(json!({"kid": "other"}))).await,
        401
    );
}

#[tokio::test]
async fn a_signer_names_its_key_and_a_named_key_is_no_other() {
    let mut config = config(JwtAlgorithm::HS256);
    config.key_id = Some("2027-01".into());
    let signer = JwtSigner::new(&config, None).expect("a signer");
    let token = signer.sign(&signer.claims("alice")).expect("a token");
    let named = JwtVerifier::new(&config, None).expect("a verifier");
    assert_eq!(status(&named, &token).await, 200);
    assert_eq!(
        status(&set_verifier(key_set(&["2027-01", "2026-12"])), &token).await,
        200
    );
    assert_eq!(
        status(&named, &with_header(json!({"kid": "2026-12"}))).await,
        401
    );
    assert_eq!(status(&named, &with_header(json!({}))).await, 200);
}

#[tokio::test]
async fn keys_of_every_kind_come_in_sets() {
    for algorithm in ALGORITHMS
        .into_iter()
        .filter(|one| *one != JwtAlgorithm::HS256)
    {
        let keys = keys(algorithm);
        let set = json!({"keys": [jwk(algorithm, &keys)]}).to_string();
        let mut config = config(algorithm);
        let verifier =
            JwtVerifier::with_key_set(&config, move || Ok(set.clone().into_bytes())).expect("keys");
        config.key_id = Some("k".into());
        let signer = JwtSigner::new(&config, Some(&keys.private)).expect("a signer");
        let token = signer.sign(&signer.claims("alice")).expect("a token");
        assert_eq!(status(&verifier, &token).await, 200, "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_key_that_comes_with_the_token_is_not_looked_at() {
    let verifier = verifier(JwtAlgorithm::HS256, &keys(JwtAlgorithm::HS256));
    let own_key = json!({"kty": "oct", "k": BASE64_URL_SAFE_NO_PAD.encode("x".repeat(32))});
    let header = base64(&json!({"alg": "HS256", "jwk": own_key, "jku": "http://127.0.0.1:9/keys"}));
    let message = format!("{header}.{}", base64(&claims()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, "x".repeat(32).as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, message.as_bytes()));
    assert_eq!(
        status(&verifier, &format!("{message}.{signature}")).await,
        401
    );
    // Beside a right signature they do no harm.
    let harmless =
        with_header(json!({"jku": "http://127.0.0.1:9/keys", "x5u": "http://127.0.0.1:9/"}));
    assert_eq!(status(&verifier, &harmless).await, 200);
}

#[tokio::test]
async fn the_scheme_may_be_written_in_any_case_and_nothing_else_may_stand_beside_the_token() {
    let verifier = verifier(JwtAlgorithm::HS256, &keys(JwtAlgorithm::HS256));
    let token = with_header(json!({}));
    for (authorization, expected) in [
        (format!("bearer {token}"), 200),
        (format!("BEARER {token}"), 200),
        (format!("Bearer  {token}"), 200),
        (format!("Bearer {token} more"), 401),
        (format!("Bearer {token}, Bearer {token}"), 401),
        (format!("Bearer\t{token}"), 401),
        (format!("Bearer{token}"), 401),
        (token.clone(), 401),
        (format!("Basic {token}"), 401),
        (format!("Bearer {token}="), 401),
        (format!("Bearer {}", "a".repeat(100_000)), 401),
        (format!("Bearer {}", ".".repeat(8000)), 401),
        ("Bearer".to_owned(), 401),
    ] {
        let answer = ask(&verifier, "/guarded", &authorization).await;
        assert_eq!(answer.status(), expected, "{:.40}", authorization);
        assert_eq!(
            answer.headers().contains_key(WWW_AUTHENTICATE),
            expected == 401
        );
    }
}

#[tokio::test]
async fn without_configuration_every_token_is_refused() {
    let verifier = JwtVerifier::new(&JwtConfig::default(), None).unwrap();
    let signer = JwtSigner::new(&config(JwtAlgorithm::HS256), None).unwrap();
    let token = signer.sign(&claims()).unwrap();
    assert_eq!(status(&verifier, &token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        status(&JwtVerifier::default(), &token).await,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_request_without_a_token_is_asked_for_one() {
    let verifier = JwtVerifier::default();
    for path in ["/guarded", "/extracted"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = app(verifier.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
        let response = ask(&verifier, path, "Basic YTpi").await;
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let signer = JwtSigner::new(&config(JwtAlgorithm::HS256), None).unwrap();
    let bearer = format!("Bearer {}", signer.sign(&claims()).unwrap());
    let request = Request::get("/guarded")
        .header(AUTHORIZATION, &bearer)
        .header(AUTHORIZATION, &bearer);
    let verifier = JwtVerifier::new(&config(JwtAlgorithm::HS256), None).unwrap();
    let response = app(verifier)
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

#[test]
fn a_half_written_section_names_the_setting_that_is_missing() {
    let refused = |change: fn(&mut JwtConfig), key: &str| {
        let mut config = config(JwtAlgorithm::HS256);
        change(&mut config);
        let error = JwtVerifier::new(&config, None).unwrap_err().to_string();
        assert!(error.starts_with(key), "{error}");
    };
    refused(|config| config.algorithm = None, "jwt.algorithm");
    refused(|config| config.secret = None, "jwt.secret");
    refused(
        |config| config.secret = Some(Secret::new("too short")),
        "jwt.secret",
    );
    refused(|config| config.issuer = None, "jwt.issuer");
    refused(|config| config.audience = None, "jwt.audience");
    refused(
        |config| config.leeway = std::time::Duration::MAX,
        "jwt.leeway",
    );
    refused(
        |config| config.algorithm = Some(JwtAlgorithm::EdDSA),
        "jwt.public_key_file",
    );
}

#[test]
fn a_key_of_another_kind_is_refused_at_the_start() {
    let keys = keys(JwtAlgorithm::EdDSA);
    assert!(JwtVerifier::new(&config(JwtAlgorithm::ES256), Some(&keys.public)).is_err());
    assert!(JwtVerifier::new(&config(JwtAlgorithm::ES256), Some(b"no key")).is_err());
}

#[test]
fn debug_output_shows_no_secret() {
    let config = config(JwtAlgorithm::HS256);
    let signer = JwtSigner::new(&config, None).unwrap();
    let verifier = JwtVerifier::new(&config, None).unwrap();
    assert!(!format!("{config:?}{signer:?}{verifier:?}").contains(SECRET));
}

proptest! {
    #[test]
    fn no_token_panics_or_is_accepted(token in ".{0,40}|[A-Za-z0-9_-]{0,30}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,30}") {
        let verifier = JwtVerifier::new(&config(JwtAlgorithm::HS256), None).expect("a verifier");
        prop_assert!(verifier.verify::<Claims>(&token).is_err());
    }
}
