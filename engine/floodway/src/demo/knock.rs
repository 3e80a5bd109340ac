//! Finds out whether a broker answers, by asking it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(5);

/// First byte of a CONNACK (MQTT 5.0, 3.2.1; the same in 3.1.1).
const CONNACK: u8 = 0x20;

/// The protocol level of a CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// MQTT 3.1.1.
    V4 = 4,
    /// MQTT 5.
    V5 = 5,
}

/// Returns as soon as a broker at `address` answers a CONNECT.
pub(super) async fn until_answered(address: SocketAddr, version: Version) {
    while !matches!(is_answered(address, version).await, Ok(true)) {
        tokio::time::sleep(PAUSE).await;
    }
}

/// A connection alone proves nothing: on loopback a port without a listener can connect to itself. It ends without a
/// DISCONNECT: of one that says good-bye and then closes rumqttd hears twice that it is gone, and the second time it may
/// cut whoever was given the same place meanwhile. A device that comes back from that makes it panic.
async fn is_answered(address: SocketAddr, version: Version) -> io::Result<bool> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(&connect(version)).await?;
    let answer = socket.read_u8().await?;
    Ok(answer == CONNACK)
}

/// A CONNECT with a clean start, a keep alive of 10 s and an empty client id (MQTT 5.0, 3.1): the broker makes one up.
/// With one of our own a second question, soon after the first, would take the first one's place, and rumqttd mixes up
/// the two: what ends the old connection ends the new one.
fn connect(version: Version) -> Vec<u8> {
    let mut rest = b"\x00\x04MQTT".to_vec();
    rest.extend([version as u8, 0x02, 0, 10]);
    if version == Version::V5 {
        // No properties.
        rest.push(0);
    }
    rest.extend([0, 0]);
    let mut packet = vec![0x10, rest.len() as u8];
    packet.extend(rest);
    packet
}

#[cfg(test)]
mod tests;
