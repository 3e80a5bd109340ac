//! What comes from subscribers.

use std::io;

use super::keys::SubscriberKey;
use super::state::State;
use floodway_protocol::ends::End;

/// Reads of one socket in one turn; who sends more waits for the next turn.
const READS: usize = 4;

/// Names in a filter that make its change more work than reading it is.
const MANY_NAMES: usize = 64;

/// What is read at once of a subscriber with so many, in bytes: some twenty short messages.
const LITTLE: usize = 1024;

enum Input {
    /// Nothing more for now.
    Quiet,
    /// More may wait.
    More,
    Gone,
}

impl State {
    pub(super) fn read(&mut self, key: SubscriberKey) {
        let mut buffer = std::mem::take(&mut self.input.buffer);
        for round in 0..=READS {
            if round == READS {
                self.registry.revisit(key);
                break;
            }
            match self.read_once(key, &mut buffer) {
                Input::More => {}
                Input::Quiet => break,
                Input::Gone => {
                    self.end(key, &End::Gone);
                    break;
                }
            }
        }
        self.input.buffer = buffer;
    }

    fn read_once(&mut self, key: SubscriberKey, mut buffer: &mut [u8]) -> Input {
        let Some(subscriber) = self.registry.get_mut(key) else {
            return Input::Quiet;
        };
        if subscriber.attention.is_paused {
            return Input::Quiet;
        }
        // What was read is acted upon to its end, credit or not: of one whose every message is much work, less at once.
        let position = subscriber.position();
        let filter = position.map(|position| self.matcher.filter(position.cohort));
        if filter.is_some_and(|filter| filter.names() > MANY_NAMES) {
            buffer = &mut buffer[..LITTLE];
        }
        match subscriber.outlet.read(buffer) {
            Ok(0) => Input::Gone,
            Ok(n) => {
                // Also of a leaving one, so that its client can read the close.
                self.receive(key, &mut buffer[..n]);
                Input::More
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Input::Quiet,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Input::More,
            Err(_) => Input::Gone,
        }
    }
}
