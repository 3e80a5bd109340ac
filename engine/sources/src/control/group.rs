//! The document of a group.

use serde_json::{Value, json};

use super::field::{Invalid, object, unknown};
use floodway_protocol::names::DeviceId;

/// A group's members. Sorted, each once: two groups with the same members are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    devices: Vec<DeviceId>,
}

impl Group {
    /// A group of these devices, `most` at most. One without any is allowed: it has no members yet.
    ///
    /// # Errors
    /// Names the position of the first name that is none, or `devices` if there are too many.
    pub fn new<'a>(devices: impl IntoIterator<Item = &'a str>, most: usize) -> Result<Self, Invalid> {
        let mut members = Vec::new();
        for (position, name) in devices.into_iter().enumerate() {
            if position == most {
                let reason = format!("are more than {most} (control.group_devices)");
                return Err(Invalid::new("devices", reason));
            }
            let device = DeviceId::parse(name).map_err(|bad| at(position, bad.to_string()))?;
            members.push(device);
        }
        members.sort_unstable();
        members.dedup();
        Ok(Self { devices: members })
    }

    /// Reads the document.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn parse(payload: &[u8], most: usize) -> Result<Self, Invalid> {
        let mut fields = object(payload)?;
        let devices = fields.remove("devices");
        if let Some((name, _)) = fields.into_iter().next() {
            return Err(unknown(&name));
        }
        let Some(Value::Array(devices)) = devices else {
            return Err(Invalid::new("devices", "must be a list of names"));
        };
        let texts: Result<Vec<&str>, Invalid> = devices
            .iter()
            .enumerate()
            .map(|(position, name)| name.as_str().ok_or_else(|| at(position, "is not a text".to_owned())))
            .collect();
        Self::new(texts?, most)
    }

    /// Its members, sorted.
    pub fn devices(&self) -> &[DeviceId] {
        &self.devices
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        let devices: Vec<&str> = self.devices.iter().map(DeviceId::as_str).collect();
        json!({ "devices": devices }).to_string().into_bytes()
    }
}

fn at(position: usize, reason: String) -> Invalid {
    Invalid::new(format!("devices[{position}]"), reason)
}
