//! What comes from subscribers, and from the sockets that report to be ready.

use std::io;

use mio::Token;

use super::state::State;
use super::subscriber::Key;
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
    /// Looks at a subscriber whose socket reported to be ready, or whose turn it is again.
    pub(super) fn look_at(&mut self, token: Token, is_readable: bool, is_writable: bool) {
        if is_writable && let Some(key) = self.find(token) {
            self.write_on(key);
        }
        if is_readable && let Some(key) = self.find(token) {
            self.read(key);
        }
    }

    /// Has a subscriber looked at again, soon. Once is enough, however many ask for it.
    pub(super) fn look_again_at(&mut self, key: Key) {
        if let Some(subscriber) = self.subscribers.get_mut(key.0 as usize)
            && !std::mem::replace(&mut subscriber.is_queued, true)
        {
            self.again.push_back(self.token(key));
        }
    }

    /// Looks at up to `budget` of those who had more than one turn may take.
    pub(super) fn look_again(&mut self, budget: usize) {
        for _ in 0..budget.min(self.again.len()) {
            if let Some(token) = self.again.pop_front()
                && let Some(key) = self.find(token)
            {
                self.subscribers[key.0 as usize].is_queued = false;
                self.look_at(token, true, true);
            }
        }
    }

    fn write_on(&mut self, key: Key) {
        match self.subscribers[key.0 as usize].outlet.flush() {
            Ok(()) => self.write_ring(key),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.end(key, &End::Gone),
        }
    }

    fn read(&mut self, key: Key) {
        let mut buffer = std::mem::take(&mut self.sessions.buffer);
        for round in 0..=READS {
            if round == READS {
                self.look_again_at(key);
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
        self.sessions.buffer = buffer;
    }

    fn read_once(&mut self, key: Key, mut buffer: &mut [u8]) -> Input {
        let Some(subscriber) = self.subscribers.get_mut(key.0 as usize) else {
            return Input::Quiet;
        };
        if subscriber.paused {
            return Input::Quiet;
        }
        // What was read is acted upon to its end, credit or not: of one whose every message is much work, less at once.
        let seat = subscriber.seat();
        let filter = seat.map(|seat| {
            &self.tables[seat.table as usize].cohorts[seat.cohort as usize]
                .spec
                .filter
        });
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
