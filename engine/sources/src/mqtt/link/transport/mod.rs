//! The byte stream to a broker: TCP, TLS over it where the URL says so, and a WebSocket over either.
//!
//! Invariant: what is read and written here are the bytes of MQTT, in order, whatever carries them; why there are none (any
//! more) is told as what it is, also where it shows only after a handshake has ended well.

mod fault;
mod stream;
mod tls;
mod websocket;

use std::net::SocketAddr;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::LinkError;
use crate::mqtt::broker::Broker;
use crate::mqtt::config::Config;
use crate::tls::Error;
pub(super) use fault::TransportFault;
pub(super) use stream::Stream;
use tls::Tls;

/// Reaches brokers.
pub(in crate::mqtt) struct Dialer {
    /// None if no broker is reached by TLS.
    tls: Option<Tls>,
}

impl Dialer {
    /// For these brokers. The files of `config` are read now, once.
    ///
    /// # Errors
    /// Names the setting and the file.
    pub(in crate::mqtt) fn new(config: &Config, brokers: &[Broker]) -> Result<Self, Error> {
        let uses_tls = brokers.iter().any(|broker| broker.tls_name.is_some());
        Ok(Self { tls: uses_tls.then(|| Tls::new(config)).transpose()? })
    }

    /// The byte stream to `broker`.
    pub(super) async fn dial(
        &self,
        config: &Config,
        broker: &Broker,
        deadline: Instant,
    ) -> Result<Box<dyn Stream>, LinkError> {
        let found = timeout_at(deadline, lookup_host(broker.address())).await;
        let found = found.map_err(|_| LinkError::timed_out(config, "address for its name"))?;
        let addresses: Vec<SocketAddr> = found.map_err(LinkError::Name)?.collect();
        let tcp = first_of(config, &addresses, deadline).await?;
        let mut stream: Box<dyn Stream> = Box::new(tcp);
        if let Some(name) = &broker.tls_name {
            let tls = self.tls.as_ref().expect("it was made for this broker");
            let shaken = timeout_at(deadline, tls.handshake(name.clone(), stream)).await;
            stream = Box::new(shaken.map_err(|_| LinkError::timed_out(config, "end of the TLS handshake"))??);
        }
        if let Some(path) = &broker.path {
            let upgraded = timeout_at(deadline, websocket::upgrade(stream, &broker.authority(), path)).await;
            stream = Box::new(upgraded.map_err(|_| LinkError::timed_out(config, "answer to the WebSocket upgrade"))??);
        }
        Ok(stream)
    }
}

/// A connection to the first of `addresses` that can be reached.
async fn first_of(config: &Config, addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, LinkError> {
    let mut failure = LinkError::timed_out(config, "address for its name");
    for (tried, &address) in addresses.iter().enumerate() {
        // One that swallows everything leaves as much time to each of the others.
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        failure = match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).map_err(LinkError::Broken)?;
                return Ok(stream);
            }
            Ok(Err(error)) => LinkError::Unreachable(address, error),
            Err(_) => LinkError::timed_out(config, "TCP connection"),
        };
    }
    Err(failure)
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
