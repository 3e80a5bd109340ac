//! Which messages of QoS 1 were accepted, so that one that the broker sends again is no second event.
//!
//! A broker sends a message again, marked, if the connection was lost before our acknowledgement reached it (MQTT 5.0,
//! 4.4). A packet id alone does not tell which message that is: the acknowledgement may have arrived, and the broker may
//! have used the id for another message that was lost on its way. So a digest of the message is kept with its id, and it
//! counts only until the broker is known to have read the acknowledgement: it answers our pings in order, those of the
//! connection on which the message was acknowledged.
//!
//! Most brokers send again at once, in order. NATS does so half a minute later, behind what is newer; and one of its nodes
//! that has not seen the first delivery gives the message another id: then it is an event twice.
//!
//! Bounded by the number of packet ids, which is our receive maximum.

use std::hash::BuildHasher;

use super::link::Message;

#[derive(Debug, Default)]
pub(super) struct Accepted {
    /// By packet id.
    messages: Vec<Option<Digest>>,
    hasher: hashbrown::DefaultHashBuilder,
    /// Pings before this link.
    base: u64,
    /// Pings that were sent before the last message.
    pings: u64,
    /// What was accepted on this link before this ping has been acknowledged.
    acknowledged: u64,
}

/// An accepted message.
#[derive(Clone, Copy, Debug)]
struct Digest {
    hash: u64,
    /// Pings that were sent before it.
    pings: u64,
}

impl Accepted {
    /// A new link. Nothing is sent again unless the session of the last one `is_kept`.
    pub(super) fn link_up(&mut self, is_kept: bool) {
        if is_kept {
            let acknowledged = self.acknowledged;
            for message in &mut self.messages {
                message.take_if(|message| self.base <= message.pings && message.pings < acknowledged);
            }
        } else {
            self.messages.clear();
        }
        // A ping of the old link is not answered any more.
        self.base = self.pings + 1;
        self.pings = self.base;
    }

    /// A message of QoS 1 has come, on a link on which so many pings were sent and answered. Returns whether it was
    /// accepted before, and counts it as accepted from now on.
    pub(super) fn is_again(&mut self, message: &Message, (sent, answered): (u64, u64)) -> bool {
        self.pings = self.base + sent;
        if answered > 0 {
            self.acknowledged = self.base + answered;
        }
        let place = usize::from(message.id);
        if place >= self.messages.len() {
            self.messages.resize(place + 1, None);
        }
        let hash = self.hasher.hash_one((&message.topic, &message.payload));
        let before = self.messages[place].replace(Digest { hash, pings: self.pings });
        let may_be_unread = |pings| pings < self.base || pings >= self.acknowledged;
        message.dup && before.is_some_and(|before| before.hash == hash && may_be_unread(before.pings))
    }
}

#[cfg(test)]
mod tests;
