//! What the connections of one shard's thread have in common.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use http::{Extensions, Response, StatusCode};
use serde_json::json;
use tracing::field::display;

use super::config::Config;
use super::refusal::{Refusal, Refusals};
use super::respond::{self, Answer};
use crate::auth::Verifier;
use crate::readiness::{Readiness, Unready};
use crate::tls::TlsAcceptor;
use floodway_core::index::{AuditKind, Index};
use floodway_core::shard::{self, Shard};
use floodway_protocol::names::TenantId;
use floodway_sources::source::IngestHandle;

/// The other end of a connection, as each of its requests carries it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: Option<SocketAddr>,
    pub(super) tls: bool,
}

/// The address of a request's peer.
pub(super) fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<Peer>()?.address
}

/// What the contexts of all shards share.
#[derive(Clone)]
pub struct Shared {
    /// The public listener's settings.
    pub http: Config,
    /// Settings of streams.
    pub stream: shard::Config,
    /// Checks tokens.
    pub verifier: Arc<Verifier>,
    /// The tenants and the limits.
    pub index: Arc<Index>,
    /// Says whether a tenant's events arrive.
    pub source: IngestHandle,
    /// Says whether a new stream could begin.
    pub readiness: Readiness,
    /// Counts refused clients by reason.
    pub refusals: Arc<Refusals>,
    /// The certificate, if the listener speaks TLS.
    pub tls: Option<TlsAcceptor>,
}

/// What the connections of one shard share.
pub(super) struct ShardContext {
    pub(super) shared: Shared,
    pub(super) shard: Rc<Shard>,
}

impl ShardContext {
    pub(super) fn status(&self) -> Response<Answer> {
        let (total, max) = (self.shared.index.connections(), self.shared.index.limits().of(None).connections);
        respond::json(StatusCode::OK, format!(r#"{{"total_connections":{total},"max_per_tenant":{max}}}"#))
    }

    /// Whether a new stream could begin. A reason against it does not fail `/livez`.
    pub(super) fn readiness(&self) -> Response<Answer> {
        let amiss = self.shared.readiness.amiss();
        let Some(first) = amiss.first() else {
            let away = self.shared.source.away();
            let body = if away.is_empty() {
                json!({"status": "ready"})
            } else {
                json!({"status": "ready", "down": away})
            };
            return respond::json(StatusCode::OK, body.to_string());
        };
        let details: Vec<String> = amiss.iter().map(Unready::to_string).collect();
        let body = json!({"detail": details.join("; "), "reason": first.label()});
        respond::json(StatusCode::SERVICE_UNAVAILABLE, body.to_string())
    }

    /// Counts a refusal, notes it in the journal, and logs it at a bounded rate. `detail` adds what the refusal itself does
    /// not say; a token's says which check failed.
    pub(super) fn note(
        &self,
        refusal: &Refusal,
        tenant: Option<TenantId>,
        peer: Option<SocketAddr>,
        detail: Option<&dyn Fn() -> String>,
    ) {
        let detail = || match refusal {
            Refusal::Token(refusal) => refusal.diagnosis(),
            Refusal::Query(mistake) => Some(mistake.clone()),
            Refusal::BrokerRefused(reason) => reason.as_deref().cloned(),
            _ => detail.map(|detail| detail()),
        };
        let check = match refusal {
            Refusal::Token(refusal) => refusal.check(),
            _ => None,
        };
        let reason = refusal.reason().label();
        if let Some(suppressed) = self.shared.refusals.count(refusal, Instant::now()) {
            let detail = detail();
            let peer = peer.map(display);
            tracing::info!(reason, check, detail, peer, suppressed, "client refused");
        }
        self.shared
            .index
            .journal()
            .note(|| AuditKind::Refused { tenant, peer, reason, check, detail: detail() });
    }
}
