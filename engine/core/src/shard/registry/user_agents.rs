//! The user agents of clients, each text once: thousands of dashboards are a few browsers.
//!
//! Invariant: a text is kept while a stream has it, and about as many again that no stream has any more, until a crowd
//! that had them has left.

use std::sync::Arc;

use hashbrown::HashSet;

/// Texts that are kept before those are dropped that no stream has.
const KEPT_MIN: usize = 64;

/// The user agents of a shard's streams.
#[derive(Debug, Default)]
pub(crate) struct UserAgents {
    kept: HashSet<Arc<str>>,
    keep_up_to: usize,
}

impl UserAgents {
    /// The copy of `text` that the others have.
    pub(crate) fn share(&mut self, text: Arc<str>) -> Arc<str> {
        if let Some(known) = self.kept.get(&text) {
            return Arc::clone(known);
        }
        if self.kept.len() >= self.keep_up_to {
            self.kept.retain(|kept| Arc::strong_count(kept) > 1);
            self.kept.shrink_to_fit();
            self.keep_up_to = KEPT_MIN.max(2 * self.kept.len());
        }
        self.kept.insert(Arc::clone(&text));
        text
    }
}

#[cfg(all(test, not(floodway_loom)))]
mod tests;
