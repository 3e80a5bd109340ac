//! MQTT 3.1.1 inside binary WebSocket messages; a packet may span messages, and a message may hold many packets.

use super::Heard;
use crate::Fault;
use crate::ws::{self, Opcode};
use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{Connect, Packet, SubAck, Subscribe};
use rumqttc::mqttbytes::{self, QoS};

/// The most that one packet may have.
pub(crate) const PACKET_BYTES_MAX: usize = 16 << 20;

/// The first byte's upper half of a PUBLISH.
const PUBLISH: u8 = 3;

/// `CONNECT` of a client that is never pinged, for a run is short and TCP tells of a broker that is gone.
pub(crate) fn connect(client: &str) -> Packet {
    let mut connect = Connect::new(client);
    connect.keep_alive = 0;
    Packet::Connect(connect)
}

/// Appends a packet.
pub(crate) fn write(packet: &Packet, out: &mut BytesMut) {
    // The packets of an instrument are never empty and never longer than that.
    packet.write(out, PACKET_BYTES_MAX).expect("a packet that can be written");
}

/// Both at once: a broker takes in what follows CONNECT (section 3.1.4 lets a client send without waiting).
pub(super) fn opening(client: &str, topic: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut packets = BytesMut::new();
    write(&connect(client), &mut packets);
    let mut subscribe = Subscribe::new(topic, QoS::AtMostOnce);
    subscribe.pkid = 1;
    write(&Packet::Subscribe(subscribe), &mut packets);
    ws::frame(Opcode::Binary, &packets, &mut out);
    out
}

/// The bytes of the packet at the front; `None` if it is not whole yet.
///
/// # Errors
/// If it is longer than 16 MiB, or no packet.
pub(crate) fn whole(bytes: &[u8]) -> Result<Option<&[u8]>, Fault> {
    match mqttbytes::check(bytes.iter(), PACKET_BYTES_MAX) {
        Ok(header) => Ok(Some(&bytes[..header.frame_length()])),
        Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
        Err(_) => Err(Fault("no packet of MQTT")),
    }
}

/// Reads a whole packet.
///
/// # Errors
/// If it is none of MQTT 3.1.1.
pub(crate) fn read(packet: &[u8]) -> Result<Packet, Fault> {
    let mut packet = BytesMut::from(packet);
    Packet::read(&mut packet, PACKET_BYTES_MAX).map_err(|_| Fault("no packet of MQTT 3.1.1"))
}

/// A subscriber's conversation.
#[derive(Debug, Default)]
pub(crate) struct Mqtt {
    /// The beginning of a packet that was cut.
    cut: Vec<u8>,
}

impl Mqtt {
    /// Takes one WebSocket message.
    ///
    /// # Errors
    /// If it is no MQTT, or the broker refuses.
    pub(super) fn hear(&mut self, message: &[u8], mut sink: impl FnMut(Heard<'_>)) -> Result<(), Fault> {
        let mut cut = std::mem::take(&mut self.cut);
        let bytes = match cut.is_empty() {
            true => message,
            false => {
                cut.extend_from_slice(message);
                &cut
            }
        };
        let mut at = 0;
        while let Some(packet) = whole(&bytes[at..])? {
            match packet[0] >> 4 {
                PUBLISH => sink(Heard::Event(payload(packet)?)),
                _ => control(&read(packet)?, &mut sink)?,
            }
            at += packet.len();
        }
        self.cut = bytes[at..].to_vec();
        Ok(())
    }
}

/// The payload of a PUBLISH, where it lies: this is done per delivery.
fn payload(packet: &[u8]) -> Result<&[u8], Fault> {
    let length = packet[1..].iter().take_while(|&&byte| byte & 0x80 != 0).count() + 1;
    let rest = &packet[1 + length..];
    let [high, low, ..] = *rest else {
        return Err(Fault("a PUBLISH without a topic"));
    };
    let id = if packet[0] & 0b110 == 0 { 0 } else { 2 };
    let begin = 2 + usize::from(u16::from_be_bytes([high, low])) + id;
    rest.get(begin..).ok_or(Fault("a PUBLISH that is cut off"))
}

fn control(packet: &Packet, sink: &mut impl FnMut(Heard<'_>)) -> Result<(), Fault> {
    use rumqttc::mqttbytes::v4::{ConnectReturnCode, SubscribeReasonCode};
    match packet {
        Packet::ConnAck(answer) if answer.code != ConnectReturnCode::Success => {
            Err(Fault("the broker refused to connect"))
        }
        Packet::SubAck(SubAck { return_codes, .. }) => {
            if return_codes.contains(&SubscribeReasonCode::Failure) {
                return Err(Fault("the broker refused the subscription"));
            }
            sink(Heard::Ready);
            Ok(())
        }
        _ => Ok(()),
    }
}
