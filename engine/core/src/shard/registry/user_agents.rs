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
mod tests {
    use super::*;

    #[test]
    fn streams_with_one_name_share_its_text() {
        let mut user_agents = UserAgents::default();
        let one = user_agents.share(Arc::from("Firefox"));
        let two = user_agents.share(Arc::from("Firefox"));
        assert!(Arc::ptr_eq(&one, &two));
    }

    #[test]
    fn what_nobody_has_is_forgotten_before_it_is_more_than_what_somebody_has() {
        let mut user_agents = UserAgents::default();
        let held: Vec<_> = (0..100)
            .map(|n| user_agents.share(Arc::from(format!("stays {n}"))))
            .collect();
        for n in 0..10_000 {
            user_agents.share(Arc::from(format!("goes {n}")));
            assert!(
                user_agents.kept.len() <= 2 * held.len() + 1,
                "{}",
                user_agents.kept.len()
            );
        }
        let again = user_agents.share(Arc::from("stays 7"));
        assert!(Arc::ptr_eq(&again, &held[7]));
    }
}
