//! Snapshots at the beginning of a stream, and behind the answer to a change of its filter.

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::test_kit::{Peer, STANDING, frames, new_subscriber, pass, state};
use super::super::{Config, GivenBack, NewSubscriber, Options};
use super::*;
use crate::event::{self, Parser};
use crate::history;
use crate::inbox::{Inbox, Item};
use crate::index::{Index, Limits, Overflow, OwnLimits};
use floodway_protocol::EventId;
use floodway_protocol::names::TenantId;

struct Bed {
    state: State,
    inbox: Inbox,
    index: Index,
    parser: Parser,
    newest: u64,
    peer: Rc<Peer>,
    read: usize,
    given_back: Arc<AtomicU64>,
}

impl Bed {
    /// A tenant whose devices A, B and C have published 1, 2 and 3 while another stream was live.
    fn new() -> Self {
        Self::with(Index::new(10, Limits::default()))
    }

    fn with(index: Index) -> Self {
        let mut bed = Self::behind(index, 0);
        bed.publish_each();
        bed
    }

    /// A tenant with another live stream, whose events will have larger ids than this.
    fn behind(index: Index, newest: u64) -> Self {
        let bed = Self::unbegun(index, newest);
        bed.index.find("T").unwrap().begin_history(EventId::new(newest));
        bed
    }

    /// The same before the source has confirmed the tenant.
    fn unbegun(index: Index, newest: u64) -> Self {
        let mut bed = Self {
            state: state(&Config::default()),
            inbox: Inbox::new(100),
            index,
            parser: Parser::new(&event::Config::default()),
            newest,
            peer: Rc::default(),
            read: 0,
            given_back: Arc::default(),
        };
        let other = new_subscriber(&bed.index, "T", None, &Rc::default());
        bed.state.attach(other).unwrap();
        bed
    }

    fn attach(&mut self, snapshot: bool) -> SubscriberKey {
        let key = self.state.registry.vacant();
        let new_subscriber = NewSubscriber {
            options: Options { snapshot: Some(snapshot), ..Options::default() },
            ..new_subscriber(&self.index, "T", None, &self.peer)
        };
        self.state.attach(new_subscriber).unwrap();
        key
    }

    fn publish(&mut self, device: &str) {
        self.newest += 1;
        self.parser.received_at((STANDING.monotonic)());
        let (id, tenant) = (EventId::new(self.newest), TenantId::parse("T").unwrap());
        let payload = format!(r#"{{"metrics":{{"n":{id}}}}}"#);
        let event = self.parser.parse(id, &tenant, device, "t", payload.as_bytes()).unwrap();
        let event = Arc::new(event);
        let (position, _) = self.index.find("T").unwrap().append(&event);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.inbox.put(Item::Event(event, position)));
        self.state.distribute(&self.inbox);
        self.go_on();
    }

    fn publish_each(&mut self) {
        for device in ["A", "B", "C"] {
            self.publish(device);
        }
    }

    fn ask(&mut self, key: SubscriberKey, text: &str) {
        self.state.receive(key, &mut frames([text]));
        self.go_on();
    }

    /// Until everything is written that there is to write.
    fn go_on(&mut self) {
        self.state.flush(usize::MAX);
        while self.state.registry.revisits() > 0 {
            self.state.look_again(usize::MAX);
        }
    }

