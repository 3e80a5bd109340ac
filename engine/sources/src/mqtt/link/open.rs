//! From our CONNECT to the broker's CONNACK.

use bytes::{BufMut, Bytes, BytesMut};
use rumqttc::v5::mqttbytes::v5::{ConnAck, Connect, ConnectProperties, LastWill, Login, Packet, check};
use rumqttc::v5::mqttbytes::{Error as CodecError, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Client;
use super::error::{LinkError, Reason};
use super::incoming::{READ_BYTES, body, disconnect_reason};
use super::transport::Stream;
use crate::mqtt::broker::Broker;
use crate::mqtt::config::Config;

/// Messages of QoS 1 that the broker may send ahead of their acknowledgement (Receive Maximum, MQTT 5.0, 3.1.2.11.3):
/// all that there can be. Mosquitto 2.0 drops what of the retained messages of a subscription is neither among these nor
/// among the 1,000 that it queues: of 5,000 control documents, 2,024 came with 1,024 here.
const RECEIVE_MAX: u16 = u16::MAX;

/// Bytes of a CONNACK: its texts are the only ones of some length.
const CONNACK_BYTES: u32 = 256 * 1024;

/// The first byte of a CONNACK, and of a DISCONNECT, which some send in its place.
const CONNACK: u8 = 0x20;
const DISCONNECT: u8 = 0xe0;

/// Sends `connect` over `stream`, and reads the CONNACK into `read`, and perhaps some of what follows. Returns the CONNACK.
pub(super) async fn greet(stream: &mut dyn Stream, connect: &[u8], read: &mut BytesMut) -> Result<ConnAck, LinkError> {
    // What it says before it closes may tell more than that it has closed.
    let _ = stream.write_all(connect).await;
    let _ = stream.flush().await;
    loop {
        if let Some(connack) = connack(read)? {
            return Ok(connack);
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

/// The CONNACK at the beginning of `read`, once it is there.
fn connack(read: &mut BytesMut) -> Result<Option<ConnAck>, LinkError> {
    let first = match read.first() {
        None => return Ok(None),
        Some(&first @ (CONNACK | DISCONNECT)) => first,
        Some(&other) => return Err(LinkError::Foreign(other)),
    };
    let header = match check(read.iter(), Some(CONNACK_BYTES)) {
        Ok(header) => header,
        Err(CodecError::InsufficientBytes(_)) => return Ok(None),
        Err(error) => return Err(LinkError::Malformed(error)),
    };
    let frame = read.split_to(header.frame_length()).freeze();
    if first == DISCONNECT {
        return Err(LinkError::Disconnected(disconnect_reason(header, frame)));
    }
    let parsed = ConnAck::read(header, frame.clone());
    match *body(&frame) {
        // Without properties: the form of MQTT 3.1.1.
        [_, 0 | 1] | [_, 0x84, ..] => Err(LinkError::NotMqtt5),
        [_, code] => Err(LinkError::Refused(Reason::of_old(code))),
        [_, 0, ..] => parsed.map(Some).map_err(LinkError::Malformed),
        [_, code, ..] => {
            let properties = parsed.ok().and_then(|connack| connack.properties);
            let text = properties.and_then(|properties| properties.reason_string);
            Err(LinkError::Refused(Reason::new(code, text)))
        }
        _ => Err(LinkError::Malformed(CodecError::MalformedPacket)),
    }
}

pub(super) fn connect(config: &Config, broker: &Broker, client: Client<'_>) -> Result<Bytes, LinkError> {
    let password = config.password.as_deref().unwrap_or_default();
    let configured = config.username.as_deref().map(|user| (user, password));
    let login = broker.login().or(configured);
    let connect = Connect {
        // In whole seconds, and never less than the pause between two pings.
        keep_alive: config.keep_alive.as_secs_f64().ceil() as u16,
        client_id: client.id.to_owned(),
        clean_start: client.session_expiry.is_none(),
        properties: Some(ConnectProperties {
            session_expiry_interval: client.session_expiry.map(|expiry| expiry.as_secs_f64().ceil() as u32),
            receive_maximum: Some(RECEIVE_MAX),
            // Announced, so the broker skips what is larger and sends the next.
            max_packet_size: Some(config.packet_bytes),
            ..ConnectProperties::new()
        }),
    };
    let will = client.will.map(|topic| LastWill::new(topic, "", QoS::AtMostOnce, true, None));
    let login = login.map(|(user, password)| Login::new(user, password));
    let mut bytes = BytesMut::new();
    Packet::Connect(connect, will, login)
        .write(&mut bytes, None)
        .map_err(LinkError::Malformed)?;
    Ok(bytes.freeze())
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
