//! Why an event reaches a live stream, or what stops it.
//!
//! The stages are checked in the order of an event's way, on what the parts themselves hold. Nothing is delivered or
//! counted.

use floodway_proto::admin::v1;
use floodway_proto::admin::v1::explain_request::Event as Asked;
use serde_json::{Map, Value, json};

use super::args::{bad, name, tenant};
use super::service::{Answer, Service};
use super::{connections, tenants};
use crate::admin::observer::Observer;
use floodway_core::event::{Event, IdSource, Origin, Parser, Path};
use floodway_core::index::Limits;
use floodway_core::shard::Connection;
use floodway_protocol::names::{DeviceId, GroupId, TenantId};
use floodway_sources::router::Topics;
use v1::DeliveryStage as Stage;

/// MQTT 5.0, 1.5.4: the longest text.
const TOPIC_BYTES: usize = 65_535;

pub(super) async fn explain(service: &Service, asked: v1::ExplainRequest) -> Answer<v1::ExplainResponse> {
    let observer = &service.observer;
    let message = message(asked.event, &observer.topics, &observer.event.metrics_at)?;
    let stream = connections::find(observer, &asked.connection_id).await?;
    let mut way = Way::default();
    let seen = follow(observer, &stream, &message, &mut way);
    Ok(v1::ExplainResponse {
        delivered: seen.is_ok(),
        stopped_by: match &seen {
            Ok(_) => Stage::Unspecified.into(),
            Err(Stopped) => way.0.last().map_or(0, |step| step.stage),
        },
        steps: way.0,
        metric_names: seen.unwrap_or_default(),
    })
}

/// The message that was asked about, or one that stands for the sample.
fn message(asked: Option<Asked>, topics: &Topics, metrics_at: &Path) -> Answer<v1::DeviceMessage> {
    match asked {
        None => Err(bad("event", "sample or message must be given")),
        Some(Asked::Message(message)) if message.topic.len() > TOPIC_BYTES => {
            Err(bad("message.topic", format!("must have at most {TOPIC_BYTES} bytes")))
        }
        Some(Asked::Message(message)) => Ok(message),
        Some(Asked::Sample(sample)) => {
            let tenant = tenant("sample.tenant_id", &sample.tenant_id)?;
            let device = name("sample.device_id", &sample.device_id, DeviceId::parse)?;
            let metrics = sample.metric_names.into_iter();
            let metrics: Map<String, Value> = metrics.map(|name| (name, json!(0))).collect();
            Ok(v1::DeviceMessage {
                topic: topics.topic_of(tenant.as_str(), device.as_str()),
                payload: metrics_at.around(Value::Object(metrics)).to_string().into_bytes(),
            })
        }
    }
}

/// The last step of the way stops the event.
struct Stopped;

/// The stages that the event came to.
#[derive(Default)]
struct Way(Vec<v1::ExplainStep>);

impl Way {
    fn step(&mut self, stage: Stage, passed: bool, detail: impl Into<String>) -> Result<(), Stopped> {
        self.0.push(v1::ExplainStep { stage: stage.into(), passed, detail: detail.into() });
        passed.then_some(()).ok_or(Stopped)
    }

    /// The last step.
    fn stop(&mut self, stage: Stage, detail: impl Into<String>) -> Stopped {
        let _ = self.step(stage, false, detail);
        Stopped
    }
}

