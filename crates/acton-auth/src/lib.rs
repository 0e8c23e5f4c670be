//! How they proved who they are: passwords, login throttling and bearer tokens.
//!
//! Who is logged in afterwards is the business of the session.
//!
//! ```
//! # #[cfg(feature = "password")] {
//! use acton_auth::{Error, Passwords, Throttle};
//! use std::net::IpAddr;
//!
//! struct User { id: u64, password_hash: String }
//!
//! /// `Ok(None)` for a wrong password and an unknown user alike.
//! async fn log_in(
//!     passwords: &Passwords,
//!     throttle: &Throttle,
//!     address: IpAddr,
//!     (name, password): (&str, &str),
//!     user: Option<&User>,
//! ) -> Result<Option<u64>, Error> {
//!     let attempt = throttle.attempt(name, address).await?;
//!     let stored = user.map(|user| user.password_hash.as_str());
//!     let verified = match passwords.verify(password, stored).await {
//!         Ok(Some(verified)) => verified,
//!         Ok(None) => return Ok(None),
//!         Err(error) => {
//!             attempt.not_tried().await;
//!             return Err(error);
//!         }
//!     };
//!     attempt.succeeded().await;
//!     if let Some(stronger) = verified.rehash {
//!         // Store `stronger` in place of the old hash.
//!         drop(stronger);
//!     }
//!     Ok(user.map(|user| user.id))
//! }
//! # }
//! ```
//!
//! `Passwords` hashes and verifies, `Throttle` counts failures, `JwtVerifier` checks bearer tokens,
//! and [`Error`] is their answer to a browser.
//!
//! # Features
#![cfg_attr(feature = "document-features", doc = document_features::document_features!())]

#[cfg(feature = "password")]
mod password;

#[cfg(feature = "password")]
mod throttle;

#[cfg(feature = "jwt")]
mod jwt;

mod error;
mod secret;

#[cfg(feature = "password")]
pub use password::{PasswordConfig, Passwords, Verified};

#[cfg(feature = "password")]
pub use throttle::{
    Attempt, FailureStore, MemoryFailures, Refused, Rule, Throttle, ThrottleConfig, ThrottleStorage,
};

#[cfg(all(feature = "password", feature = "redis"))]
pub use throttle::RedisFailures;

#[cfg(feature = "jwt")]
pub use jwt::{
    Bearer, BearerLayer, BearerService, Claims, JwtAlgorithm, JwtConfig, JwtSigner, JwtVerifier,
};

pub use error::Error;
pub use secret::Secret;

/// What a handler usually needs.
pub mod prelude {
    #[cfg(feature = "password")]
    pub use crate::{Passwords, Throttle};

    #[cfg(feature = "jwt")]
    pub use crate::{Bearer, Claims};
}
