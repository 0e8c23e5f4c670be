//! A collector that keeps what it is sent.

use std::{net::SocketAddr, sync::Arc};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, Span},
};
use tokio::{net::TcpListener, sync::Mutex};
use tonic::{Request, Response, Status, transport::Server};

type Received = Arc<Mutex<Vec<ResourceSpans>>>;

/// Listens as a collector does, and decodes what comes.
pub(crate) struct Collector {
    address: SocketAddr,
    received: Received,
}

struct Keeper(Received);

#[tonic::async_trait]
impl TraceService for Keeper {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let spans = request.into_inner().resource_spans;
        self.0.lock().await.extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Received::default();
        let keeper = TraceServiceServer::new(Keeper(Arc::clone(&received)));
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let serving = Server::builder().add_service(keeper);
        tokio::spawn(serving.serve_with_incoming(incoming));
        Self { address, received }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that has arrived.
    pub(crate) async fn received(&self) -> Vec<ResourceSpans> {
        self.received.lock().await.clone()
    }

    /// The spans that have arrived.
    pub(crate) async fn spans(&self) -> Vec<Span> {
        let received = self.received().await;
        let scopes = received
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

/// The one span of this name.
pub(crate) fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let mut found = spans.iter().filter(|span| span.name == name);
    match (found.next(), found.next()) {
        (Some(span), None) => span,
        _ => panic!("not one span {name} among {spans:#?}"),
    }
}

/// The value of an attribute, as text.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}
