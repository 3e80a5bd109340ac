//! What tenants, devices and groups are called.
//!
//! Invariant: a name is 1 to 256 bytes long and holds no `/`, `+`, `#`, no control character and no noncharacter of Unicode, so it is
//! one level of an MQTT topic and never a wildcard (MQTT 5.0, 4.7.1). Names are made only by parsing.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// Why a text is not a name. The text itself is not repeated: it may be hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing was given.
    #[error("is empty")]
    Empty,
    /// More than [`NAME_BYTES_MAX`] bytes.
    #[error("is longer than {NAME_BYTES_MAX} bytes")]
    TooLong,
    /// One of `/ + #`, or a control character.
    #[error("holds '/', '+', '#' or a control character")]
    Forbidden,
}

/// Checks that `text` may be one level of a topic.
///
/// # Errors
/// Says what is wrong with it.
pub fn check(text: &str) -> Result<(), BadName> {
    if text.is_empty() {
        return Err(BadName::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(BadName::TooLong);
    }
    // Nearly all names are of these alone, and every event's are checked.
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if text.bytes().all(is_usual) {
        return Ok(());
    }
    if text.chars().any(|c| matches!(c, '/' | '+' | '#') || c.is_control() || is_noncharacter(c)) {
        return Err(BadName::Forbidden);
    }
    Ok(())
}

/// Whether the bytes of a name hold what NATS does not take literally in a level of a topic: its wildcards `*` and `>`, and
/// white space, which a subject can't hold.
pub fn is_wild(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'*' | b'>') || byte.is_ascii_whitespace())
}

/// MQTT 5.0, 1.5.4: a receiver may take these for malformed. Mosquitto ends the connection that subscribes to one, and
/// with it every other tenant's subscription.
fn is_noncharacter(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Makes a name of `text`.
            ///
            /// # Errors
            /// If `text` may not be one level of a topic.
            pub fn parse(text: &str) -> Result<Self, BadName> {
                check(text).map(|()| Self(Arc::from(text)))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// An isolated customer: no event crosses from one to another.
    TenantId
}
name! {
    /// A publisher of telemetry, inside one tenant.
    DeviceId
}
name! {
    /// A named set of a tenant's devices.
    GroupId
}

#[cfg(test)]
mod tests;
