//! The gateway's state as the admin API has it, filled from what the parts count.
//!
//! Invariant: each count is exact, though not all are of the same instant.

use std::collections::BTreeMap;

use floodway_proto::admin::v1;

use super::observer::{Observer, ShardLoad};
use super::totals::Totals;
use crate::auth::CHECK_LABELS;
use crate::readiness::Unready;
use floodway_core::shard::DELAY_BOUNDS;
use floodway_protocol::ends::EndReason;
use floodway_sources::control::{Problem, SyncState};
use floodway_sources::source::{SourceReport, Terms};

/// Tenants that a status names.
const TENANTS: usize = 100;

impl Observer {
    /// All of it but the progress of a drain, for which [`Observer::drain`] has to ask.
    pub(super) fn status(&self, totals: &Totals) -> v1::Status {
        let (last_second, last_minute) = self.rates();
        let unready = self.unready();
        v1::Status {
            node: Some(self.node()),
            draining: self.index().is_draining(),
            broker: Some(self.broker()),
            connections: Some(self.streams_of(totals)),
            limits: Some(self.limits()),
            ingest: Some(self.ingested()),
            deliveries: Some(v1::Deliveries {
                delivered: totals.delivered,
                dropped: totals.dropped,
                overflow_gaps: totals.gaps.overflow,
                sent_bytes: totals.bytes,
                writes: totals.writes,
                conflated: totals.conflated,
                conflated_gaps: totals.gaps.conflated,
                held_bytes: totals.held_bytes,
            }),
            last_second: Some(last_second),
            last_minute: Some(last_minute),
            drain: None,
            control: Some(self.control_state()),
            ready: unready.is_empty(),
            unready,
            refused_upstream: self.refused_upstream(),
            sources: self.sources(),
            delivery_times: Some(v1::DeliveryTimes {
                bounds_microseconds: DELAY_BOUNDS.to_vec(),
                counts: totals.delays.counts.to_vec(),
            }),
            shards: self.shard_loads().into_iter().map(load).collect(),
        }
    }

    /// How far the drain is, if there is one.
    pub(super) async fn drain(&self) -> Option<v1::DrainProgress> {
        let progress = self.streams.drain_progress().await?;
        let totals = self.totals();
        Some(v1::DrainProgress {
            started_at: Some(progress.began.into()),
            spread: progress.within.try_into().ok(),
            connections: progress.streams.into(),
            untold: totals.ws + totals.sse,
            remaining: progress.left.into(),
            stopping: progress.is_last,
        })
    }

    pub(super) fn node(&self) -> v1::Node {
        let identity = &self.identity;
        v1::Node {
            id: identity.id.clone(),
            name: identity.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Some(identity.started_at.into()),
            // Out of range after 292 billion years.
            uptime: identity.started.elapsed().try_into().ok(),
        }
    }

    /// Of several sources the one that can do most.
    fn broker(&self) -> v1::Broker {
        let best = self.source.report();
        let reports = self.source.reports();
        let found = reports.into_iter().find(|(_, report)| *report == best);
        found.map_or_else(v1::Broker::default, |(terms, report)| self.source_of(terms, report))
    }

    fn sources(&self) -> Vec<v1::Broker> {
        let reports = self.source.reports().into_iter();
        reports.map(|(terms, report)| self.source_of(terms, report)).collect()
    }

    fn source_of(&self, terms: &Terms, source: SourceReport) -> v1::Broker {
        v1::Broker {
            kind: source.kind.to_owned(),
            connected: source.endpoint.is_some(),
            urls: terms.endpoints.clone(),
            reconnects: source.reconnects,
            connected_url: source.endpoint.unwrap_or_default(),
            protocol: source.protocol.unwrap_or_default(),
            changed_at: Some(source.since.into()),
            failed_attempts: source.failed_attempts,
            last_failure: source.last_failure.map(|failure| v1::BrokerFailure {
                url: failure.endpoint,
                detail: failure.error,
                failed_at: Some(failure.at.into()),
            }),
            attempts_by_result: by_label(source.attempts),
        }
    }

