//! The embedded broker: rumqttd, for MQTT 3.1.1 and for MQTT 5, each on a loopback port of its own.
//!
//! Invariant: a [`Broker`] has answered a CONNECT on both ports. rumqttd can't be stopped; it lives as long as the
//! process.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use rumqttd::{ConnectionSettings, RouterConfig, ServerSettings};
use tokio::sync::oneshot;

use super::knock::{self, Version};

/// How long it may take until the broker answers. It takes some milliseconds.
const START: Duration = Duration::from_secs(5);

/// Connections, those of the simulated devices included. Generous: after a refusal rumqttd panics when the refused
/// client comes again, and then lets nobody in.
const CONNECTIONS: usize = 1_000;

/// Messages are kept for each filter that somebody subscribes to, until this much is full: what a subscriber may lag.
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
pub enum BrokerError {
    /// Loopback has no free port, or the system no thread.
    #[error("the embedded broker can't start: {0}")]
    System(#[from] io::Error),
    /// rumqttd gave up.
    #[error("the embedded broker has ended: {0}")]
    Ended(String),
    /// Nobody answers.
    #[error(
        "the embedded broker does not answer at {v4} and {v5} after {START:?}; if another program took one of these ports, start again"
    )]
    Unanswered {
        /// Where MQTT 3.1.1 was expected.
        v4: SocketAddr,
        /// Where MQTT 5 was expected.
        v5: SocketAddr,
    },
}

/// The running broker. Everyone on this machine may connect.
#[derive(Clone, Copy, Debug)]
pub struct Broker {
    v4: SocketAddr,
    v5: SocketAddr,
}

impl Broker {
    /// Starts the broker, which takes packets of up to `packet_bytes`, and waits until it answers.
    ///
    /// # Errors
    /// If it does not answer within some seconds.
    pub async fn start(packet_bytes: usize) -> Result<Self, BrokerError> {
        let (v4, v5) = free_ports()?;
        let config = config(v4, v5, packet_bytes);
        let (tell, ended) = oneshot::channel();
        let run = move || {
            let ended = rumqttd::Broker::new(config).start();
            // Nobody listens any more once the broker has answered.
            let _ = tell.send(ended.err().map(|error| error.to_string()));
        };
        thread::Builder::new()
            .name("broker".to_owned())
            .spawn(run)?;
        let answered = async {
            knock::until_answered(v4, Version::V4).await;
            knock::until_answered(v5, Version::V5).await;
        };
        tokio::select! {
            why = ended => {
                let why = why.ok().flatten();
                Err(BrokerError::Ended(why.unwrap_or_else(|| "no listener is left".to_owned())))
            }
            answered = tokio::time::timeout(START, answered) => match answered {
                Ok(()) => Ok(Self { v4, v5 }),
                Err(_) => Err(BrokerError::Unanswered { v4, v5 }),
            },
        }
    }

    /// Where clients of MQTT 3.1.1 connect.
    pub fn v4(&self) -> SocketAddr {
        self.v4
    }

    /// Where clients of MQTT 5 connect.
    pub fn v5(&self) -> SocketAddr {
        self.v5
    }
}

/// Two ports that nobody listens on. rumqttd binds by itself and does not tell where, so they have to be let go first.
fn free_ports() -> io::Result<(SocketAddr, SocketAddr)> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    // Both are held at once, so that they differ.
    let (one, other) = (free()?, free()?);
    Ok((one.local_addr()?, other.local_addr()?))
}

fn config(v4: SocketAddr, v5: SocketAddr, packet_bytes: usize) -> rumqttd::Config {
    let server = |name: &str, listen| {
        let settings = ServerSettings {
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
        };
        Some(HashMap::from([(name.to_owned(), settings)]))
    };
    rumqttd::Config {
        router: RouterConfig {
            max_connections: CONNECTIONS,
            max_outgoing_packet_count: WRITE_PACKETS,
            max_segment_size: SEGMENT_BYTES,
            max_segment_count: SEGMENTS,
            ..RouterConfig::default()
        },
        v4: server("broker-v4", v4),
        v5: server("broker-v5", v5),
        ..rumqttd::Config::default()
    }
}