/// The names of the metrics that the stream would see.
fn follow(
    observer: &Observer,
    stream: &Connection,
    message: &v1::DeviceMessage,
    way: &mut Way,
) -> Result<Vec<String>, Stopped> {
    upstream(observer, stream, way)?;
    let names = observer.topics.names(&message.topic);
    let named = names.and_then(|names| Some((TenantId::parse(names.tenant).ok()?, names)));
    let (tenant, names) = named.ok_or_else(|| way.stop(Stage::Topic, malformed(&observer.topics)))?;
    way.step(Stage::Topic, true, format!("device {} of tenant {tenant}", names.device))?;
    let origin = Origin {
        tenant: &tenant,
        device: names.device,
        topic: &message.topic,
        metric: names.metric,
    };
    let mut parser = Parser::new(&observer.event);
    let id = IdSource::default().next();
    let read = parser.read(&message.payload).map(|samples| (samples.len(), samples));
    let (count, mut samples) = read.map_err(|reason| way.stop(Stage::Payload, reason.to_string()))?;
    let event = samples.next().ok_or_else(|| way.stop(Stage::Payload, "it has no sample"))?;
    let event = parser.event(event, id, &origin);
    let event = event.map_err(|reason| way.stop(Stage::Payload, reason.to_string()))?;
    let detail = if count == 1 {
        "it is an event".to_owned()
    } else {
        format!("it is {count} samples; of the first:")
    };
    way.step(Stage::Payload, true, detail)?;
    is_whose(stream, &event, way)?;
    is_wanted(observer, stream, &event, way)?;
    has_room(stream, &observer.index().limits().of(Some(&stream.tenant)), way)?;
    Ok(event.metric_names(stream.filter.metrics().map(AsRef::as_ref)))
}

fn malformed(topics: &Topics) -> String {
    let templates: Vec<String> = topics.templates().iter().map(ToString::to_string).collect();
    format!("it fits none of mqtt.topics: {}", templates.join(", "))
}

fn upstream(observer: &Observer, stream: &Connection, way: &mut Way) -> Result<(), Stopped> {
    let found = observer.index().find(stream.tenant.as_str());
    let is_subscribed = found.as_ref().is_some_and(|tenant| tenants::is_subscribed(observer, tenant));
    let refusal = found.and_then(|tenant| tenant.refusal());
    let detail = match (observer.source.is_connected(), is_subscribed) {
        (false, _) => "no broker is connected".to_owned(),
        (true, false) => match refusal {
            Some(reason) => format!("the broker refuses the subscription of {}: {reason}", stream.tenant),
            None => format!("the broker has not confirmed the subscription of {}", stream.tenant),
        },
        (true, true) => format!("the broker sends the events of tenant {}", stream.tenant),
    };
    way.step(Stage::Upstream, is_subscribed, detail)
}

fn is_whose(stream: &Connection, event: &Event, way: &mut Way) -> Result<(), Stopped> {
    let (of, whose) = (event.tenant(), &stream.tenant);
    let is_its_own = of == whose;
    let detail = if is_its_own {
        format!("event and stream are of tenant {whose}")
    } else {
        format!("the event is of tenant {of}, the stream of tenant {whose}")
    };
    way.step(Stage::Tenant, is_its_own, detail)
}

fn is_wanted(observer: &Observer, stream: &Connection, event: &Event, way: &mut Way) -> Result<(), Stopped> {
    let (filter, device) = (&stream.filter, event.device());
    let tenant = observer.index().find(stream.tenant.as_str());
    let has = |group: &&GroupId| tenant.as_ref().is_some_and(|tenant| tenant.groups().has(group, device));
    let group = filter.groups().iter().find(has);
    let is_named = filter.devices().iter().any(|named| named.as_str() == device);
    let (wants, detail) = match group {
        _ if filter.wants_all_devices() => (true, "it wants every device".to_owned()),
        _ if is_named => (true, format!("it names device {device}")),
        Some(group) => (true, format!("device {device} is in group {group}, which it names")),
        None => (false, format!("it names neither device {device} nor a group that has it")),
    };
    way.step(Stage::Device, wants, detail)?;
    let metrics = filter.metrics();
    let detail = match (metrics, event.matches(metrics)) {
        (None, _) => "it wants every metric",
        (Some(_), true) => "the event has metrics that it wants",
        (Some(_), false) => "the event has none of the metrics that it wants",
    };
    way.step(Stage::Metrics, event.matches(metrics), detail)
}

fn has_room(stream: &Connection, limits: &Limits, way: &mut Way) -> Result<(), Stopped> {
    let is_full = stream.counts.queued >= stream.queue_size as u64;
    let detail = format!("{} of {} events wait for it", stream.counts.queued, stream.queue_size);
    way.step(Stage::Queue, !is_full || limits.overflow.makes_room(), detail)
}
