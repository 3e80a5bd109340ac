//! What a subscriber's client asks of the shard, and its execution.
//!
//! Each command takes its place in the stream at once: after the events that the shard has already matched, before
//! those that come.

use std::time::{Duration, SystemTime};

use super::filter::{Filter, TooMany};
use super::input::RefreshError;
use super::keys::SubscriberKey;
use super::registry::Subscriber;
use super::state::State;
use floodway_protocol::ends::End;
use floodway_protocol::messages::answer;
use floodway_protocol::messages::client::{Action, Names};
use floodway_protocol::session::{Bounds, Command};

/// Names in filters that are as much work as a message: each is copied, hashed and compared, some 0.2 µs.
const NAMES_A_MESSAGE: usize = 16;

impl State {
    /// Executes what `bytes` of a subscriber's client ask for, up to the command that ends the stream. What a leaving
    /// client still sends means nothing.
    pub(super) fn receive(&mut self, key: SubscriberKey, bytes: &mut [u8]) {
        let Some(limits) = self.limits(key) else {
            return;
        };
        let bounds = Bounds { message_bytes: self.input.message_bytes, filter_ids: limits.filter_ids };
        let mut commands = std::mem::take(&mut self.input.commands);
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
        self.count_messages(key, command.messages());
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
            Action::Subscribe(names) => self.change_filter(key, |filter| {
                let mut each = names.iter();
                each.try_for_each(|names| add(filter, names, filter_ids))?;
                Ok(names.iter().map(answer::subscribed).collect())
            }),
            Action::Unsubscribe(names) => self.change_filter(key, |filter| {
                names.iter().for_each(|names| remove(filter, names));
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

    /// Changes what a subscriber wants, for every later event, and sends the answers that `change` gives, or why it gives
    /// none. Costs its client further messages: one for every 16 names that the new filter and the one before have.
    fn change_filter(&mut self, key: SubscriberKey, change: impl FnOnce(&mut Filter) -> Result<Vec<String>, TooMany>) {
        let mut filter = self.filter(key).clone();
        let before = filter.names();
        let answers = match change(&mut filter) {
            Ok(answers) => answers,
            Err(too_many) => return self.answer(key, [answer::error(&too_many)]),
        };
        self.count_messages(key, (before + filter.names()) / NAMES_A_MESSAGE);
        self.refilter(key, filter);
        if self.is_live(key) {
            self.answer(key, answers);
        }
    }

    fn refresh(&mut self, key: SubscriberKey, token: &str) {
        match self.input.tokens.verify_refresh(token, self.tenant(key)) {
            Ok(expires_at) => {
                self.set_expiry(key, expires_at);
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

fn add(filter: &mut Filter, names: &Names, max: usize) -> Result<(), TooMany> {
    match names {
        Names::Device(id) => filter.add_devices(std::slice::from_ref(id), max),
        Names::Devices(ids) => filter.add_devices(ids, max),
        Names::Group(id) => filter.add_groups(std::slice::from_ref(id), max),
        Names::Groups(ids) => filter.add_groups(ids, max),
    }
}

fn remove(filter: &mut Filter, names: &Names) {
    match names {
        Names::Device(id) => filter.remove_devices(std::slice::from_ref(id)),
        Names::Devices(ids) => filter.remove_devices(ids),
        Names::Group(id) => filter.remove_groups(std::slice::from_ref(id)),
        Names::Groups(ids) => filter.remove_groups(ids),
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
