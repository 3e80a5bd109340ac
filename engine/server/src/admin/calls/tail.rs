//! A tenant's events, for a person who looks for a fault.
//!
//! A tail is a stream of a shard like any other, so it gets what a subscriber would: the same filters, the same ring and
//! gaps. Its outlet takes the events themselves instead of their bytes.

use floodway_proto::admin::v1;
use floodway_proto::admin::v1::tail_response::Item;
use tokio::sync::mpsc::{Receiver, Sender};
use tonic::Status;
use tonic::codegen::BoxStream;

use super::args::{bad, names, tenant};
use super::connections::{TIMESTAMP_MAX, filters};
use super::service::{Answer, Service};
use super::streaming::{Gone, ResponseSender};
use crate::admin::observer::Observer;
use floodway_core::index::{ClientInfo, ConnectionPermit, Limits, Transport};
use floodway_core::shard::{EventPipe, Filter, NewSubscriber, Options, Outlet, Received, Resume, Shard};
use floodway_protocol::Encoding;
use floodway_protocol::messages::client::Names;
use floodway_protocol::messages::notice::Gap;
use floodway_protocol::names::{DeviceId, GroupId};

/// The user agent that a tail is listed with.
const USER_AGENT: &[u8] = b"floodway-tail";

pub(super) async fn begin(service: &Service, asked: v1::TailRequest) -> Answer<BoxStream<v1::TailResponse>> {
    let Service { observer, streaming, .. } = service;
    let tenant = tenant("tenant_id", &asked.tenant_id)?;
    let filter = filter(&asked, &observer.index().limits().of(Some(&tenant)))?;
    // Before anything is done for it, so that no more than may stream ever ask the broker for a tenant.
    let stream_permit = streaming.permit()?;
    let permit = observer.index().look_on(&tenant);
    let confirmed = observer.source.confirmed(permit.tenant()).await;
    confirmed.map_err(|error| Status::unavailable(error.to_string()))?;
    let live = Item::Live(v1::TailLive { filters: Some(filters(&filter)) });
    let events = attach(observer, permit, filter).await?;
    Ok(streaming.start(stream_permit, |responses| send(live, events, responses)))
}

fn filter(asked: &v1::TailRequest, limits: &Limits) -> Answer<Filter> {
    let max = limits.filter_ids;
    let device_ids = names("device_ids", &asked.device_ids, DeviceId::parse)?;
    let group_ids = names("group_ids", &asked.group_ids, GroupId::parse)?;
    let mut filter = Filter::default();
    if !device_ids.is_empty() {
        let added = filter.add(&Names::Devices(device_ids), max);
        added.map_err(|error| bad("device_ids", error))?;
    }
    if !group_ids.is_empty() {
        let added = filter.add(&Names::Groups(group_ids), max);
        added.map_err(|error| bad("group_ids", error))?;
    }
    let set = filter.set_metrics(asked.metric_names.clone(), max);
    set.map_err(|error| bad("metric_names", error))?;
    Ok(filter)
}

/// Makes the tail a subscriber of one of the shards. Returns what its outlet takes.
async fn attach(observer: &Observer, permit: ConnectionPermit, filter: Filter) -> Answer<Receiver<Received>> {
    let stopped = || Status::unavailable("the gateway stops");
    let shards = observer.streams.shards();
    let shard = shards.get(fastrand::usize(..shards.len().max(1)));
    let (queue, events) = EventPipe::queue();
    let attached = shard.ok_or_else(stopped)?.run(move |shard| attach_on(shard, permit, filter, queue));
    match attached.await {
        Ok(Ok(())) => Ok(events),
        Ok(Err(error)) => Err(Status::unavailable(error.to_string())),
        Err(_) => Err(stopped()),
    }
}

/// On the shard's thread.
fn attach_on(shard: &Shard, permit: ConnectionPermit, filter: Filter, queue: Sender<Received>) -> std::io::Result<()> {
    shard.attach(NewSubscriber {
        outlet: Outlet::Pipe(Box::new(EventPipe::new(queue))),
        encoding: Encoding::Sse,
        filter,
        permit,
        client: ClientInfo::new(Transport::Sse).with_user_agent(Some(USER_AGENT)),
        expires_at: TIMESTAMP_MAX,
        resume: Resume::FromNow,
        backlog: None,
        options: Options::default(),
        head: Vec::new(),
        early: Vec::new(),
    })
}

async fn send(
    live: Item,
    mut events: Receiver<Received>,
    responses: ResponseSender<v1::TailResponse>,
) -> Result<Status, Gone> {
    let response = |item| Ok(v1::TailResponse { item: Some(item) });
    responses.send(response(live)).await?;
    while let Some(received) = events.recv().await {
        if let Some(item) = item(&received) {
            responses.send(response(item)).await?;
        }
    }
    Ok(Status::unavailable("the stream was ended"))
}

fn item(received: &Received) -> Option<Item> {
    let gap = |reason: v1::GapReason, dropped| {
        let reason = reason.into();
        Some(Item::Gap(v1::Gap { reason, dropped }))
    };
    match received {
        Received::Event(event, metrics) => {
            let json = event.json_with(metrics.as_ref())?;
            Some(Item::Event(v1::TailEvent {
                id: event.id().get(),
                json: String::from_utf8_lossy(json).into_owned(),
            }))
        }
        Received::Gap(Gap::Overflow(dropped)) => gap(v1::GapReason::Overflow, Some(*dropped)),
        Received::Gap(Gap::Upstream) => gap(v1::GapReason::Upstream, None),
        Received::Gap(Gap::Conflated(passed)) => gap(v1::GapReason::Conflated, Some(*passed)),
        // A tail never asks for a replay.
        Received::Gap(Gap::Replay(_)) => None,
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
