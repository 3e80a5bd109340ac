//! What a subscriber's client asks of the shard, and its execution.
//!
//! Each command takes its place in the stream at once: after the events that the shard has already matched, before
//! those that come.

use std::io;
use std::mem::take;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::filter::{Filter, TooMany};
use super::input::RefreshError;
use super::keys::SubscriberKey;
use super::registry::Subscriber;
use super::state::State;
use floodway_protocol::End;
use floodway_protocol::messages::answer;
use floodway_protocol::messages::client::{Action, Names};
use floodway_protocol::session::{Bounds, Command};

/// Reads of one socket in one turn; what is more waits for the next turn.
const READS: usize = 4;

/// Names in a filter that make its change more work than reading it is.
const MANY_NAMES: usize = 64;

/// What is read at once of a subscriber with so many, in bytes: some twenty short messages.
const LITTLE: usize = 1024;

/// Names in filters that are as much work as a message: each is copied, hashed and compared, some 0.2 µs.
pub(super) const NAMES_A_MESSAGE: usize = 16;

impl State {
    /// Reads what a subscriber's client has sent, and executes it.
    pub(super) fn read(&mut self, key: SubscriberKey) {
        let mut buffer = take(&mut self.input.buffer);
        let mut reads = (0..READS).map(|_| self.read_once(key, &mut buffer));
        let last = reads.find(|read| !matches!(read, Ok(true)));
        self.input.buffer = buffer;
        match last {
            None => self.registry.revisit(key),
            Some(Ok(_)) => {}
            Some(Err(_)) => self.end(key, &End::Gone),
        }
    }

    /// Returns whether more may wait. An error: the client is gone.
    fn read_once(&mut self, key: SubscriberKey, mut buffer: &mut [u8]) -> io::Result<bool> {
        let Some(subscriber) = self.registry.get_mut(key).filter(|found| !found.attention.is_paused) else {
            return Ok(false);
        };
        // What was read is acted upon to its end, credit or not: of one whose every message is much work, less at once.
        let filter = subscriber.live().map(|live| self.matcher.filter(live.position.cohort));
        if filter.is_some_and(|filter| filter.names() > MANY_NAMES) {
            buffer = &mut buffer[..LITTLE];
        }
        match subscriber.outlet.read(buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                // Also of a leaving one, so that its client can read the close.
                self.receive(key, &mut buffer[..n]);
                Ok(true)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => Ok(false),
                io::ErrorKind::Interrupted => Ok(true),
                _ => Err(error),
            },
        }
    }

    /// Executes what `bytes` of a subscriber's client ask for, up to the command that ends the stream. What a leaving
    /// client still sends means nothing.
    pub(super) fn receive(&mut self, key: SubscriberKey, bytes: &mut [u8]) {
        let Some(limits) = self.limits(key) else {
            return;
        };
        let bounds = Bounds { message_bytes: self.input.message_bytes, filter_ids: limits.filter_ids };
        let mut commands = take(&mut self.input.commands);
        let subscriber = &mut self.registry[key];
        let encoding = subscriber.output.encoding;
        subscriber.session.read(encoding, bytes, bounds, &mut commands);
        for command in commands.drain(..) {
            self.execute(key, command, bounds.filter_ids);
            if !self.is_live(key) {
                break;
            }
        }
        self.input.commands = commands;
    }

    pub(super) fn is_live(&self, key: SubscriberKey) -> bool {
        self.registry.get(key).is_some_and(Subscriber::is_live)
    }

    fn execute(&mut self, key: SubscriberKey, command: Command, filter_ids: usize) {
        self.registry[key].count_messages(command.messages());
        match command {
            Command::Ignore => {}
            Command::Send(bytes) => self.send(key, &bytes),
            Command::Act(action) => self.act(key, action, filter_ids),
            Command::Close(code) => self.end(key, &End::Closed(code)),
            Command::Refuse(violation) => self.end(key, &End::Violation(violation)),
        }
    }

    fn act(&mut self, key: SubscriberKey, action: Action, filter_ids: usize) {
        match action {
            Action::Subscribe { names, snapshot } => self.subscribe(key, &names, snapshot, filter_ids),
            Action::Unsubscribe(names) => self.change_filter(key, |filter| {
                names.iter().for_each(|names| filter.remove(names));
                Ok(names.iter().map(answer::unsubscribed).collect())
            }),
            Action::SetMetrics(metrics) => self.change_filter(key, |filter| {
                filter.set_metrics(metrics, filter_ids)?;
                Ok(vec![answer::metrics_updated(filter.metric_names())])
            }),
            Action::ClearFilters => self.change_filter(key, |filter| {
                *filter = Filter::default();
                Ok(vec![answer::FILTERS_CLEARED.to_owned()])
            }),
            Action::GetFilters => {
                let text = answer::filters(&self.filter(key).shown());
                self.answer(key, [text]);
            }
            Action::Refresh(token) => self.refresh(key, &token.0),
            Action::Ping => self.answer(key, [answer::PONG]),
        }
    }

    /// Adds to what a subscriber wants. With `snapshot` the last events of what that adds follow the answers at once.
    fn subscribe(&mut self, key: SubscriberKey, names: &[Names], snapshot: bool, filter_ids: usize) {
        let live = self.registry[key].live().filter(|_| snapshot);
        let before = live.map(|live| Rc::clone(&self.matcher.cohort(live.position.cohort).key));
        self.change_filter(key, |filter| {
            names.iter().try_for_each(|names| filter.add(names, filter_ids))?;
            Ok(names.iter().map(answer::subscribed).collect())
        });
        if let Some(before) = before
            && self.is_live(key)
            && *self.filter(key) != before.filter
        {
            self.send_snapshot(key, Some(before));
        }
    }

    /// Changes what a subscriber wants, for every later event, and sends the answers that `change` gives, or why it gives
    /// none. Costs its client further messages: one for every 16 names that the new filter and the one before have.
    fn change_filter(&mut self, key: SubscriberKey, change: impl FnOnce(&mut Filter) -> Result<Vec<String>, TooMany>) {
        let mut filter = self.filter(key).clone();
        let before = filter.names();
        let answers = match change(&mut filter) {
            Ok(answers) => answers,
            Err(too_many) => return self.answer(key, [answer::error(&too_many)]),
        };
        self.registry[key].count_messages((before + filter.names()) / NAMES_A_MESSAGE);
        self.refilter(key, filter);
        if self.is_live(key) {
            self.answer(key, answers);
        }
    }

    fn refresh(&mut self, key: SubscriberKey, token: &str) {
        let live = self.registry[key].live_mut().expect("the stream is live");
        match self.input.tokens.verify_refresh(token, live.permit.tenant().id()) {
            Ok(expires_at) => {
                live.expires_at = expires_at;
                let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(expires_at);
                self.answer(key, [answer::refreshed(expires_at)]);
            }
            Err(RefreshError::KeyAwaited) => self.answer(key, [answer::KEY_AWAITED]),
            Err(RefreshError::Refused(end)) => self.end(key, &end),
        }
    }

    /// Sends answers, up to one that ends the stream because its client does not read them.
    fn answer<T: AsRef<str>>(&mut self, key: SubscriberKey, answers: impl IntoIterator<Item = T>) {
        let encoding = self.registry[key].output.encoding;
        for answer in answers {
            self.send(key, &encoding.answer(answer.as_ref()));
            if !self.is_live(key) {
                break;
            }
        }
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
