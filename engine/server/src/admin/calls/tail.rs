//! A tenant's events, for a person who looks for a fault.
//!
//! A tail is a stream of a shard like any other, so it sees what a subscriber would: the same filters, the same ring and
//! gaps. Its bytes come over a pipe instead of a socket, and are told apart again here.

use std::future::poll_fn;

use bytes::Bytes;
use floodway_proto::admin::v1;
use floodway_proto::admin::v1::tail_response::Item;
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tonic::Status;
use tonic::codegen::BoxStream;

use super::args::{bad, devices, groups, tenant};
use super::connections::{TIMESTAMP_MAX, filters};
use super::streaming::{Gone, ResponseSender, Streaming};
use crate::admin::observer::Observer;
use crate::http;
use floodway_core::event::Encoding;
use floodway_core::index::{ClientInfo, ConnectionPermit, Limits, Transport};
use floodway_core::shard::{Filter, NewSubscriber, Outlet, Shard};

/// What a tail is listed as.
const USER_AGENT: &[u8] = b"floodway-tail";

pub(super) async fn begin(
    observer: &Observer,
    streaming: &Streaming,
    asked: v1::TailRequest,
) -> Result<BoxStream<v1::TailResponse>, Status> {
    let tenant = tenant("tenant_id", &asked.tenant_id)?;
    let filter = filter(&asked, &observer.index().limits_of(&tenant))?;
    // Before anything is done for it, so that no more than may stream ever ask the broker for a tenant.
    let seat = streaming.seat()?;
    let place = observer.index().look_on(&tenant);
    let confirmed = observer.upstreams().confirmed(place.tenant()).await;
    confirmed.map_err(|error| Status::unavailable(error.to_string()))?;
    let live = Item::Live(v1::TailLive {
        filters: Some(filters(&filter)),
    });
    let bytes = attach(observer, place, filter).await?;
    Ok(streaming.start_at(seat, |teller| tell(live, bytes, teller)))
}

fn filter(asked: &v1::TailRequest, limits: &Limits) -> Result<Filter, Status> {
    let max = limits.filter_ids;
    let (devices, groups) = (
        devices("device_ids", &asked.device_ids)?,
        groups("group_ids", &asked.group_ids)?,
    );
    let mut filter = Filter::default();
    let too_many = |field, error| bad(field, error);
    if !devices.is_empty() {
        let added = filter.add_devices(&devices, max);
        added.map_err(|error| too_many("device_ids", error))?;
    }
    if !groups.is_empty() {
        let added = filter.add_groups(&groups, max);
        added.map_err(|error| too_many("group_ids", error))?;
    }
    let set = filter.set_metrics(asked.metric_names.clone(), max);
    set.map_err(|error| too_many("metric_names", error))?;
    Ok(filter)
}

/// Makes the tail a subscriber of one of the shards. Returns what it is sent.
async fn attach(
    observer: &Observer,
    place: ConnectionPermit,
    filter: Filter,
) -> Result<mpsc::Receiver<Bytes>, Status> {
    let shards = observer.streams().shards();
    let stopped = || Status::unavailable("the gateway stops");
    let shard = shards.get(fastrand::usize(..shards.len().max(1)));
    // Room for one: what the reader does not take waits in the pipe, and then in the ring.
    let (sender, bytes) = mpsc::channel(1);
    let attached = shard
        .ok_or_else(stopped)?
        .run(move |shard| attach_on(shard, place, filter, sender));
    match attached.await {
        Ok(Ok(())) => Ok(bytes),
        Ok(Err(error)) => Err(Status::unavailable(error.to_string())),
        Err(_) => Err(stopped()),
    }
}

