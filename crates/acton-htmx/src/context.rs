//! What the layer tells every handler about the request.

use std::sync::Arc;

use http::{Extensions, Uri};

use crate::{config::HtmxConfig, consulted::Consulted};

/// Shared facts about one request, put into its extensions by [`HtmxLayer`](crate::HtmxLayer).
///
/// ```
/// use acton_htmx::HtmxContext;
///
/// fn error_region(extensions: &http::Extensions) -> String {
///     HtmxContext::of(extensions).map(|context| context.config().error_target.clone()).unwrap_or_default()
/// }
/// # assert_eq!(error_region(&http::Extensions::new()), "");
/// ```
#[derive(Clone, Debug)]
pub struct HtmxContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Arc<HtmxConfig>,
    original_uri: Uri,
    consulted: Consulted,
}

impl HtmxContext {
    pub(crate) fn new(config: Arc<HtmxConfig>, original_uri: Uri) -> Self {
        Self(Arc::new(Inner {
            config,
            original_uri,
            consulted: Consulted::default(),
        }))
    }

    /// The context of a request whose URI was shortened before a layer sees it, for who still knows the whole one.
    ///
    /// [`HtmxLayer`](crate::HtmxLayer) takes the URI over.
    #[must_use]
    pub fn arrived_as(uri: Uri) -> Self {
        Self::new(Arc::default(), uri)
    }

    /// The context of a request, when a layer has put one there.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// The settings of the layer.
    #[must_use]
    pub fn config(&self) -> &HtmxConfig {
        &self.0.config
    }

    /// The URI of the request as it arrived, before nested routers shortened it.
    #[must_use]
    pub fn original_uri(&self) -> &Uri {
        &self.0.original_uri
    }

    /// The request headers that the answer depends on.
    #[must_use]
    pub fn consulted(&self) -> &Consulted {
        &self.0.consulted
    }
}
