//! The line of a request.

use std::time::Duration;

use tracing::Level;

use super::{
    Format,
    fields::{Writer, label},
    line::{Spans, add},
};
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

    /// Adds the same to other lines, without the detour of an event.
    pub(super) fn line(
        &self,
        lines: &mut Vec<u8>,
        format: Format,
        time: Duration,
        spans: &impl Spans,
    ) {
        let record = |fields: &mut Writer<'_>| self.write(fields);
        add(
            lines,
            format,
            time,
            (Level::INFO, TARGET),
            record,
            Some(spans),
        );
    }

    fn write(&self, fields: &mut Writer<'_>) {
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
