//! An answer in two spellings, of which the one that fits who asked is sent.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use axum_core::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::{dialect::HtmxVersion, markup::Markup};

/// The version for which a body is written; it is chosen before the first byte is sent.
///
/// Handlers make the answer and [`HtmxLayer`](crate::HtmxLayer) knows who asked, so this travels
/// from one to the other in the extensions of the response. Whatever stands between them, such as
/// compression, goes on with the body as it is. Without a choice it is written for htmx 2.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice(Arc<OnceLock<HtmxVersion>>);

impl Choice {
    /// Only the first choice counts.
    pub(crate) fn choose(&self, version: HtmxVersion) {
        self.0.get_or_init(|| version);
    }

    fn chosen(&self) -> Option<HtmxVersion> {
        self.0.get().copied()
    }
}

/// HTML whose text depends on the version of htmx that asked.
pub(crate) fn response(v2: Markup, v4: Markup) -> Response {
    let choice = Choice::default();
    let mut response = Markup::default().into_response();
    *response.body_mut() = Body::new(Spelled {
        texts: Some([v2, v4].map(|markup| Bytes::from(markup.into_string()))),
        choice: choice.clone(),
    });
    response.extensions_mut().insert(choice);
    response
}

/// Both texts, until one of them is sent.
struct Spelled {
    texts: Option<[Bytes; 2]>,
    choice: Choice,
}

impl http_body::Body for Spelled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chosen = self.choice.chosen();
        let text = self.texts.take().map(|[v2, v4]| match chosen {
            Some(HtmxVersion::V4) => v4,
            _ => v2,
        });
        Poll::Ready(text.map(Frame::data).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.texts.is_none()
    }

    /// The length is known once the version is.
    fn size_hint(&self) -> SizeHint {
        let Some([v2, v4]) = &self.texts else {
            return SizeHint::with_exact(0);
        };
        let length = |text: &Bytes| u64::try_from(text.len()).unwrap_or(u64::MAX);
        match self.choice.chosen() {
            Some(HtmxVersion::V4) => SizeHint::with_exact(length(v4)),
            Some(HtmxVersion::V2) => SizeHint::with_exact(length(v2)),
            None => SizeHint::default(),
        }
    }
}
