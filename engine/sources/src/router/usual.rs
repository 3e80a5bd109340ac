//! The usual topic, `tenant/{tenant}/device/{device}/telemetry`, which is found faster than others.
//!
//! Invariant: what [`parse`] returns are names ([`names::check`]), and they are those that the template has there.

use floodway_protocol::names;

/// The template that [`parse`] knows.
pub(super) const USUAL: &str = "tenant/{tenant}/device/{device}/telemetry";

/// The tenant and the device of `tenant/{tenant}/device/{device}/telemetry`; `None` for any other topic.
#[inline]
pub(super) fn parse(topic: &str) -> Option<(&str, &str)> {
    let (tenant, rest) = topic.strip_prefix("tenant/")?.split_once('/')?;
    let (device, rest) = rest.strip_prefix("device/")?.split_once('/')?;
    let are_names = names::check(tenant).is_ok() && names::check(device).is_ok();
    (rest == "telemetry" && are_names).then_some((tenant, device))
}

#[cfg(test)]
mod tests;