/// On the shard's thread.
fn attach_on(
    shard: &Shard,
    place: ConnectionPermit,
    filter: Filter,
    sender: mpsc::Sender<Bytes>,
) -> std::io::Result<()> {
    let (pipe, body) = http::pipe();
    shard.attach(NewSubscriber {
        outlet: Outlet::Pipe(Box::new(pipe)),
        encoding: Encoding::Sse,
        filter,
        place,
        about: ClientInfo::new(Transport::Sse).with_user_agent(Some(USER_AGENT)),
        expires_at: TIMESTAMP_MAX,
        greeting: Vec::new(),
        early: Vec::new(),
    })?;
    spawn_local(carry(body, sender));
    Ok(())
}

/// Carries bytes to the other thread until the stream, or its reader, has gone.
async fn carry(mut body: http::StreamBody, sender: mpsc::Sender<Bytes>) {
    loop {
        tokio::select! {
            bytes = poll_fn(|cx| body.poll(cx)) => match bytes {
                Some(bytes) => {
                    if sender.send(bytes).await.is_err() {
                        return;
                    }
                }
                None => return,
            },
            () = sender.closed() => return,
        }
    }
}

async fn tell(
    live: Item,
    mut bytes: mpsc::Receiver<Bytes>,
    teller: ResponseSender<v1::TailResponse>,
) -> Result<Status, Gone> {
    let response = |item| Ok(v1::TailResponse { item: Some(item) });
    teller.send(response(live)).await?;
    let mut waiting = Vec::new();
    while let Some(more) = bytes.recv().await {
        waiting.extend_from_slice(&more);
        let mut read = 0;
        while let Some(length) = memchr::memmem::find(&waiting[read..], b"\n\n") {
            let item = item(&waiting[read..read + length]);
            read += length + 2;
            if let Some(item) = item {
                teller.send(response(item)).await?;
            }
        }
        waiting.drain(..read);
    }
    Ok(Status::unavailable("the stream was ended"))
}

/// What one SSE message, without its empty line, is to a tail; comments and notices to clients are nothing.
fn item(message: &[u8]) -> Option<Item> {
    let text = str::from_utf8(message).ok()?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let json = field("data: ")?;
    match field("event: ") {
        Some("gap") => gap(json).map(Item::Gap),
        Some(_) => None,
        None => Some(Item::Event(v1::TailEvent {
            id: field("id: ")?.parse().ok()?,
            json: json.to_owned(),
        })),
    }
}

fn gap(json: &str) -> Option<v1::Gap> {
    let gap: serde_json::Value = serde_json::from_str(json).ok()?;
    let reason = match gap["reason"].as_str()? {
        "overflow" => v1::GapReason::Overflow,
        "upstream" => v1::GapReason::Upstream,
        _ => return None,
    };
    Some(v1::Gap {
        reason: reason.into(),
        dropped: gap["dropped"].as_u64(),
    })
}

#[cfg(all(test, not(floodway_loom)))]
mod tests {
    use super::*;

    #[test]
    fn events_and_gaps_are_told_apart_and_comments_are_nothing() {
        let event = v1::TailEvent {
            id: 7,
            json: r#"{"type":"telemetry"}"#.to_owned(),
        };
        let message = b"id: 7\ndata: {\"type\":\"telemetry\"}";
        assert_eq!(item(message), Some(Item::Event(event)));
        let named = |name, data: &str| item(format!("event: {name}\ndata: {data}").as_bytes());
        for (told, reason) in [
            (
                floodway_protocol::messages::notice::Gap::Overflow(3),
                v1::GapReason::Overflow,
            ),
            (
                floodway_protocol::messages::notice::Gap::Upstream,
                v1::GapReason::Upstream,
            ),
        ] {
            let dropped = (reason == v1::GapReason::Overflow).then_some(3);
            let reason = reason.into();
            let expected = Some(Item::Gap(v1::Gap { reason, dropped }));
            assert_eq!(named("gap", &told.json()), expected);
        }
        assert_eq!(
            named("reconnect", r#"{"type":"reconnect","after_ms":1}"#),
            None
        );
        assert_eq!(item(b": keepalive 2026-02-16T12:00:00.000Z"), None);
        assert_eq!(item(b"retry: 2000"), None);
    }
}
