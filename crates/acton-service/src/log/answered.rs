//! The line of a request.

use super::fields::{Writer, label};
use crate::request::ClientAddr;

pub(crate) const TARGET: &str = "acton_service::access";

/// What it says, beside the span of the request.
pub(crate) struct Answered<'a> {
    pub(crate) route: &'a str,
    pub(crate) status: u16,
    pub(crate) millis: f64,
    pub(crate) client: ClientAddr,
    pub(crate) htmx: Option<&'static str>,
}

impl Answered<'_> {
    /// Tells it to whoever listens.
    pub(super) fn tell(&self) {
        let Self {
            route,
            status,
            millis,
            client,
            htmx,
        } = *self;
        let client = client.text();
        let client = client.as_str();
        tracing::info!(target: TARGET, route, status, millis, client, htmx, "answered");
    }

    /// Writes the same without the detour of an event.
    pub(super) fn write(&self, fields: &mut Writer<'_>) {
        fields.word(label!("message"), b"answered");
        fields.text(label!("route"), self.route);
        fields.unsigned(label!("status"), self.status.into());
        fields.float(label!("millis"), self.millis);
        fields.word(label!("client"), self.client.text().as_bytes());
        if let Some(htmx) = self.htmx {
            fields.word(label!("htmx"), htmx.as_bytes());
        }
    }
}
