//! What a shard does by the clock, against the plainest model of it. The model is the clock.

use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;

use crate::index::{ConnectionId, Index, Limits};
use crate::shard::clock::Tenths;
use crate::shard::config::Config;
use crate::shard::keys::SubscriberKey;
use crate::shard::registry::{NewSubscriber, Registry};
use crate::shard::state::State;
use crate::shard::test_kit::{Peer, new_subscriber, pass, state, unix_now};
use crate::shard::timers::Drain;
use floodway_protocol::Encoding;
use floodway_protocol::ends::End;

const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Within so much each subscriber is visited.
const ROUND: Duration = Duration::from_millis(1100);

const PAUSE: Duration = Duration::from_millis(5);

#[derive(Clone, Debug)]
enum Step {
    /// Comes with a token that is good for so many seconds.
    Join(u64),
    Refresh(usize, u64),
    End(usize),
    Wait(u32),
    Drain(u64),
    CancelDrain,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0_u64..10).prop_map(Step::Join),
        2 => (0_usize..6, 0_u64..10).prop_map(|(nth, seconds)| Step::Refresh(nth, seconds)),
        1 => (0_usize..6).prop_map(Step::End),
        6 => (1_u32..30).prop_map(Step::Wait),
        1 => (0_u64..5).prop_map(Step::Drain),
        1 => Just(Step::CancelDrain),
    ];
    prop::collection::vec(step, 1..60)
}

struct Stream {
    key: SubscriberKey,
    id: ConnectionId,
    peer: Rc<Peer>,
    expires_at: u64,
    /// For how long its token has been over.
    overdue: Duration,
    /// Since when it leaves; none while it is live.
    leaving: Option<Duration>,
}

struct World {
    state: State,
    index: Index,
    /// Those that the shard still has, the oldest first.
    streams: Vec<Stream>,
    drain: Option<Order>,
}

/// A drain, for how long it goes on, and how many streams it was of.
struct Order {
    within: Duration,
    elapsed: Duration,
    of: usize,
    ended: usize,
}

impl World {
    fn new() -> Self {
        let config = Config { close_timeout: CLOSE_TIMEOUT, ..Config::default() };
        let limits = Limits { connections: 0, ..Limits::default() };
        Self {
            state: state(&config),
            index: Index::new(u32::MAX, limits),
            streams: Vec::new(),
            drain: None,
        }
    }

    fn play(&mut self, step: Step) {
        match step {
            Step::Join(seconds) => self.join(unix_now() + seconds),
            Step::Refresh(nth, seconds) => {
                let mut live = self.streams.iter_mut().filter(|one| one.leaving.is_none());
                if let Some(stream) = live.nth(nth) {
                    stream.expires_at = unix_now() + seconds;
                    stream.overdue = Duration::ZERO;
                    self.state.registry[stream.key].live_mut().unwrap().expires_at = stream.expires_at;
                }
            }
            Step::End(nth) => {
                if let Some(stream) = self.streams.get_mut(nth) {
                    self.state.end(stream.key, &End::Closed(None));
                    stream.leaving.get_or_insert_default();
                }
            }
            Step::Wait(steps) => (0..steps).for_each(|_| self.wait()),
            Step::Drain(seconds) => {
                let within = Duration::from_secs(seconds);
                self.state.start_drain(Drain { within, pause: PAUSE });
                self.drain = Some(Order { within, elapsed: Duration::ZERO, of: self.live(), ended: 0 });
            }
            Step::CancelDrain => {
                self.state.timers.drain = None;
                self.drain = None;
            }
        }
        assert_eq!(self.state.registry.live.len(), self.live());
    }

    fn live(&self) -> usize {
        let live = self.streams.iter().filter(|one| one.leaving.is_none());
        live.count()
    }

    fn join(&mut self, expires_at: u64) {
        let peer = Rc::new(Peer::default());
        let key = self.state.registry.vacant();
        let new_subscriber = NewSubscriber {
            encoding: Encoding::Sse,
            expires_at,
            ..new_subscriber(&self.index, "T", None, &peer)
        };
        self.state.attach(new_subscriber).unwrap();
        self.streams.push(Stream {
            key,
            id: self.state.registry[key].info.id,
            peer,
            expires_at,
            overdue: Duration::ZERO,
            leaving: None,
        });
    }

    /// Lets a tenth of a second pass.
    fn wait(&mut self) {
        pass(Tenths::STEP);
        self.state.delivery.clock.advance();
        self.state.visit_some();
        let registry = &self.state.registry;
        self.streams.retain_mut(|stream| stream.is_as_it_should_be(registry));
        self.drain_some();
    }

    /// The oldest streams end, as many as the time that has passed is a part of the drain's.
    fn drain_some(&mut self) {
        self.state.drain(usize::MAX);
        let Some(order) = &mut self.drain else {
            return;
        };
        order.elapsed += Tenths::STEP;
        let due = if order.elapsed >= order.within {
            usize::MAX
        } else {
            let part = order.elapsed.as_secs_f64() / order.within.as_secs_f64();
            ((order.of as f64 * part) as usize).saturating_sub(order.ended)
        };
        let live = self.streams.iter_mut().filter(|one| one.leaving.is_none());
        for stream in live.take(due) {
            order.ended += 1;
            stream.leaving = Some(Duration::ZERO);
            let text = stream.peer.text();
            let after_ms = text.split_once(r#""after_ms":"#).expect("a pause").1;
            let after_ms: u128 = after_ms.split('}').next().unwrap().parse().unwrap();
            assert!(after_ms <= PAUSE.as_millis());
        }
    }
}

impl Stream {
    /// Takes note of the end of its token, and returns whether the shard still has the stream.
    fn is_as_it_should_be(&mut self, registry: &Registry) -> bool {
        let found = registry.get(self.key).filter(|one| one.info.id == self.id);
        if let Some(leaving) = &mut self.leaving {
            *leaving += Tenths::STEP;
            assert!(found.is_some() || *leaving >= CLOSE_TIMEOUT, "time to read");
            assert!(found.is_none() || *leaving <= CLOSE_TIMEOUT + ROUND);
            return found.is_some();
        }
        let subscriber = found.expect("it is live or leaves");
        if unix_now() < self.expires_at {
            assert!(subscriber.is_live(), "its token is good");
            return true;
        }
        if !subscriber.is_live() {
            assert!(self.peer.text().contains("event: expired"));
            self.leaving = Some(Duration::ZERO);
        }
        assert!(self.overdue <= ROUND, "its token is over");
        self.overdue += Tenths::STEP;
        true
    }
}

proptest! {
    #[test]
    fn tokens_drains_and_ends_keep_their_times(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.play(step);
        }
    }
}
