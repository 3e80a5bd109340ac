//! What the shard asks of a transport, and what a transport may ask of the shard.

use super::end::End;
use super::filter::Filter;
use super::state::State;
use super::subscriber::Key;
use crate::event::Encoding;
use crate::index::Limits;
use crate::names::TenantId;

/// The protocol on one connection: what its peer's bytes mean, and how it says good-bye.
pub trait Session {
    /// The peer sent `bytes`. They may be changed in place.
    fn receive(&mut self, bytes: &mut [u8], line: &mut Line<'_>);
    /// Appends the last bytes of the stream, which is in this encoding. Nothing follows them.
    fn farewell(&self, encoding: Encoding, end: &End, out: &mut Vec<u8>);
}

/// One subscriber, as its session may act upon it. Each act takes its place in the stream at once: after the events
/// that the shard has already matched, before those that come.
pub struct Line<'a> {
    pub(super) state: &'a mut State,
    pub(super) key: Key,
}

impl Line<'_> {
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

    /// The filter applies to every later event.
    pub fn set_filter(&mut self, filter: Filter) {
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

    /// Counts one message of the peer; too many a second, and the peer is read more slowly.
    pub fn count_message(&mut self) {
        self.state.count_message(self.key);
    }

    /// Ends the stream after what waits is written.
    pub fn end(&mut self, end: End) {
        self.state.end(self.key, &end);
    }
}
