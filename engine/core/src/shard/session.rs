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
        let bounds = Bounds {
            message_bytes: self.input.message_bytes,
            filter_ids: limits.filter_ids,
        };
        let mut commands = std::mem::take(&mut self.input.commands);
        let subscriber = &mut self.registry[key];
        let encoding = subscriber.output.encoding;
        subscriber
            .session
            .read(encoding, bytes, bounds, &mut commands);
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
            Action::Refresh { token } => self.refresh(key, &token),
            Action::Ping => self.answer(key, [answer::PONG]),
        }
    }

    /// Changes what a subscriber wants, for every later event, and sends the answers that `change` gives, or why it gives
    /// none. Costs its client further messages: one for every 16 names that the new filter and the one before have.
    fn change_filter(
        &mut self,
        key: SubscriberKey,
        change: impl FnOnce(&mut Filter) -> Result<Vec<String>, TooMany>,
    ) {
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
mod tests {
    use std::rc::Rc;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::input::RefreshTokens;
    use super::super::registry::Phase;
    use super::super::test_kit::{Peer, new_subscriber};
    use super::super::{Config, Shard};
    use super::*;
    use crate::inbox::Inbox;
    use crate::index::{Index, Limits};
    use floodway_protocol::names::TenantId;

    const FIRST: SubscriberKey = SubscriberKey(0);

    /// Good for a tenant until the second that it names. Counts those that it is asked for.
    #[derive(Default)]
    struct Numbers(AtomicU64);

    impl RefreshTokens for Numbers {
        fn verify_refresh(&self, token: &str, tenant: &TenantId) -> Result<u64, RefreshError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let refused = || RefreshError::Refused(End::BadToken(format!("not for {tenant}")));
            match token {
                "later" => Err(RefreshError::KeyAwaited),
                _ => token.parse().map_err(|_| refused()),
            }
        }
    }

    /// A shard, and the peer of its one subscriber.
    fn shard(config: &Config, tokens: Arc<Numbers>) -> (Rc<Shard>, Rc<Peer>) {
        let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(1)]);
        let shard = Shard::new(0, config, inboxes, Arc::default(), tokens).unwrap();
        let index = Index::new(1, Limits::default());
        let peer = Rc::new(Peer::default());
        let new_subscriber = new_subscriber(&index, "T", None, &peer);
        shard.attach(new_subscriber).unwrap();
        (shard, peer)
    }

    /// Text frames whose mask is zero.
    fn frames<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
        let frame = |text: &str| {
            let length = u8::try_from(text.len()).expect("a short frame");
            [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
        };
        texts.into_iter().flat_map(frame).collect()
    }

    #[test]
    fn actions_are_answered_in_order_up_to_the_one_that_ends_the_stream() {
        let (shard, peer) = shard(&Config::default(), Arc::default());
        let mut asked = frames([
            r#"{"action":"subscribe","device_id":"A","group_ids":["G"]}"#,
            r#"{"action":"refresh","token":"7"}"#,
            r#"{"action":"refresh","token":"later"}"#,
            r#"{"action":"get_filters"}"#,
        ]);
        shard.state().receive(FIRST, &mut asked);
        assert!(matches!(
            shard.state().registry[FIRST].phase,
            Phase::Live { expires_at: 7, .. }
        ));
        let mut asked = frames([
            r#"{"action":"refresh","token":"bad"}"#,
            r#"{"action":"ping"}"#,
        ]);
        shard.state().receive(FIRST, &mut asked);
        let text = peer.text();
        let mut rest = text.as_str();
        for answer in [
            r#"{"type":"subscribed","device_id":"A"}"#,
            r#"{"type":"subscribed","group_ids":["G"]}"#,
            r#"{"type":"refreshed","expires_at":"1970-01-01T00:00:07Z"}"#,
            r#"{"type":"error","message":"Key of the token is not known yet"#,
            r#"{"type":"filters","filters":{"device_ids":["A"],"group_ids":["G"],"#,
            "not for T",
        ] {
            rest = rest.split_once(answer).expect(answer).1;
        }
        assert_eq!(rest, "", "nothing follows the close");
    }

    #[test]
    fn what_a_client_asks_behind_answers_that_it_does_not_read_is_not_executed() {
        let config = Config {
            control_bytes: 100,
            ..Config::default()
        };
        let tokens = Arc::<Numbers>::default();
        let (shard, peer) = shard(&config, Arc::clone(&tokens));
        peer.set_window(0);
        let ping = r#"{"action":"ping"}"#;
        let pings = std::iter::repeat_n(ping, 20);
        let last = r#"{"action":"refresh","token":"7"}"#;
        let mut asked = frames(pings.chain([last]));
        let mut state = shard.state();
        state.receive(FIRST, &mut asked);
        assert!(!state.is_live(FIRST));
        // A leaving client is not listened to.
        state.receive(FIRST, &mut frames([last]));
        assert_eq!(tokens.0.load(Ordering::Relaxed), 0);
    }
}
