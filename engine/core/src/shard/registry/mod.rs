//! Who is there: a shard's subscribers, and the ways to find them.
//!
//! It knows neither what they want nor what is sent to them. Invariant: a subscriber has a number
//! ([`crate::index::ConnectionId`]) here exactly while it is live.

mod live;
mod subscriber;
mod user_agents;

use std::collections::VecDeque;
use std::io;
use std::ops::{Index, IndexMut};
use std::rc::Rc;

use mio::Token;
use slab::Slab;

use self::live::LiveStreams;
use self::user_agents::UserAgents;
use super::keys::SubscriberKey;
use super::outlet::Outlet;
use super::waker::{WakeQueue, Waker};

pub use self::subscriber::NewSubscriber;
pub(crate) use self::subscriber::{Attention, Live, Output, Phase, Subscriber, SubscriberInfo};

/// More subscribers than this leave memory behind that is worth giving back.
const CROWD: usize = 1024;

pub(crate) struct Registry {
    subscribers: Slab<Subscriber>,
    pub(crate) live: LiveStreams,
    pub(crate) user_agents: UserAgents,
    /// That of the newest subscriber.
    generation: u32,
    /// Subscribers that have more to write or to read than one turn may take.
    revisits: VecDeque<Token>,
    sockets: mio::Registry,
    wake_queue: Rc<WakeQueue>,
}

impl Registry {
    pub(crate) fn new(shard: usize, sockets: mio::Registry, wake_queue: Rc<WakeQueue>) -> Self {
        Self {
            subscribers: Slab::new(),
            live: LiveStreams::new(shard),
            user_agents: UserAgents::default(),
            generation: 0,
            revisits: VecDeque::new(),
            sockets,
            wake_queue,
        }
    }

    /// Watches the outlet of a subscriber that comes now; returns the key and the generation that it will have.
    pub(crate) fn watch(&mut self, outlet: &mut Outlet) -> io::Result<(SubscriberKey, u32)> {
        let key = self.vacant();
        self.generation = self.generation.wrapping_add(1);
        let token = token(key, self.generation);
        let waker = Waker { wake_queue: Rc::clone(&self.wake_queue), token };
        outlet.register(&self.sockets, token, waker)?;
        Ok((key, self.generation))
    }

    /// The key of the next subscriber.
    pub(crate) fn vacant(&self) -> SubscriberKey {
        SubscriberKey::new(self.subscribers.vacant_key())
    }

    /// Adds the subscriber whose outlet was watched last.
    pub(crate) fn insert(&mut self, subscriber: Subscriber) {
        self.subscribers.insert(subscriber);
    }

    pub(crate) fn remove(&mut self, key: SubscriberKey) -> Subscriber {
        let subscriber = self.subscribers.remove(key.index());
        if self.subscribers.is_empty() && self.subscribers.capacity() > CROWD {
            // What they took is given back; its generation distinguishes the next owner of a key.
            self.subscribers = Slab::new();
            self.user_agents = UserAgents::default();
        }
        subscriber
    }

    pub(crate) fn get(&self, key: SubscriberKey) -> Option<&Subscriber> {
        self.subscribers.get(key.index())
    }

    pub(crate) fn get_mut(&mut self, key: SubscriberKey) -> Option<&mut Subscriber> {
        self.subscribers.get_mut(key.index())
    }

    /// The subscriber that a token stands for, unless it has left.
    pub(crate) fn find(&self, token: Token) -> Option<SubscriberKey> {
        let key = SubscriberKey::new(token.0 & 0xffff_ffff);
        let generation = token.0 >> 32;
        (self.get(key)?.info.generation as usize == generation).then_some(key)
    }

    /// Subscribers, those that leave included.
    #[cfg(all(test, not(floodway_loom)))]
    pub(crate) fn all(&self) -> impl Iterator<Item = &Subscriber> {
        self.subscribers.iter().map(|(_, subscriber)| subscriber)
    }

    /// The number of subscribers, those that leave included.
    pub(crate) fn len(&self) -> usize {
        self.subscribers.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Every key is less than this.
    pub(crate) fn capacity(&self) -> usize {
        self.subscribers.capacity()
    }

    /// The index of a cohort's member has changed.
    pub(crate) fn move_member(&mut self, key: SubscriberKey, to: u32) {
        if let Some(live) = self[key].live_mut() {
            live.position.member = to;
        }
    }

    /// Has a subscriber looked at again, soon. Once is enough, however many ask for it.
    pub(crate) fn revisit(&mut self, key: SubscriberKey) {
        if let Some(subscriber) = self.subscribers.get_mut(key.index())
            && !std::mem::replace(&mut subscriber.attention.is_queued, true)
        {
            let token = token(key, subscriber.info.generation);
            self.revisits.push_back(token);
        }
    }

    /// The next one to be looked at again, unless it has left.
    pub(crate) fn next_revisit(&mut self) -> Option<Token> {
        let token = self.revisits.pop_front()?;
        let key = self.find(token)?;
        self[key].attention.is_queued = false;
        Some(token)
    }

    /// How many are to be looked at again.
    pub(crate) fn revisits(&self) -> usize {
        self.revisits.len()
    }
}

impl Index<SubscriberKey> for Registry {
    type Output = Subscriber;

    fn index(&self, key: SubscriberKey) -> &Subscriber {
        &self.subscribers[key.index()]
    }
}

impl IndexMut<SubscriberKey> for Registry {
    fn index_mut(&mut self, key: SubscriberKey) -> &mut Subscriber {
        &mut self.subscribers[key.index()]
    }
}

/// A subscriber's key and its generation in one number, so that readiness of a subscriber that has left is not taken for
/// that of the next one with this key.
fn token(key: SubscriberKey, generation: u32) -> Token {
    Token(key.index() | (generation as usize) << 32)
}
