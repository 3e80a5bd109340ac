//! The broker: a raw MQTT 3.1.1 client (QoS 0) that reads what has come, without a task or a queue of its own.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, Packet, Publish, Subscribe, SubscribeReasonCode};
use rumqttc::mqttbytes::{self, QoS};

/// How long the broker may take to answer.
const ANSWER: Duration = Duration::from_secs(5);

/// The longest packet that is taken, in bytes.
const PACKET_BYTES_MAX: usize = 1024 * 1024;

/// Bytes that one call reads at most.
const READ_BYTES: usize = 64 * 1024;

/// A subscription to the telemetry of a tenant's devices.
pub(crate) struct Source {
    stream: TcpStream,
    /// What was read and is not yet a whole packet, or not yet asked for.
    unread: BytesMut,
    read: Box<[u8]>,
}

impl Source {
    /// Connects to the broker at `address` and returns once it has confirmed the subscription; from then on nothing
    /// blocks.
    ///
    /// # Errors
    /// If the broker can't be reached, refuses, or takes more than five seconds for an answer.
    pub(crate) fn connect(address: &str, tenant: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWER))?;
        let mut source = Self { stream, unread: BytesMut::new(), read: vec![0; READ_BYTES].into_boxed_slice() };
        source.greet()?;
        source.subscribe(&format!("tenant/{tenant}/device/+/telemetry"))?;
        source.stream.set_nonblocking(true)?;
        Ok(source)
    }

    fn greet(&mut self) -> io::Result<()> {
        let mut connect = Connect::new(format!("floor-{}", std::process::id()));
        // Not asked to say that it is still there, the client never has to.
        connect.keep_alive = 0;
        self.send(&Packet::Connect(connect))?;
        match self.answer()? {
            Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success => Ok(()),
            other => Err(refused(&other)),
        }
    }

    fn subscribe(&mut self, filter: &str) -> io::Result<()> {
        let mut subscribe = Subscribe::new(filter, QoS::AtMostOnce);
        subscribe.pkid = 1;
        self.send(&Packet::Subscribe(subscribe))?;
        match self.answer()? {
            Packet::SubAck(ack) if matches!(ack.return_codes[..], [SubscribeReasonCode::Success(_)]) => Ok(()),
            other => Err(refused(&other)),
        }
    }

    fn send(&mut self, packet: &Packet) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, PACKET_BYTES_MAX).map_err(invalid)?;
        self.stream.write_all(&bytes)
    }

    fn answer(&mut self) -> io::Result<Packet> {
        loop {
            if let Some(packet) = self.packet()? {
                return Ok(packet);
            }
            self.read()?;
        }
    }

    /// Reads what has come, with one call. Returns with nothing if nothing has.
    ///
    /// # Errors
    /// If the broker has closed the connection.
    pub(crate) fn hear(&mut self) -> io::Result<()> {
        match self.read() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other,
        }
    }

    fn read(&mut self) -> io::Result<()> {
        match self.stream.read(&mut self.read) {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the broker closed the connection")),
            Ok(bytes) => {
                self.unread.extend_from_slice(&self.read[..bytes]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The next message of those that were read; none if no further one is whole.
    ///
    /// # Errors
    /// If the broker sends what is not MQTT 3.1.1.
    pub(crate) fn next(&mut self) -> io::Result<Option<Publish>> {
        while let Some(packet) = self.packet()? {
            if let Packet::Publish(publish) = packet {
                return Ok(Some(publish));
            }
        }
        Ok(None)
    }

    fn packet(&mut self) -> io::Result<Option<Packet>> {
        match Packet::read(&mut self.unread, PACKET_BYTES_MAX) {
            Ok(packet) => Ok(Some(packet)),
            Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(invalid(error)),
        }
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn refused(answer: &Packet) -> io::Error {
    io::Error::other(format!("the broker answered {answer:?}"))
}

fn invalid(error: mqttbytes::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
