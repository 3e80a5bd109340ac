//! What a client's bytes ask of the shard that its stream lives on.
//!
//! Invariant: reading changes nothing but the session itself. It appends [`Command`]s in the order in which their
//! messages came; whoever executes them stops at the first that ends the stream.

use crate::encoding::Encoding;
use crate::messages::answer;
use crate::messages::client::{self, Action};
use crate::ws::frame;
use crate::ws::reader::{Message, Reader, Violation};

/// A signature takes as long to check as so many messages take to read.
const SIGNATURE_MESSAGES: usize = 16;

/// What one client may send.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The largest message, in bytes.
    pub message_bytes: usize,
    /// Devices, groups and metrics, each, that one message may name.
    pub filter_ids: usize,
}

/// What a client's message asks of the shard.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Nothing: a pong, a part of a message, or bytes on a stream whose clients are not listened to.
    Ignore,
    /// Send these bytes: the answer to a WebSocket ping, or to a message that is no action.
    Send(Vec<u8>),
    /// Execute this action, and send its answer.
    Act(Action),
    /// End the stream, as the client does, with its close code.
    Close(Option<u16>),
    /// End the stream: what comes behind can't be read.
    Refuse(Violation),
}

impl Command {
    /// The messages of a client that its execution is as much work as. A change of filter costs more, by its names.
    pub fn messages(&self) -> usize {
        match self {
            Self::Act(Action::Refresh(_)) => 1 + SIGNATURE_MESSAGES,
            Self::Ignore | Self::Send(_) | Self::Act(_) | Self::Close(_) => 1,
            Self::Refuse(_) => 0,
        }
    }
}

/// The reading side of one stream. 8 bytes while no message is half read.
#[derive(Debug, Default)]
pub struct Session(Reader);

impl Session {
    /// Appends what `bytes`, of a client whose stream has this encoding, ask for: at least one command. The bytes are
    /// unmasked where they lie, and have no meaning afterwards.
    pub fn read(&mut self, encoding: Encoding, bytes: &mut [u8], bounds: Bounds, commands: &mut Vec<Command>) {
        let before = commands.len();
        let read = if encoding.is_websocket() {
            self.0.read(bytes, bounds.message_bytes, &mut |message| {
                commands.push(command(message, encoding, bounds.filter_ids));
            })
        } else {
            // Nothing can be asked of an event stream. A client that sends all the same is read slowly.
            Ok(())
        };
        if commands.len() == before {
            // Fragments that never become a message are read no faster than messages.
            commands.push(Command::Ignore);
        }
        if let Err(violation) = read {
            commands.push(Command::Refuse(violation));
        }
    }
}

fn command(message: Message<'_>, encoding: Encoding, filter_ids: usize) -> Command {
    match message {
        Message::Text(text) => match client::parse(text, filter_ids) {
            Ok(action) => Command::Act(action),
            Err(mistake) => Command::Send(encoding.answer(&answer::error(&mistake))),
        },
        Message::Ping(payload) => {
            let mut pong = Vec::new();
            frame::write(frame::PONG, payload, &mut pong);
            Command::Send(pong)
        }
        Message::Pong => Command::Ignore,
        Message::Close(code) => Command::Close(code.map(u16::from)),
    }
}

#[cfg(test)]
mod tests;
