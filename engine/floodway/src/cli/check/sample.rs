//! `floodway check --sample`: what a device's message becomes, or why it is dropped.

use std::fmt::Write;
use std::path::Path;

use crate::cli::failure::Failure;
use crate::cli::output;
use crate::config::Config;
use floodway_core::event::{Event, IdSource, Origin, Parser, Rejection};
use floodway_protocol::names::TenantId;
use floodway_sources::router::{Names, Topics};

/// Shows what the payload in `file` becomes if it is published on `topic`, by default one that the first template makes. A
/// message of which anything is dropped is a failure.
pub(super) fn show(config: &Config, file: &Path, topic: Option<&str>) -> Result<(), Failure> {
    let payload =
        std::fs::read(file).map_err(|error| Failure::Usage(format!("--sample \"{}\": {error}", file.display())))?;
    let topics = config.mqtt.topics().map_err(|why| Failure::Usage(format!("mqtt.topics: {why}")))?;
    let example = topics.example();
    let topic = topic.unwrap_or(&example);
    let names = topics.names(topic).ok_or_else(|| Failure::running(fits_none(topic, &topics)))?;
    let mut text = format!("topic {topic}\n");
    let dropped = samples(config, &names, topic, &payload, &mut text)?;
    output::print(&text)?;
    if dropped.is_empty() {
        Ok(())
    } else {
        Err(Failure::Running(dropped.join("\n")))
    }
}

/// Writes the events of the payload. Returns why samples are dropped.
fn samples(
    config: &Config,
    names: &Names<'_>,
    topic: &str,
    payload: &[u8],
    text: &mut String,
) -> Result<Vec<String>, Failure> {
    let tenant = TenantId::parse(names.tenant).map_err(Failure::running)?;
    let origin = Origin { tenant: &tenant, device: names.device, topic, metric: names.metric };
    let metric = names.metric.map(|metric| format!(", metric {metric}")).unwrap_or_default();
    let _ = writeln!(text, "tenant {tenant}, device {}{metric}", names.device);
    let (mut parser, mut ids) = (Parser::new(&config.event), IdSource::default());
    let samples = parser
        .read(payload)
        .map_err(|why| Failure::Running(format!("dropped: {}", hint(config, why))))?;
    let mut dropped = Vec::new();
    let count = samples.len();
    for (number, sample) in (1..).zip(samples) {
        let which = if count > 1 { format!("sample {number}: ") } else { String::new() };
        match parser.event(sample, ids.next(), &origin) {
            Ok(event) => {
                let _ = writeln!(text, "{which}{}", String::from_utf8_lossy(event.json()));
                text.push_str(&remark(config, &parser, &event));
            }
            Err(why) => dropped.push(format!("{which}dropped: {}", hint(config, why))),
        }
    }
    Ok(dropped)
}

/// What an operator should know of an event that has no metrics.
fn remark(config: &Config, parser: &Parser, event: &Event) -> String {
    if parser.lacked_metrics() {
        return format!(
            "  it has no metrics: nothing stands at payload.metrics = \"{}\"; with \".\" all members of a flat payload are \
             metrics\n",
            config.event.metrics_at
        );
    }
    if event.metric_names(None).is_empty() {
        "  it has no metrics\n".to_owned()
    } else {
        String::new()
    }
}

fn fits_none(topic: &str, topics: &Topics) -> String {
    let templates: Vec<String> = topics.templates().iter().map(ToString::to_string).collect();
    format!("dropped: the topic {topic:?} fits none of mqtt.topics: {}", templates.join(", "))
}

/// Why something is dropped, and the setting to look at.
fn hint(config: &Config, why: Rejection) -> String {
    let event = &config.event;
    let setting = match why {
        Rejection::TooLarge => format!("event.payload_bytes = {}", event.payload_bytes),
        Rejection::NotJson => return format!("{why} (RFC 8259)"),
        Rejection::TooDeep => format!("event.depth = {}", event.depth),
        Rejection::TooManySamples => format!("event.samples = {}", event.samples),
        Rejection::NotAnObject => {
            "mqtt.topics: a value that stands alone needs {metric} there, and null is none".to_owned()
        }
        Rejection::MetricsNotAnObject => format!("payload.metrics = \"{}\"", event.metrics_at),
        Rejection::TooManyMetrics => format!("event.metrics = {}", event.metrics),
    };
    format!("{why}; see {setting}")
}
