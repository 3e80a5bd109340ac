//! How an event is handed to the server, and what comes back: MQTT 3.1.1, NATS, or HTTP POST.

use crate::Fault;
use crate::dialect::{mqtt, nats};
use crate::http::{Body, Head};
use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{ConnectReturnCode, Packet, PubAck, Publish};
use std::str::FromStr;

/// QoS 1 events without an acknowledgement at most: mosquitto's `max_inflight_messages`.
const UNACKNOWLEDGED_MAX: usize = 20;

/// Requests without an answer at most.
const UNANSWERED_MAX: usize = 64;

/// Where events are published, as `--publish` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The protocol.
    pub(crate) scheme: Scheme,
    /// `HOST:PORT`.
    pub(crate) address: String,
    /// From the slash on, for HTTP.
    pub(crate) path: String,
}

/// A protocol to publish with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// MQTT 3.1.1.
    Mqtt,
    /// NATS.
    Nats,
    /// HTTP/1.1, a POST per event.
    Http,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let scheme = match scheme {
            "mqtt" => Scheme::Mqtt,
            "nats" => Scheme::Nats,
            "http" => Scheme::Http,
            _ => return Err("mqtt://HOST:PORT, nats://HOST:PORT or http://HOST:PORT/path".into()),
        };
        let (address, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        if !address.contains(':') || (scheme != Scheme::Http && path != "/") {
            return Err(format!("{text:?} is no {scheme:?} address with a port"));
        }
        Ok(Target { scheme, address: address.into(), path: path.into() })
    }
}

/// The publisher's side of the protocol: bytes in, bytes out.
#[derive(Debug)]
pub(crate) struct Wire {
    target: Target,
    tenant: String,
    qos: QoS,
    /// The server takes events.
    ready: bool,
    /// Events that the server has still to acknowledge, where it does.
    open: usize,
    /// The last packet id.
    packet_id: u16,
    /// The beginning of what came in and was cut.
    cut: Vec<u8>,
    /// The rest of an answer's body.
    body: Option<Body>,
}

impl Wire {
    /// Nothing was said yet.
    pub(crate) fn new(target: Target, tenant: &str, qos: u8) -> Self {
        Wire {
            ready: target.scheme == Scheme::Http,
            target,
            tenant: tenant.into(),
            qos: if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce },
            open: 0,
            packet_id: 0,
            cut: Vec::new(),
            body: None,
        }
    }

    /// What a client says first.
    pub(crate) fn opening(&self) -> BytesMut {
        let mut out = BytesMut::new();
        match self.target.scheme {
            Scheme::Mqtt => mqtt::write(&mqtt::connect("loadgen-publisher"), &mut out),
            Scheme::Nats => {
                out.extend_from_slice(nats::CONNECT.as_bytes());
                out.extend_from_slice(b"PING\r\n");
            }
            Scheme::Http => {}
        }
        out
    }

    /// Whether the server takes events.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }

    /// How many events may be handed over now.
    pub(crate) fn room(&self) -> usize {
        match (self.target.scheme, self.qos) {
            (Scheme::Http, _) => UNANSWERED_MAX - self.open,
            (Scheme::Mqtt, QoS::AtLeastOnce) => UNACKNOWLEDGED_MAX - self.open,
            _ => usize::MAX,
        }
    }

    /// Appends an event of a device.
    pub(crate) fn event(&mut self, device: u32, payload: &[u8], out: &mut BytesMut) {
        match self.target.scheme {
            Scheme::Mqtt => self.publish(device, payload, out),
            Scheme::Nats => {
                let head = format!("PUB telemetry.d{device} {}\r\n", payload.len());
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(payload);
                out.extend_from_slice(b"\r\n");
            }
            Scheme::Http => {
                let path = self.target.path.replace("{device}", &format!("d{device}"));
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    self.target.address,
                    payload.len(),
                );
                out.extend_from_slice(head.as_bytes());
                out.extend_from_slice(payload);
                self.open += 1;
            }
        }
    }

    fn publish(&mut self, device: u32, payload: &[u8], out: &mut BytesMut) {
        let topic = format!("tenant/{}/device/d{device}/telemetry", self.tenant);
        let mut publish = Publish::from_bytes(topic, self.qos, Bytes::copy_from_slice(payload));
        if self.qos == QoS::AtLeastOnce {
            // At most 20 ids are open, so the next one is free.
            self.packet_id = self.packet_id.checked_add(1).unwrap_or(1);
            publish.pkid = self.packet_id;
            self.open += 1;
        }
        mqtt::write(&Packet::Publish(publish), out);
    }

    /// Takes what the server said. Answers are appended to `out`.
    ///
    /// # Errors
    /// If it refuses, or breaks the protocol.
    pub(crate) fn hear(&mut self, bytes: &[u8], out: &mut BytesMut) -> Result<(), Fault> {
        let mut cut = std::mem::take(&mut self.cut);
        cut.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(length) = self.take(&cut[at..], out)? {
            at += length;
        }
        cut.drain(..at);
        self.cut = cut;
        Ok(())
    }

    /// Takes one answer off the front, and gives its length; `None` if it is not whole yet.
    fn take(&mut self, bytes: &[u8], out: &mut BytesMut) -> Result<Option<usize>, Fault> {
        if bytes.is_empty() {
            return Ok(None);
        }
        match self.target.scheme {
            Scheme::Mqtt => self.packet(bytes),
            Scheme::Nats => self.operation(bytes, out),
            Scheme::Http => self.answer(bytes),
        }
    }

    fn packet(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let Some(packet) = mqtt::whole(bytes)? else {
            return Ok(None);
        };
        match mqtt::read(packet)? {
            Packet::ConnAck(answer) if answer.code == ConnectReturnCode::Success => self.ready = true,
            Packet::ConnAck(_) => return Err(Fault("the broker refused to connect")),
            Packet::PubAck(PubAck { .. }) => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        Ok(Some(packet.len()))
    }

    fn operation(&mut self, bytes: &[u8], out: &mut BytesMut) -> Result<Option<usize>, Fault> {
        let Some((operation, length)) = nats::take(bytes)? else {
            return Ok(None);
        };
        match operation {
            nats::Operation::Ping => out.extend_from_slice(b"PONG\r\n"),
            nats::Operation::Pong => self.ready = true,
            _ => {}
        }
        Ok(Some(length))
    }

    fn answer(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let mut rest = bytes;
        if self.body.is_none() {
            let Some((head, length)) = Head::take(bytes)? else {
                return Ok(None);
            };
            if !(200..300).contains(&head.status) {
                return Err(Fault("a POST was refused"));
            }
            self.body = Some(head.body());
            rest = &bytes[length..];
        }
        if let Some(body) = &mut self.body {
            body.feed(&mut rest, |_| Ok(()))?;
            if body.is_over() {
                self.body = None;
                self.open = self.open.saturating_sub(1);
            }
        }
        Ok(Some(bytes.len() - rest.len()))
    }
}

#[cfg(test)]
mod tests;
