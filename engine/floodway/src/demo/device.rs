//! One simulated device: who it is, and what it says.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use super::kinds::{Measure, Metrics};
use super::signal::Seed;
use floodway_sources::router::Topics;

/// What a real device proves itself with. It must never reach a subscriber.
const PROVISION_TOKEN: &str = "demo-provision-token";

/// How far from a second the pause between two messages may be.
const JITTER: f64 = 0.15;

/// Who a device is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Device {
    pub(super) tenant: &'static str,
    pub(super) site: &'static str,
    pub(super) id: &'static str,
    pub(super) measure: Measure,
}

/// The payload of telemetry, as devices in the field send it.
#[derive(Serialize)]
struct Message<'a> {
    ts: String,
    site_id: &'a str,
    provision_token: &'a str,
    #[serde(serialize_with = "in_order")]
    metrics: Metrics,
}

impl Device {
    /// The topic that it publishes to.
    pub(super) fn topic(&self) -> String {
        Topics::default().topic_of(self.tenant, self.id)
    }

    /// The payload of its message at `now`.
    pub(super) fn payload(&self, now: SystemTime) -> Vec<u8> {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let message = Message {
            ts: humantime::format_rfc3339_millis(now).to_string(),
            site_id: self.site,
            provision_token: PROVISION_TOKEN,
            metrics: (self.measure)(self.seed(), since.as_secs_f64()),
        };
        serde_json::to_vec(&message).expect("numbers, texts and flags under text keys")
    }

    /// The pause after its `n`th message: about a second.
    pub(super) fn pause(&self, n: i64) -> Duration {
        let off = self.seed().part("pause").unit(n) * 2.0 - 1.0;
        Duration::from_secs_f64(1.0 + JITTER * off)
    }

    fn seed(&self) -> Seed {
        Seed::of(self.tenant).part(self.id)
    }
}

fn in_order<S: Serializer>(metrics: &Metrics, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(metrics.iter().map(|(name, value)| (name, value)))
}

#[cfg(test)]
mod tests;
