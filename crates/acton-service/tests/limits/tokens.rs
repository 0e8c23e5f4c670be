//! Users of an API are known by their tokens.

use acton_service::{
    Rate, RateLimit,
    auth::{BearerLayer, JwtAlgorithm, JwtConfig, JwtSigner, JwtVerifier, Secret},
    prelude::*,
};

use crate::{get_from, service, status};

#[tokio::test(start_paused = true)]
async fn a_bearer_counts_by_the_subject_of_its_token() {
    let jwt = JwtConfig {
        algorithm: Some(JwtAlgorithm::HS256),
        secret: Some(Secret::new("correct horse battery staple and more")),
        issuer: Some("https://issuer.example".to_owned()),
        audience: Some("api".to_owned()),
        ..JwtConfig::default()
    };
    let signer = JwtSigner::new(&jwt, None).unwrap();
    let bearer = BearerLayer::new(JwtVerifier::new(&jwt, None).unwrap());
    let routes = VersionedApiBuilder::new().add_version(ApiVersion::V1, |router| {
        router
            .route("/", get(|| async { "hello" }))
            .layer(RateLimit::per_user(Rate::per_hour(2)))
            .layer(bearer)
    });
    let router = service(|_| {}, routes.build_routes()).build().into_router();
    let token = |name: &str| format!("Bearer {}", signer.sign(&signer.claims(name)).unwrap());
    let (alice, bob) = (token("alice"), token("bob"));
    let from =
        |address, token: &str| get_from(address, "/v1").header("authorization", token.to_owned());
    assert_eq!(status(&router, from("192.0.2.1", &alice)).await, 200);
    assert_eq!(status(&router, from("192.0.2.2", &alice)).await, 200);
    assert_eq!(status(&router, from("192.0.2.3", &alice)).await, 429);
    assert_eq!(status(&router, from("192.0.2.3", &bob)).await, 200);
    // Without a token nothing is counted: the layer around refuses it.
    assert_eq!(status(&router, get_from("192.0.2.3", "/v1")).await, 401);
}
