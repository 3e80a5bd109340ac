//! From our CONNECT to the broker's CONNACK.

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Client;
use super::codec::{Hello, Welcome, malformed};
use super::error::LinkError;
use super::incoming::READ_BYTES;
use super::transport::Stream;
use super::version::Version;
use crate::mqtt::broker::Broker;
use crate::mqtt::config::Config;

/// Sends `connect` over `stream`, and reads the CONNACK into `read`, and perhaps some of what follows. Returns what the
/// CONNACK says.
pub(super) async fn greet(
    version: Version,
    stream: &mut dyn Stream,
    connect: &[u8],
    read: &mut BytesMut,
) -> Result<Welcome, LinkError> {
    // What it says before it closes may tell more than that it has closed.
    let _ = stream.write_all(connect).await;
    let _ = stream.flush().await;
    loop {
        if let Some(welcome) = version.connack(read)? {
            return Ok(welcome);
        }
        read.reserve(READ_BYTES);
        match stream.read_buf(&mut (&mut *read).limit(READ_BYTES)).await {
            Ok(0) if read.is_empty() => return Err(LinkError::NoAnswer),
            Ok(0) => return Err(LinkError::Closed),
            Ok(_) => {}
            Err(error) => match LinkError::broken(error) {
                // A broker that closes while some of CONNECT is unread.
                LinkError::Broken(_) if read.is_empty() => return Err(LinkError::NoAnswer),
                error => return Err(error),
            },
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

#[cfg(all(test, not(floodway_loom)))]
mod tests;
