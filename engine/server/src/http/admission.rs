//! Decides whether a client becomes a subscriber: by its token, its query, the limits and its tenant's source.

use std::sync::Arc;

use http::Request;
use http::request::Parts;

use super::credentials;
use super::query::{Query, Resume};
use super::refusal::Refusal;
use super::shard_context::{ShardContext, peer};
use crate::auth::{self, Identity};
use crate::origin::Origin;
use floodway_core::index::{ConnectionPermit, Tenant, Upstream};
use floodway_core::shard::{Backlog, Filter, Options};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;
use floodway_sources::source::Unavailable;

/// Everything that a stream needs besides its connection. Its drop releases the permit.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) identity: Identity,
    pub(super) filter: Filter,
    pub(super) resume: Resume,
    pub(super) backlog: Option<Backlog>,
    pub(super) options: Options,
    pub(super) permit: ConnectionPermit,
}

/// Admits the client of `request`. Returns only when its tenant's events arrive, so every event that is published from then
/// on reaches it.
///
/// # Errors
/// The first reason against it, in the order of [`Refusal`]. Nothing is held then.
pub(super) async fn admit(request: &Parts, shard_context: &ShardContext) -> Result<Admitted, Refusal> {
    let query = Query::parse(&request.uri);
    let verified = verify(request, &query, shard_context).await;
    let (tenant, admitted) = match verified {
        Ok(identity) => (Some(identity.tenant.clone()), admit_identity(identity, &query, request, shard_context).await),
        Err(refusal) => (None, Err(Refusal::Token(refusal))),
    };
    admitted.inspect_err(|refusal| shard_context.note(refusal, tenant, peer(&request.extensions), None))
}

/// Whether a page of another site may have made a browser send this request with a cookie that holds its token.
pub(super) fn is_forged<B>(request: &Request<B>, origin: &Origin, shard_context: &ShardContext) -> bool {
    let places = shard_context.shared.verifier.places();
    places.cookie.is_some() && {
        let query = Query::parse(request.uri());
        let token = query.token.as_deref();
        credentials::is_forged(request.headers(), token, places, origin)
    }
}

async fn verify(request: &Parts, query: &Query, shard_context: &ShardContext) -> Result<Identity, auth::Refusal> {
    let verifier = &shard_context.shared.verifier;
    let token = credentials::token(&request.headers, query.token.as_deref(), verifier.places());
    let (token, tenant) = (token.unwrap_or_default(), query.tenant.as_deref());
    verifier.verify(token, tenant).await
}

/// A permit of the tenant. It is needed before the source can be asked. Yet a known refusal of the source comes before a
/// limit that is reached.
fn enter(tenant: &TenantId, shard_context: &ShardContext) -> Result<ConnectionPermit, Refusal> {
    let (index, source) = (&shard_context.shared.index, &shard_context.shared.source);
    index.enter(tenant).map_err(|limit| {
        let known = index.find(tenant.as_str());
        let refused = known.filter(|tenant| *tenant.upstream().borrow() == Upstream::Refused);
        refused.map_or(limit.into(), |tenant| of_source(&tenant, source.refused()))
    })
}

fn of_source(tenant: &Tenant, reason: Unavailable) -> Refusal {
    tracing::debug!(tenant = %tenant.id(), ?reason, "stream refused: broker");
    match reason {
        Unavailable::Refused => Refusal::BrokerRefused(tenant.refusal()),
        Unavailable::Name => Refusal::BrokerRefused(Some(Arc::new(reason.to_string()))),
        Unavailable::NoSource | Unavailable::NotConfirmed | Unavailable::AllRefused => Refusal::NoBroker,
    }
}

/// As [`admit`], after the token was verified.
async fn admit_identity(
    identity: Identity,
    query: &Query,
    request: &Parts,
    shard_context: &ShardContext,
) -> Result<Admitted, Refusal> {
    let limits = shard_context.shared.index.limits().of(Some(&identity.tenant));
    let filter = query.filter(limits.filter_ids).map_err(Refusal::Query)?;
    let options = query.options(&limits).map_err(Refusal::Query)?;
    let resume = query.resume(&request.headers);
    let permit = enter(&identity.tenant, shard_context)?;
    let confirmed = shard_context.shared.source.confirmed(permit.tenant()).await;
    confirmed.map_err(|reason| of_source(permit.tenant(), reason))?;
    let backlog = match resume {
        Resume::After(Some(id)) => shard_context.shared.source.read_back(permit.tenant(), EventId::new(id)).await,
        _ => None,
    };
    if shard_context.shared.index.is_draining() {
        return Err(Refusal::Draining);
    }
    Ok(Admitted { identity, filter, resume, backlog, options, permit })
}
