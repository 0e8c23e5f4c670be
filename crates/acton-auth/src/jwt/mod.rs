//! JSON Web Tokens: one pinned algorithm, required claims, and the header that carries them.

mod bearer;
mod claims;
mod config;
mod keys;
mod signer;
mod verifier;

pub use bearer::{Bearer, BearerLayer, BearerService};
pub use claims::Claims;
pub use config::{JwtAlgorithm, JwtConfig};
pub use signer::JwtSigner;
pub use verifier::JwtVerifier;