    /// What the stream was sent since the last call: numbers of events, with a star where they are of a snapshot; types of
    /// other messages.
    fn sent(&mut self) -> String {
        let text = self.peer.text();
        let new = &text[self.read..];
        self.read = text.len();
        let field = |message: &str, name: &str| {
            let (_, rest) = message.split_once(name)?;
            Some(rest.split(['"', ',', '}']).next().unwrap().to_owned())
        };
        let messages = new.split(r#"{"type":""#).skip(1).map(|message| {
            let number = field(message, r#""n":"#);
            let star = if message.contains(r#","snapshot":true}"#) { "*" } else { "" };
            number.map_or_else(|| message.split('"').next().unwrap().to_owned(), |number| number + star)
        });
        messages.collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn a_stream_that_asks_for_it_begins_with_the_last_event_of_each_device() {
    let mut bed = Bed::new();
    bed.publish("B");
    bed.attach(true);
    bed.go_on();
    assert_eq!(bed.sent(), "connected 1* 3* 4*");
    bed.publish("A");
    bed.publish("A");
    assert_eq!(bed.sent(), "5 6", "live, once each");
}

#[test]
fn without_it_a_stream_begins_with_what_is_published_next() {
    let mut bed = Bed::new();
    bed.attach(false);
    bed.publish("A");
    assert_eq!(bed.sent(), "connected 4");
}

#[test]
fn a_subscription_may_bring_the_last_events_of_what_it_adds() {
    let mut bed = Bed::new();
    let key = bed.attach(false);
    bed.ask(key, r#"{"action":"subscribe","device_id":"A"}"#);
    assert_eq!(bed.sent(), "connected subscribed");
    bed.ask(key, r#"{"action":"subscribe","device_ids":["A","B"],"device_id":"X","snapshot":true}"#);
    assert_eq!(bed.sent(), "subscribed subscribed 2*", "A was wanted before");
    bed.publish_each();
    assert_eq!(bed.sent(), "4 5");
    bed.ask(key, r#"{"action":"subscribe","device_id":"B","snapshot":true}"#);
    assert_eq!(bed.sent(), "subscribed", "nothing was added");
    bed.ask(key, r#"{"action":"subscribe","device_id":"C"}"#);
    bed.ask(key, r#"{"action":"unsubscribe","device_id":"A","snapshot":true}"#);
    assert_eq!(bed.sent(), "subscribed unsubscribed", "not asked for");
    bed.ask(key, r#"{"action":"subscribe","device_id":"A","snapshot":true}"#);
    bed.publish("A");
    assert_eq!(bed.sent(), "subscribed 4* 7");
}

#[test]
fn each_snapshot_stands_behind_its_own_answer() {
    let mut bed = Bed::new();
    let key = bed.attach(false);
    bed.ask(key, r#"{"action":"subscribe","device_ids":[]}"#);
    bed.peer.set_window(0);
    for device in ["A", "B"] {
        bed.ask(key, &format!(r#"{{"action":"subscribe","device_id":"{device}","snapshot":true}}"#));
    }
    bed.publish("A");
    bed.peer.set_window(usize::MAX);
    bed.state.write_on(key);
    bed.go_on();
    assert_eq!(bed.sent(), "connected subscribed subscribed 1* subscribed 2* 4");
}

#[test]
fn a_long_snapshot_costs_its_client_messages() {
    let mut bed = Bed::new();
    (0..64).for_each(|n| bed.publish(&format!("D{n}")));
    let key = bed.attach(false);
    bed.ask(key, r#"{"action":"subscribe","device_id":"A"}"#);
    let credit = |bed: &Bed| bed.state.registry[key].attention.credit;
    let before = credit(&bed);
    bed.ask(key, r#"{"action":"subscribe","device_id":"B"}"#);
    let plain = before - credit(&bed);
    let before = credit(&bed);
    bed.ask(key, r#"{"action":"subscribe","device_id":"C","snapshot":true}"#);
    assert_eq!(before - credit(&bed), plain + 67 / 16);
}

#[test]
fn a_paced_stream_that_was_cut_gets_again_what_its_pace_may_have_held_back() {
    let mut bed = Bed::new();
    pass(Duration::from_secs(10));
    for device in ["A", "B", "C", "D"] {
        bed.publish(device);
    }
    pass(Duration::from_secs(1));
    bed.publish("B");
    let new_subscriber = NewSubscriber {
        resume: Resume::After(EventId::new(6)),
        options: Options { max_rate: "0.5".parse().ok(), ..Options::default() },
        ..new_subscriber(&bed.index, "T", None, &bed.peer)
    };
    bed.state.attach(new_subscriber).unwrap();
    bed.go_on();
    // 6, of C, was read last. Of A the newest of the last two seconds is 4; what is older was sent long ago. Of B 8 follows.
    assert_eq!(bed.sent(), "connected 4 7 8");
    let events = &bed.state.delivery.metrics.events;
    assert_eq!(events.held.get(), 0);
    assert_eq!(events.matched.get(), events.delivered.get());
}

#[test]
fn who_is_gone_before_its_greeting_is_sent_nothing_more() {
    let mut bed = Bed::new();
    bed.peer.go();
    let key = bed.state.registry.vacant();
    let new_subscriber = NewSubscriber {
        resume: Resume::After(EventId::new(1)),
        options: Options { max_rate: "0.5".parse().ok(), snapshot: Some(true), ..Options::default() },
        ..new_subscriber(&bed.index, "T", None, &bed.peer)
    };
    bed.state.attach(new_subscriber).unwrap();
    assert!(bed.state.registry.get(key).is_none());
    assert_eq!(bed.state.delivery.metrics.events.held.get(), 0);
}

#[test]
fn who_stalls_for_very_long_is_told_exactly_what_history_lost_also_where_little_matches() {
    let config = history::Config { events: 8, ..history::Config::default() };
    let mut bed = Bed::with(Index::with_history(10, Limits::default(), config));
    let one = OwnLimits {
        queue_size: NonZeroUsize::new(1),
        overflow: Some(Overflow::CatchUp),
        ..OwnLimits::default()
    };
    bed.index.set_limits(None, one).unwrap();
    bed.peer.set_window(0);
    let key = bed.attach(false);
    bed.ask(key, r#"{"action":"subscribe","device_id":"A"}"#);
    for nth in 0..80_000 {
        bed.publish(if nth % 11_000 == 0 { "A" } else { "B" });
    }
    bed.publish("A");
    bed.peer.set_window(usize::MAX);
    bed.state.write_on(key);
    bed.go_on();
    let text = bed.peer.text();
    let came = text.matches(r#""device_id":"A","tenant"#).count();
    let (_, lost) = text.split_once(r#""reason":"overflow","dropped":"#).expect("a gap");
    let lost: usize = lost.split('}').next().unwrap().parse().unwrap();
    assert_eq!((came, lost), (2, 7), "of nine the first and the last came: {text}");
    assert_eq!(bed.state.delivery.metrics.events.held.get(), 0);
}

/// A tenant of a source that numbers its events: every third number is one of the tenant's. History holds what is above 30.
fn numbered() -> Bed {
    let mut bed = Bed::behind(Index::new(10, Limits::default()), 30);
    for number in [32, 35, 38] {
        bed.newest = number;
        bed.publish("A");
        bed.index.histories().numbering().reach(number + 2);
    }
    bed
}

fn resume(bed: &mut Bed, after: u64, backlog: Option<Backlog>) -> String {
    let new_subscriber = NewSubscriber {
        resume: Resume::After(EventId::new(after)),
        backlog,
        ..new_subscriber(&bed.index, "T", None, &bed.peer)
    };
    bed.state.attach(new_subscriber).unwrap();
    bed.go_on();
    let sent = bed.sent();
    let events = &bed.state.delivery.metrics.events;
    assert_eq!((events.held.get(), events.matched.get()), (0, events.delivered.get()));
    sent
}

fn backlog(bed: &mut Bed, numbers: &[u64], until: u64, lost: Option<Option<u64>>) -> Option<Backlog> {
    let tenant = TenantId::parse("T").unwrap();
    let mut event = |&number: &u64| {
        let payload = format!(r#"{{"metrics":{{"n":{number}}}}}"#);
        let id = EventId::new(number);
        Arc::new(bed.parser.parse(id, &tenant, "A", "t", payload.as_bytes()).unwrap())
    };
    let events = numbers.iter().map(&mut event).collect();
    let given = Arc::new(GivenBack::new(events, &bed.given_back));
    Some(Backlog { given, after: EventId::new(10), until: EventId::new(until), lost })
}

#[test]
fn a_number_of_the_source_says_where_a_stream_was_also_where_it_is_no_event_of_the_tenant() {
    let mut bed = numbered();
    assert_eq!(resume(&mut bed, 30, None), "connected 33 36 39");
    assert_eq!(resume(&mut bed, 35, None), "connected 36 39");
    assert_eq!(resume(&mut bed, 36, None), "connected 39");
    assert_eq!(resume(&mut bed, 40, None), "connected");
    assert_eq!(resume(&mut bed, 41, None), "connected gap 33 36 39", "not reached yet");
    assert_eq!(resume(&mut bed, 29, None), "connected gap 33 36 39", "not held any more");
}

#[test]
fn what_the_source_gives_back_comes_before_what_history_holds() {
    let mut bed = numbered();
    let given = backlog(&mut bed, &[8, 12, 15, 33], 34, None);
    assert_eq!(resume(&mut bed, 10, given), "connected 12 15 33 36 39");
    let given = backlog(&mut bed, &[12], 20, None);
    assert_eq!(resume(&mut bed, 10, given), "connected 12 gap 33 36 39", "history has moved on");
    let given = backlog(&mut bed, &[12], 30, Some(Some(4)));
    assert_eq!(resume(&mut bed, 5, given), "connected gap 12 33 36 39", "the source lacks four as well");
    assert_eq!(bed.given_back.load(Ordering::Relaxed), 0, "all of it was read");
    bed.publish("A");
    assert_eq!(bed.sent(), "40 40 40", "all of them are live");
}

#[test]
fn what_came_before_the_source_has_confirmed_the_tenant_hides_nothing_that_was_missed() {
    let mut bed = Bed::unbegun(Index::new(10, Limits::default()), 32);
    bed.index.histories().numbering().reach(30);
    bed.publish("A");
    bed.index.histories().numbering().reach(40);
    bed.index.find("T").unwrap().begin_history(EventId::new(40));
    assert_eq!(resume(&mut bed, 31, None), "connected gap 33", "whether there was a 32 is not known");
    assert_eq!(resume(&mut bed, 32, None), "connected 33");
    assert_eq!(resume(&mut bed, 40, None), "connected");
}
