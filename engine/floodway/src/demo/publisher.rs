//! A device's connection to its broker.
//!
//! Invariant: it comes back by itself, however often the broker is gone. What a device measures meanwhile is lost, as
//! with a real one that keeps nothing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rumqttc::NetworkOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::time::{Instant, sleep, sleep_until};

use super::device::Device;

/// Messages that wait to be sent.
const WAITING: usize = 4;

/// Packet ids that rumqttc may use: none at QoS 0. At its own default its table for them takes 13.8 MB a device.
const PACKET_IDS: u16 = 1;

/// The shortest pause before the next attempt to connect; up to twice as long, so that the devices do not come all at
/// once.
const RECONNECT: Duration = Duration::from_millis(500);

/// Publishes for `device` for ever, from `first` on. `connected` counts the devices that are.
pub(super) async fn run(device: Device, broker: SocketAddr, first: Instant, connected: &AtomicUsize) {
    let (client, events) = AsyncClient::new(options(&device, broker), WAITING);
    let up = Up { is_up: AtomicBool::new(false), connected };
    // Side by side in one task: rumqttc's event loop must not be cancelled while it waits.
    tokio::join!(stay_connected(events, &up), publish(device, client, &up, first),);
}

fn options(device: &Device, broker: SocketAddr) -> MqttOptions {
    // An outside device of the same name must not take its place.
    let id = format!("{}-{}-{:08x}", device.tenant, device.id, fastrand::u32(..));
    let mut options = MqttOptions::new(id, broker.ip().to_string(), broker.port());
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options
        .set_clean_start(true)
        .set_outgoing_inflight_upper_limit(PACKET_IDS)
        .set_network_options(network);
    options
}

/// Relaxed throughout: these are counts and hints, and guard nothing.
/// Whether the device is connected, and the count of those that are. Its drop takes the device out of it.
struct Up<'a> {
    is_up: AtomicBool,
    connected: &'a AtomicUsize,
}

impl Up<'_> {
    fn set(&self, is_up: bool) {
        match (self.is_up.swap(is_up, Ordering::Relaxed), is_up) {
            (false, true) => _ = self.connected.fetch_add(1, Ordering::Relaxed),
            (true, false) => _ = self.connected.fetch_sub(1, Ordering::Relaxed),
            _ => {}
        }
    }
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        self.set(false);
    }
}

async fn stay_connected(mut events: EventLoop, up: &Up<'_>) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => up.set(true),
            Ok(_) => {}
            Err(_) => {
                up.set(false);
                sleep(RECONNECT.mul_f64(1.0 + fastrand::f64())).await;
            }
        }
    }
}

async fn publish(device: Device, client: AsyncClient, up: &Up<'_>, first: Instant) {
    let (topic, mut due) = (device.topic(), first);
    for n in 0.. {
        sleep_until(due).await;
        if up.is_up.load(Ordering::Relaxed) {
            let payload = device.payload(SystemTime::now());
            // Full: the broker does not read. The next message has newer values.
            let _ = client.try_publish(&topic, QoS::AtMostOnce, false, payload);
        }
        // After a suspended laptop there is nothing to catch up with.
        due = (due + device.pause(n)).max(Instant::now());
    }
}

#[cfg(test)]
mod tests;
