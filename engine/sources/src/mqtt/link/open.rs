//! From a broker's address to its CONNACK.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::codec::{Hello, Welcome, malformed};
use super::error::LinkError;
use super::incoming::READ_BYTES;
use super::version::Version;
use super::{Client, Stream};
use crate::mqtt::broker::Broker;
use crate::mqtt::config::Config;

pub(super) async fn dial(config: &Config, broker: &Broker, deadline: Instant) -> Result<TcpStream, LinkError> {
    let found = timeout_at(deadline, lookup_host(&broker.address)).await;
    let found = found.map_err(|_| timed_out(config, "address for its name"))?;
    let addresses: Vec<SocketAddr> = found.map_err(LinkError::Name)?.collect();
    first_of(config, &addresses, deadline).await
}

/// A connection to the first of `addresses` that can be reached.
async fn first_of(config: &Config, addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, LinkError> {
    let mut failure = timed_out(config, "address for its name");
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
            Err(_) => timed_out(config, "TCP connection"),
        };
    }
    Err(failure)
}

/// Sends `connect` over `stream`, and reads the CONNACK into `read`, and perhaps some of what follows. Returns what the
/// CONNACK says.
pub(super) async fn greet(
    version: Version,
    stream: &mut dyn Stream,
    connect: &[u8],
    read: &mut BytesMut,
) -> Result<Welcome, LinkError> {
    stream.write_all(connect).await.map_err(LinkError::Broken)?;
    loop {
        if let Some(welcome) = version.connack(read)? {
            return Ok(welcome);
        }
        read.reserve(READ_BYTES);
        match stream.read_buf(&mut (&mut *read).limit(READ_BYTES)).await {
            Ok(0) if read.is_empty() => return Err(LinkError::NoAnswer),
            Ok(0) => return Err(LinkError::Closed),
            Ok(_) => {}
            // A broker that closes while some of CONNECT is unread.
            Err(_) if read.is_empty() => return Err(LinkError::NoAnswer),
            Err(error) => return Err(LinkError::Broken(error)),
        }
    }
}

/// The CONNECT as bytes.
pub(super) fn connect(
    version: Version,
    config: &Config,
    broker: &Broker,
    client: &Client<'_>,
) -> Result<Bytes, LinkError> {
    let password = config.password.as_deref().unwrap_or_default();
    let configured = config.username.as_deref().map(|user| (user, password));
    let hello = Hello {
        client,
        login: broker.login().or(configured),
        // In whole seconds, and never less than the pause between two pings.
        keep_alive: config.keep_alive.as_secs_f64().ceil() as u16,
        packet_bytes: config.packet_bytes,
    };
    let mut bytes = BytesMut::new();
    if version.connect(&hello).write(&mut bytes) {
        Ok(bytes.freeze())
    } else {
        Err(malformed())
    }
}

pub(super) fn timed_out(config: &Config, awaited: &'static str) -> LinkError {
    LinkError::Timeout { awaited, within: config.connect_timeout }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
