//! What a subscriber is told without having asked, as JSON text, the same on every transport.
//!
//! Invariant: the keys stand in the order that clients in the field know. An instant that RFC 3339 can't say (after
//! the year 9999, before 1970) is told as the nearest one that it can; it never panics.

use std::borrow::Borrow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::json::{List, Text};
use crate::names::TenantId;

/// 9999-12-31T23:59:59Z, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// A subscriber's filters, to be shown. Written as a JSON object.
#[derive(Clone, Copy, Debug)]
pub struct Filters<'a, D, G, M> {
    /// Devices named one by one.
    pub device_ids: &'a [D],
    /// Groups, whose members are meant.
    pub group_ids: &'a [G],
    /// Metrics that events are narrowed to; none for all.
    pub metric_names: &'a [M],
    /// True if every device of the tenant is meant. Tells "everything" from "nothing", where no id is named.
    pub all_devices: bool,
}

impl<D: Borrow<str>, G: Borrow<str>, M: Borrow<str>> fmt::Display for Filters<'_, D, G, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"{{"device_ids":{},"group_ids":{},"metric_names":{},"all_devices":{}}}"#,
            List(self.device_ids),
            List(self.group_ids),
            List(self.metric_names),
            self.all_devices
        )
    }
}

/// The stream is live: whatever is published from now on reaches it.
pub fn connected<D: Borrow<str>, G: Borrow<str>, M: Borrow<str>>(
    tenant: &TenantId,
    filters: &Filters<'_, D, G, M>,
    expires_at: SystemTime,
) -> String {
    format!(
        r#"{{"type":"connected","tenant_id":{},"filters":{filters},"expires_at":"{}"}}"#,
        Text(tenant.as_str()),
        seconds(expires_at)
    )
}

/// The gateway drains: come back after this time, in whole milliseconds.
pub fn reconnect(after: Duration) -> String {
    let after_ms = after.as_millis();
    format!(r#"{{"type":"reconnect","after_ms":{after_ms}}}"#)
}

/// The token of an event stream has expired: what a WebSocket is told by its close code.
pub const EXPIRED: &str = r#"{"type":"expired","detail":"Invalid or expired token"}"#;

/// An instant in whole seconds, rounded down, as RFC 3339 in UTC: `2026-02-16T13:00:00Z`.
pub fn seconds(at: SystemTime) -> impl fmt::Display {
    humantime::format_rfc3339_seconds(sayable(at))
}

/// A token's `exp` may be any number, and humantime panics outside the years that it knows.
fn sayable(at: SystemTime) -> SystemTime {
    at.clamp(UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(LAST_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> SystemTime {
        humantime::parse_rfc3339("2026-02-16T12:00:00Z").expect("a time")
    }

    #[test]
    fn connected_shows_tenant_filters_and_expiry() {
        let filters = Filters::<_, &str, &str> {
            device_ids: &["A"],
            group_ids: &[],
            metric_names: &[],
            all_devices: false,
        };
        let tenant = TenantId::parse("TENANT1").expect("a name");
        assert_eq!(
            connected(&tenant, &filters, noon() + Duration::from_millis(3_600_999)),
            r#"{"type":"connected","tenant_id":"TENANT1","filters":{"device_ids":["A"],"group_ids":[],"metric_names":[],"all_devices":false},"expires_at":"2026-02-16T13:00:00Z"}"#
        );
    }

    #[test]
    fn filters_name_all_three_kinds() {
        let filters = Filters {
            device_ids: &["A", "B"],
            group_ids: &["G".to_owned()],
            metric_names: &["a \"b\""],
            all_devices: true,
        };
        assert_eq!(
            filters.to_string(),
            r#"{"device_ids":["A","B"],"group_ids":["G"],"metric_names":["a \"b\""],"all_devices":true}"#
        );
    }

    #[test]
    fn reconnect_tells_whole_milliseconds() {
        assert_eq!(
            reconnect(Duration::from_micros(1_234_567)),
            r#"{"type":"reconnect","after_ms":1234}"#
        );
    }

    #[test]
    fn a_time_beyond_the_calendar_is_the_last_one() {
        let never = UNIX_EPOCH + Duration::from_secs(1 << 40);
        assert_eq!(seconds(never).to_string(), "9999-12-31T23:59:59Z");
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(seconds(before).to_string(), "1970-01-01T00:00:00Z");
    }
}
