//! Everything a handler file needs: `use acton_service::prelude::*;`
//!
//! Each crate decides what its prelude holds; this one adds them up.

pub use std::{convert::Infallible, sync::Arc};

pub use axum::{
    Extension, Form, Json, Router,
    extract::{Path, Query, State},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{any, delete, get, patch, post, put},
};
pub use futures_util::stream::{self, Stream, StreamExt};
pub use http::{HeaderMap, Method, StatusCode, Uri};

pub use crate::{
    ActonService, ApiVersion, ClientAddr, Config, Error, RequestId, Result, ServiceBuilder,
    VersionedApiBuilder, VersionedRoutes,
};

#[cfg(any(feature = "auth", feature = "jwt"))]
pub use acton_auth::prelude::*;
#[cfg(feature = "forms")]
pub use acton_forms::prelude::*;
#[cfg(feature = "htmx")]
pub use acton_htmx::prelude::*;
#[cfg(feature = "session")]
pub use acton_session::prelude::*;
#[cfg(feature = "sse")]
pub use acton_sse::prelude::*;
#[cfg(feature = "askama")]
pub use acton_templates::prelude::*;
#[cfg(feature = "askama")]
pub use acton_templates_derive::Template;

#[cfg(any(feature = "database", feature = "sqlite"))]
pub use crate::Database;
#[cfg(feature = "turso")]
pub use crate::Turso;
