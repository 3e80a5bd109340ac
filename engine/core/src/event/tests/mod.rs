//! What an event is, example by example.

mod frames;
mod payloads;
mod samples;
mod shapes;

use super::*;

fn parsed(payload: impl AsRef<[u8]>) -> Result<Event, Rejection> {
    parsed_within(&Config::default(), payload)
}

fn parsed_within(config: &Config, payload: impl AsRef<[u8]>) -> Result<Event, Rejection> {
    let tenant = TenantId::parse("T").unwrap();
    Parser::new(config).parse(EventId::new(7), &tenant, "D", "tenant/T/device/D/telemetry", payload.as_ref())
}

fn event(payload: impl AsRef<[u8]>) -> Event {
    parsed(payload).unwrap()
}

fn rejection(payload: impl AsRef<[u8]>) -> Rejection {
    parsed(payload).expect_err("must be refused")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What stands between the braces of `metrics`, and after `"timestamp":`.
fn metrics_and_ts(payload: impl AsRef<[u8]>) -> (String, String) {
    let event = event(payload);
    let inner = text(event.json())
        .strip_prefix(r#"{"type":"telemetry","device_id":"D","tenant_id":"T","metrics":{"#)
        .and_then(|rest| rest.strip_suffix(r#","topic":"tenant/T/device/D/telemetry"}"#))
        .unwrap_or_else(|| panic!("{}", text(event.json())));
    let (metrics, ts) = inner.rsplit_once(r#"},"timestamp":"#).unwrap();
    (metrics.to_owned(), ts.to_owned())
}

fn metrics(payload: impl AsRef<[u8]>) -> String {
    metrics_and_ts(payload).0
}

fn set(names: &[&str]) -> Arc<MetricSet> {
    Arc::new(MetricSet::new(names.iter().map(|&name| name.to_owned())))
}

fn frame<'a>(event: &'a Event, names: Option<&[&str]>, encoding: Encoding) -> Option<&'a [u8]> {
    event.frame(names.map(set).as_ref(), encoding)
}

/// The metrics of the projection, or `None` if it is not sent. The frame's header is two to four bytes here.
fn projected(event: &Event, names: &[&str]) -> Option<String> {
    let frame = frame(event, Some(names), Encoding::Ws)?;
    let json = &frame[if frame[1] < 126 { 2 } else { 4 }..];
    let inner = text(json).split_once(r#""metrics":{"#).unwrap().1;
    Some(inner.rsplit_once(r#"},"timestamp""#).unwrap().0.to_owned())
}
