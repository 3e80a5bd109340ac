//! `floodway explain`: whether an event would reach a stream, and what would stop it.

use clap::ArgGroup;
use floodway_proto::admin::v1::explain_request::Event;
use floodway_proto::admin::v1::{DeliveryStage, DeviceMessage, ExplainRequest, ExplainResponse, SampleEvent};

use super::failure::Failure;
use super::parse::name;
use super::remote::Remote;
use super::show::plain;

/// Tell whether an event would reach a live stream, and if not, what would stop it
#[derive(clap::Args)]
#[command(group = ArgGroup::new("event").args(["tenant", "topic"]).required(true))]
pub(super) struct Args {
    #[command(flatten)]
    remote: Remote,
    /// The stream
    #[arg(long, value_name = "ID")]
    connection: String,
    /// Tenant of the event
    #[arg(long, value_parser = name, requires = "device")]
    tenant: Option<String>,
    /// Device of the event
    #[arg(long, value_parser = name, requires = "tenant")]
    device: Option<String>,
    /// A metric that the event has; may be given more than once
    #[arg(long = "metric", value_name = "METRIC", requires = "tenant")]
    metrics: Vec<String>,
    /// Topic of an MQTT message, such as tenant/T/device/D/telemetry
    #[arg(long, requires = "payload")]
    topic: Option<String>,
    /// Payload of the MQTT message
    #[arg(long, value_name = "JSON", requires = "topic")]
    payload: Option<String>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let event = match args.topic {
        Some(topic) => Event::Message(DeviceMessage { topic, payload: args.payload.unwrap_or_default().into_bytes() }),
        None => Event::Sample(SampleEvent {
            tenant_id: args.tenant.unwrap_or_default(),
            device_id: args.device.unwrap_or_default(),
            metric_names: args.metrics,
        }),
    };
    let request = ExplainRequest { connection_id: args.connection, event: Some(event) };
    args.remote.call(async |mut client| client.explain(request).await, steps)
}

/// The verdict, then the stages that lead to it.
fn steps(answer: &ExplainResponse) -> String {
    let mut text = if answer.delivered {
        "it would be delivered".to_owned()
    } else {
        format!("it would not be delivered: {}", stage(answer.stopped_by()))
    };
    if !answer.metric_names.is_empty() {
        text.push_str(&format!(", with {}", plain(&answer.metric_names.join(", "))));
    }
    text.push('\n');
    for step in &answer.steps {
        let mark = if step.passed { "passes" } else { "stops " };
        let stage = stage(step.stage());
        text.push_str(&format!("  {mark}  {stage:<9} {}\n", plain(&step.detail)));
    }
    text
}

fn stage(stage: DeliveryStage) -> &'static str {
    match stage {
        DeliveryStage::Unspecified => "a stage that this command does not know",
        DeliveryStage::Upstream => "upstream",
        DeliveryStage::Topic => "topic",
        DeliveryStage::Payload => "payload",
        DeliveryStage::Tenant => "tenant",
        DeliveryStage::Device => "device",
        DeliveryStage::Metrics => "metrics",
        DeliveryStage::Queue => "queue",
    }
}

#[cfg(test)]
mod tests;
