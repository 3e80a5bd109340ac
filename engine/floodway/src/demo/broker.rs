//! The embedded broker: rumqttd, for MQTT 3.1.1 and for MQTT 5, each on a loopback port of its own.
//!
//! Invariant: a [`Broker`] has answered a CONNECT on each of its ports. rumqttd can't be stopped; it lives as long as
//! the process.
//!
//! The gateway and the simulated devices have a port of their own. A client that rumqttd refuses (its id holds one of
//! `+ # / $`, or there are too many) and that comes again makes rumqttd panic, after which that port refuses everybody.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use rumqttd::{ConnectionSettings, RouterConfig, ServerSettings};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::knock::{self, Version};

/// How long it may take until the broker answers. It takes some milliseconds.
const START: Duration = Duration::from_secs(5);

/// Connections, those of the simulated devices included. Generous, since a refusal has consequences (see above).
const CONNECTIONS: usize = 1_000;

/// Messages that are kept for each subscribed filter: what a subscriber may lag.
const SEGMENT_BYTES: usize = 1 << 20;
const SEGMENTS: usize = 2;

/// Packets in one write to a subscriber.
const WRITE_PACKETS: u64 = 200;

/// Messages of QoS 1 and 2 that wait for an acknowledgement of one client.
const INFLIGHT: usize = 100;

/// From the TCP connection to the CONNECT packet.
const CONNECT_TIMEOUT_MS: u16 = 5_000;

/// The pause that rumqttd makes after each connection that it accepts.
const ACCEPT_PAUSE_MS: u64 = 1;

/// Why the embedded broker does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokerError {
    /// Loopback has no free port, or the system no thread.
    #[error("the embedded broker can't start: {0}")]
    System(#[from] io::Error),
    /// rumqttd gave up.
    #[error("the embedded broker has ended: {0}")]
    Ended(String),
    /// Nobody answers.
    #[error(
        "the embedded broker does not answer at {0} after {START:?}; if another program took that port meanwhile, start again"
    )]
    Unanswered(SocketAddr),
}

/// The running broker. Everyone on this machine may connect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broker {
    /// Where the gateway and the simulated devices connect, with MQTT 5.
    pub(crate) inner: SocketAddr,
    /// Where outside clients of MQTT 3.1.1 connect.
    pub(crate) v4: SocketAddr,
    /// Where outside clients of MQTT 5 connect.
    pub(crate) v5: SocketAddr,
}

impl Broker {
    /// Starts the broker, which takes packets of up to `packet_bytes`, and waits until it answers.
    pub(crate) async fn start(packet_bytes: usize) -> Result<Self, BrokerError> {
        let [inner, v4, v5] = free_ports()?;
        let broker = Self { inner, v4, v5 };
        let config = broker.config(packet_bytes);
        let (report, ended) = oneshot::channel();
        let run = move || {
            let ended = rumqttd::Broker::new(config).start();
            // The receiver is gone once the broker has answered.
            let _ = report.send(ended.err().map(|error| error.to_string()));
        };
        thread::Builder::new().name("broker".to_owned()).spawn(run)?;
        tokio::select! {
            why = ended => {
                let why = why.ok().flatten();
                Err(BrokerError::Ended(why.unwrap_or_else(|| "no listener is left".to_owned())))
            }
            answered = broker.answers() => answered.map(|()| broker),
        }
    }

    async fn answers(&self) -> Result<(), BrokerError> {
        let ports = [(self.inner, Version::V5), (self.v4, Version::V4), (self.v5, Version::V5)];
        let deadline = Instant::now() + START;
        for (address, version) in ports {
            let answered = timeout_at(deadline, knock::until_answered(address, version)).await;
            answered.map_err(|_| BrokerError::Unanswered(address))?;
        }
        Ok(())
    }

    fn config(&self, packet_bytes: usize) -> rumqttd::Config {
        let servers = |servers: &[(&str, SocketAddr)]| {
            let named = servers
                .iter()
                .map(|&(name, listen)| (name.to_owned(), settings(name, listen, packet_bytes)));
            Some(named.collect::<HashMap<_, _>>())
        };
        rumqttd::Config {
            router: RouterConfig {
                max_connections: CONNECTIONS,
                max_outgoing_packet_count: WRITE_PACKETS,
                max_segment_size: SEGMENT_BYTES,
                max_segment_count: SEGMENTS,
                ..RouterConfig::default()
            },
            v4: servers(&[("broker-v4", self.v4)]),
            v5: servers(&[("broker-inner", self.inner), ("broker-v5", self.v5)]),
            ..rumqttd::Config::default()
        }
    }
}

fn settings(name: &str, listen: SocketAddr, packet_bytes: usize) -> ServerSettings {
    ServerSettings {
        name: name.to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: ACCEPT_PAUSE_MS,
        connections: ConnectionSettings {
            connection_timeout_ms: CONNECT_TIMEOUT_MS,
            max_payload_size: packet_bytes,
            max_inflight_count: INFLIGHT,
            auth: None,
            external_auth: None,
            // A topic becomes known with its first subscriber or message.
            dynamic_filters: true,
        },
    }
}

/// Free ports. rumqttd binds by itself and does not say where, so they have to be released first.
fn free_ports() -> io::Result<[SocketAddr; 3]> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    // All are held at once, so that they differ.
    let held = [free()?, free()?, free()?];
    let [inner, v4, v5] = &held;
    Ok([inner.local_addr()?, v4.local_addr()?, v5.local_addr()?])
}

#[cfg(test)]
mod tests;
