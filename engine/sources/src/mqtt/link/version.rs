//! The versions of MQTT, and how they differ for the rest of the source.

use std::fmt;

/// A version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mqtt) enum Version {
    /// 3.1.1, whose protocol level is 4.
    V4,
    V5,
}

impl Version {
    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::V4 => Self::V5,
            Self::V5 => Self::V4,
        }
    }

    /// Whether names may hold what NATS takes for a wildcard in its subjects: it speaks MQTT 3.1.1 only, and can't be told
    /// from another broker.
    pub(in crate::mqtt) fn takes_wild_names(self) -> bool {
        self == Self::V5
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "MQTT 3.1.1",
            Self::V5 => "MQTT 5",
        })
    }
}
