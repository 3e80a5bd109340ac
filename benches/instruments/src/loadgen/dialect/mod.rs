//! What a subscriber says and hears inside its stream's messages.

mod floodway;
pub(crate) mod mqtt;
pub(crate) mod nats;

use crate::Fault;
use clap::ValueEnum;

/// Which kind of server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// JSON events and control messages; ready at `connected`.
    Floodway,
    /// Every message is one event; ready at the head of the answer.
    Bare,
    /// The NATS protocol inside WebSocket messages; ready at PONG.
    Nats,
    /// MQTT 3.1.1 inside binary WebSocket messages; ready at SUBACK.
    Mqtt,
}

impl Kind {
    /// The WebSocket frames that a client says first, once the stream is open.
    pub(crate) fn opening(self, client: &str, topic: &str) -> Vec<u8> {
        match self {
            Kind::Floodway | Kind::Bare => Vec::new(),
            Kind::Nats => nats::opening(topic),
            Kind::Mqtt => mqtt::opening(client, topic),
        }
    }
}

/// What a message turned out to hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard<'a> {
    /// The text of an event.
    Event(&'a [u8]),
    /// From here on, what is published arrives.
    Ready,
    /// The server left events out, so many if it knows.
    Gap(Option<u64>),
}

/// One subscriber's side of the conversation.
#[derive(Debug)]
pub(crate) enum Dialect {
    /// See [`Kind::Floodway`].
    Floodway,
    /// See [`Kind::Bare`].
    Bare,
    /// See [`Kind::Nats`].
    Nats(nats::Nats),
    /// See [`Kind::Mqtt`].
    Mqtt(mqtt::Mqtt),
}

impl Dialect {
    /// A conversation that is about to begin.
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Floodway => Dialect::Floodway,
            Kind::Bare => Dialect::Bare,
            Kind::Nats => Dialect::Nats(nats::Nats::default()),
            Kind::Mqtt => Dialect::Mqtt(mqtt::Mqtt::default()),
        }
    }

    /// Takes one message of the stream. Answers are appended to `out`, as WebSocket frames.
    ///
    /// # Errors
    /// If the message breaks the protocol, or the server refuses.
    pub(crate) fn hear(
        &mut self,
        message: &[u8],
        out: &mut Vec<u8>,
        mut sink: impl FnMut(Heard<'_>),
    ) -> Result<(), Fault> {
        match self {
            Dialect::Floodway => floodway::hear(message, sink),
            Dialect::Bare => sink(Heard::Event(message)),
            Dialect::Nats(nats) => return nats.hear(message, out, sink),
            Dialect::Mqtt(mqtt) => return mqtt.hear(message, sink),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
