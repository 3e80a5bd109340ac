//! What a subscriber asks for, what it is answered, and what it then receives.

mod answers;
mod deliveries;
mod moment;

use serde_json::{Value, json};

/// Filters as they are told.
fn filters(devices: &[&str], groups: &[&str], metrics: &[&str]) -> Value {
    let all = devices.is_empty() && groups.is_empty();
    json!({"device_ids": devices, "group_ids": groups, "metric_names": metrics, "all_devices": all})
}
