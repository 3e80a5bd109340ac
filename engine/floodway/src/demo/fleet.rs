//! All simulated devices.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::device::Device;
use super::kinds::{Measure, cold_store, door, machine, meter, room, tank, tracker};
use super::publisher;
use floodway_core::parts;

/// The tenants that have devices.
pub(crate) const TENANTS: [&str; 2] = ["acme", "globex"];

const fn device(tenant: &'static str, site: &'static str, id: &'static str, measure: Measure) -> Device {
    Device { tenant, site, id, measure }
}

/// Every device, the tenants in turn, so that each tenant's are spread over a second.
const DEVICES: [Device; 14] = [
    device("acme", "PLANT-1", "climate-hall", room),
    device("globex", "DEPOT-7", "cold-store-1", cold_store),
    device("acme", "PLANT-1", "press-1", machine),
    device("globex", "DEPOT-7", "truck-11", tracker::metrics),
    device("acme", "PLANT-1", "press-2", machine),
    device("globex", "DEPOT-7", "truck-12", tracker::metrics),
    device("acme", "PLANT-1", "gate-north", door),
    device("globex", "DEPOT-7", "dock-3", door),
    device("acme", "PLANT-1", "meter-main", meter),
    device("globex", "DEPOT-7", "diesel-tank", tank),
    device("acme", "PLANT-2", "climate-office", room),
    device("globex", "DEPOT-7", "meter-main", meter),
    device("acme", "PLANT-2", "van-1", tracker::metrics),
    device("globex", "DEPOT-9", "compressor-1", machine),
];

/// The running devices. They end with this value.
#[derive(Debug)]
pub(crate) struct Fleet {
    connected: Arc<AtomicUsize>,
    _running: JoinSet<()>,
}

impl Fleet {
    /// Lets every device connect to `broker` (MQTT 5) and publish about once a second, spread over the second.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn start(broker: SocketAddr) -> Self {
        let connected = Arc::new(AtomicUsize::new(0));
        let mut running = JoinSet::new();
        let (now, apart) = (Instant::now(), Duration::from_secs(1) / DEVICES.len() as u32);
        for (place, device) in (1..).zip(DEVICES) {
            let connected = Arc::clone(&connected);
            let publish = async move || {
                publisher::run(device, broker, now + apart * place, &connected).await;
            };
            running.spawn(parts::kept("device", publish));
        }
        Self { connected, _running: running }
    }

    /// Devices that there are.
    pub(crate) fn size(&self) -> usize {
        DEVICES.len()
    }

    /// The count of devices that are connected.
    pub(crate) fn connected(&self) -> impl Fn() -> usize + Send + use<> {
        let connected = Arc::clone(&self.connected);
        move || connected.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
