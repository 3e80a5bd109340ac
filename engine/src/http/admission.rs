//! Whether a client becomes a subscriber: its token, what it asks for, a place, the broker.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;

use super::connection::Origination;
use super::front::Front;
use super::query::{Query, Resume};
use super::refusal::Refusal;
use crate::auth::{self, Identity};
use crate::index::{Place, What};
use crate::names::TenantId;
use crate::shard::Filter;
use crate::stream::ws::handshake;

/// Everything that a stream needs but its connection. Dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) identity: Identity,
    pub(super) filter: Filter,
    pub(super) resume: Resume,
    pub(super) place: Place,
}

/// Admits the client behind `request`. Returns only when its tenant's events arrive, so that what is published from
/// then on reaches it.
///
/// # Errors
/// The first reason not to, in the order of [`Refusal`]. Nothing is held then.
pub(super) async fn admit(request: &Parts, front: &Front) -> Result<Admitted, Refusal> {
    let query = Query::parse(&request.uri);
    let verified = token(&request.headers, &query)
        .ok_or(auth::Refusal::Missing)
        .and_then(|token| front.shared.verifier.verify(token));
    let (tenant, admitted) = match verified {
        Ok(identity) => (
            Some(identity.tenant.clone()),
            admit_identity(identity, &query, request, front).await,
        ),
        Err(refusal) => (None, Err(Refusal::Token(refusal))),
    };
    admitted.inspect_err(|refusal| note(refusal, tenant, request, front))
}

/// Counts a refusal, and tells it to those who watch.
fn note(refusal: &Refusal, tenant: Option<TenantId>, request: &Parts, front: &Front) {
    front.shared.refusals.count(refusal);
    front.shared.index.journal().note(|| What::Refused {
        tenant,
        peer: request
            .extensions
            .get::<Origination>()
            .and_then(|from| from.peer),
        reason: refusal.label(),
    });
}

/// As [`admit`], once the token is found good.
async fn admit_identity(
    identity: Identity,
    query: &Query,
    request: &Parts,
    front: &Front,
) -> Result<Admitted, Refusal> {
    let limits = front.shared.index.limits_of(&identity.tenant);
    let filter = query.filter(limits.filter_ids).map_err(Refusal::Query)?;
    let resume = query.resume(&request.headers);
    let place = front.shared.index.enter(&identity.tenant)?;
    front
        .shared
        .upstreams
        .confirmed(place.tenant())
        .await
        .map_err(|reason| {
            tracing::debug!(tenant = %identity.tenant, ?reason, "stream refused: broker");
            Refusal::NoBroker
        })?;
    if front.shared.index.is_draining() {
        return Err(Refusal::Draining);
    }
    Ok(Admitted {
        identity,
        filter,
        resume,
        place,
    })
}

/// The token: in the header, else in the query, else among the subprotocols of a WebSocket.
fn token<'a>(headers: &'a HeaderMap, query: &'a Query) -> Option<&'a str> {
    bearer(headers)
        .or(query.token.as_deref())
        .or_else(|| handshake::bearer(headers))
}

/// RFC 6750, 2.1; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_header_comes_before_the_query_and_the_query_before_the_subprotocol() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "sec-websocket-protocol",
            HeaderValue::from_static("floodway.v1, bearer.C"),
        );
        let query = Query::parse(&"/x?token=B".parse().unwrap());
        assert_eq!(token(&headers, &Query::default()), Some("C"));
        assert_eq!(token(&headers, &query), Some("B"));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("bearer A"));
        assert_eq!(token(&headers, &query), Some("A"));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic A"));
        assert_eq!(token(&headers, &query), Some("B"));
    }
}