    fn streams_of(&self, totals: &Totals) -> v1::Connections {
        let tenants = self.index().tenants();
        let mut by_tenant: Vec<_> = tenants
            .iter()
            .filter(|tenant| tenant.connections() > 0)
            .map(|tenant| v1::TenantConnections {
                tenant_id: tenant.id().to_string(),
                total: tenant.connections().into(),
            })
            .collect();
        let count = by_tenant.len();
        by_tenant.sort_by(|one, other| {
            let by_total = other.total.cmp(&one.total);
            by_total.then_with(|| one.tenant_id.cmp(&other.tenant_id))
        });
        let others = by_tenant.split_off(by_tenant.len().min(TENANTS));
        let refusals = &self.refusals;
        v1::Connections {
            total: self.index().connections().into(),
            websocket: totals.ws,
            sse: totals.sse,
            opened: totals.opened,
            closed_by_reason: by_label(EndReason::ENDED.map(EndReason::label).into_iter().zip(totals.closed)),
            refused_by_reason: by_label(EndReason::REFUSED.map(EndReason::label).into_iter().zip(refusals.counts())),
            tokens_refused_by_check: by_label(CHECK_LABELS.into_iter().zip(refusals.checks())),
            tenants: count as u64,
            by_tenant,
            other_tenants_total: others.iter().map(|tenant| tenant.total).sum(),
        }
    }

    fn limits(&self) -> v1::Limits {
        let default = self.index().limits().of(None);
        v1::Limits {
            connections: self.connections.into(),
            connections_per_tenant: default.connections.into(),
            queue_size: default.queue_size.get() as u64,
        }
    }

    fn ingested(&self) -> v1::Ingest {
        let ingest = self.ingest();
        let rejected = ingest.rejected.iter();
        v1::Ingest {
            received: ingest.received,
            received_bytes: ingest.bytes,
            accepted: ingest.accepted,
            without_metrics: ingest.without_metrics,
            rejected_by_reason: by_label(rejected.map(|&(reason, n)| (reason.label(), n))),
        }
    }

    fn control_state(&self) -> v1::ControlState {
        let control = &self.control;
        let documents = control.documents();
        let problem = |problem: Problem| v1::ControlProblem {
            topic: problem.topic,
            detail: problem.reason,
            received_at: Some(problem.at.into()),
        };
        v1::ControlState {
            synced: control.sync_state() == SyncState::Following,
            tenant_limits: documents.tenant_limits().count() as u64,
            groups: documents.group_count() as u64,
            problems: control.problems().into_iter().rev().map(problem).collect(),
        }
    }

    fn unready(&self) -> Vec<v1::Unready> {
        let unready = |reason: Unready| v1::Unready { reason: reason.label().to_owned(), detail: reason.to_string() };
        self.readiness.amiss().into_iter().map(unready).collect()
    }

    /// Live streams of tenants that the broker refuses.
    fn refused_upstream(&self) -> u64 {
        let tenants = self.index().tenants();
        let refused = tenants.iter().filter(|tenant| tenant.refusal().is_some());
        let counts = refused.map(|tenant| tenant.counts());
        counts.map(|counts| counts.ws + counts.sse).sum()
    }
}

fn load(shard: ShardLoad) -> v1::ShardLoad {
    v1::ShardLoad {
        // Out of range after 292 billion years.
        busy: shard.busy.try_into().ok(),
        inbox: shard.inbox as u64,
        inbox_capacity: shard.inbox_capacity as u64,
    }
}

fn by_label<'a>(counts: impl IntoIterator<Item = (&'a str, u64)>) -> BTreeMap<String, u64> {
    let owned = counts.into_iter();
    owned.map(|(label, n)| (label.to_owned(), n)).collect()
}
