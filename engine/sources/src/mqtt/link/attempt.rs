//! Which version of MQTT a broker is asked in, and when in the other one.
//!
//! A broker that does not know the version of a CONNECT says so (MQTT 5.0, 3.1.2.2; 3.1.1, 3.1.2.2), or closes the
//! connection without a word, as it may for any other reason. The first is remembered for as long as the process lives,
//! until the broker says the same of the other version; the second is not.

use super::version::Version;
use super::{Client, Dialer, Link, LinkError};
use crate::control::StoreFacts;
use crate::mqtt::broker::Broker;
use crate::mqtt::config::{Config, Protocol};

impl Link {
    /// Connects to `broker` and waits for its CONNACK. If it does not speak the version that was tried first, it is asked at
    /// once in the other one, on a connection of its own, unless `mqtt.protocol` says otherwise.
    pub(in crate::mqtt) async fn connect(
        config: &Config,
        dialer: &Dialer,
        broker: &Broker,
        client: Client<'_>,
    ) -> Result<(Self, StoreFacts), LinkError> {
        let known = broker.spoken.get();
        let (first, may_change) = match config.protocol {
            Protocol::Auto => (known.unwrap_or(Version::V5), true),
            Protocol::V5 => (Version::V5, false),
            Protocol::V311 => (Version::V4, false),
        };
        let failure = match Self::connect_as(first, config, dialer, broker, &client).await {
            Ok(linked) => {
                broker.spoken.set(Some(first));
                return Ok(linked);
            }
            Err(failure) => failure,
        };
        let is_told = matches!(failure, LinkError::Version(_));
        // Who has spoken MQTT 5 before closes for another reason.
        let is_possible = is_told || matches!(failure, LinkError::NoAnswer) && known != Some(Version::V5);
        if !may_change || !is_possible {
            return Err(failure);
        }
        let other = first.other();
        tracing::debug!(%broker, %failure, "asked again as {other}");
        match Self::connect_as(other, config, dialer, broker, &client).await {
            Ok(linked) => {
                broker.spoken.set(is_told.then_some(other));
                Ok(linked)
            }
            Err(LinkError::Version(_)) if is_told => {
                broker.spoken.set(None);
                Err(LinkError::NoVersion)
            }
            Err(error) if is_told => {
                broker.spoken.set(Some(other));
                Err(error)
            }
            Err(_) => Err(failure),
        }
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
