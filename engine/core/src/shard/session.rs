//! What the shard asks of a transport, and what a transport may ask of the shard.

use super::filter::Filter;
use super::keys::SubscriberKey;
use super::state::State;
use crate::event::Encoding;
use crate::index::Limits;
use floodway_protocol::ends::End;
use floodway_protocol::names::TenantId;

/// The protocol on one connection: what its peer's bytes mean, and how it says good-bye.
pub trait Session {
    /// The peer sent `bytes`. They may be changed in place.
    fn receive(&mut self, bytes: &mut [u8], line: &mut SessionContext<'_>);
    /// Appends the last bytes of the stream, which is in this encoding. Nothing follows them.
    fn farewell(&self, encoding: Encoding, end: &End, out: &mut Vec<u8>);
}

/// Names in filters that are as much work as a message: each is copied, hashed and compared, some 0.2 µs.
const NAMES_A_MESSAGE: usize = 16;

/// One subscriber, as its session may act upon it. Each act takes its place in the stream at once: after the events
/// that the shard has already matched, before those that come.
pub struct SessionContext<'a> {
    pub(super) state: &'a mut State,
    pub(super) key: SubscriberKey,
}

impl SessionContext<'_> {
    /// What the subscriber wants now.
    pub fn filter(&self) -> &Filter {
        self.state.filter(self.key)
    }

    /// What the stream may use now.
    pub fn limits(&mut self) -> Limits {
        let limits = self.state.limits(self.key);
        limits.expect("only a live stream's session asks")
    }

    /// Whose stream it is.
    pub fn tenant(&self) -> &TenantId {
        self.state.tenant(self.key)
    }

    /// Whether the stream has been ended, by the session or because the peer asks without reading.
    pub fn is_ending(&self) -> bool {
        self.state.ending.is_some()
    }

    /// The filter applies to every later event. Counts as further messages: one for every 16 names that it and the one
    /// before have.
    pub fn set_filter(&mut self, filter: Filter) {
        let names = self.filter().names() + filter.names();
        self.state.count_messages(self.key, names / NAMES_A_MESSAGE);
        self.state.refilter(self.key, filter);
    }

    /// Sends ready bytes that are never dropped.
    pub fn send(&mut self, bytes: &[u8]) {
        self.state.send(self.key, bytes);
    }

    /// The stream lives until then, in seconds since 1970.
    pub fn set_expiry(&mut self, expires_at: u64) {
        self.state.set_expiry(self.key, expires_at);
    }

    /// Counts messages of the peer, or work that is as much; too many a second, and the peer is read more slowly.
    pub fn count_messages(&mut self, count: usize) {
        self.state.count_messages(self.key, count);
    }

    /// Ends the stream after what waits is written.
    pub fn end(&mut self, end: End) {
        self.state.end(self.key, &end);
    }
}
