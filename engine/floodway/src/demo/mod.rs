//! What `floodway demo` brings along besides the gateway: an embedded broker and simulated devices.
//!
//! Invariant: the devices reach the gateway as real ones do, over MQTT. What they measure is a function of their name
//! and the time, so that two runs at the same time publish the same. Only this module knows rumqttd.

mod broker;
mod device;
mod fleet;
mod kinds;
mod knock;
mod publisher;
mod signal;

pub(crate) use broker::Broker;
pub(crate) use fleet::{Fleet, TENANTS};
