//! The terminal's keys, read by a thread of their own: reading them blocks.

use std::time::Duration;

use ratatui::crossterm::event::{self, Event};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Keys that wait here; further ones wait in the terminal.
const WAITING: usize = 64;

/// How long the thread may outlive its receiver.
const LOOK: Duration = Duration::from_millis(100);

/// The events of the terminal.
pub(super) struct Keys(Receiver<Event>);

impl Keys {
    pub(super) fn listen() -> Self {
        let (to, from) = channel(WAITING);
        std::thread::spawn(move || read(&to));
        Self(from)
    }

    /// The next one; none when the terminal is gone.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

fn read(to: &Sender<Event>) {
    while !to.is_closed() {
        let event = match event::poll(LOOK) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(_) => return,
        };
        match event {
            Ok(event) => {
                if to.blocking_send(event).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}
