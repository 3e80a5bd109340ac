//! The seam for stores that keep values by key: a file, a table, a bucket.
//!
//! A [`KeyedStore`] knows nothing of limits and groups, and the follower nothing of it: [`super::Keeper`] stands between
//! them. A key is what stands behind `floodway/control/v1/` in a document's topic, so it may hold any text, with `/`
//! between its parts; a value is JSON.
//!
//! Invariants of a store:
//! * What [`KeyedStore::list`] gives and [`KeyedStore::changes`] tells afterwards leave nothing out between them.
//! * Of each key, a change is never older than what was listed, told or put before: whoever reads what a write left behind
//!   never reads an earlier value after it. A value that was replaced at once need not be told.
//! * A write is done, on whatever the store calls durable, when [`KeyedStore::put`] or [`KeyedStore::delete`] returns.

pub(super) mod file;
#[cfg(all(test, not(floodway_loom)))]
pub(crate) mod test_kit;

use std::pin::Pin;
use std::time::Duration;

/// What a store does when it is asked, and how that ends.
pub(crate) type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + 'a>>;

/// Why a store did not do what it was asked. The texts are for people, name no secret, and say where to look.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoreError {
    /// It is there, and refuses this; nothing has changed.
    #[error("{0}")]
    Refused(String),
    /// It is not there, or no more. What it was asked may have been done, whole.
    #[error("{0}")]
    Lost(String),
}

/// What stands under a key from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: String,
    /// None if it was deleted.
    pub(crate) value: Option<Vec<u8>>,
}

/// A store that keeps values by key, for all gateways that share it.
pub(crate) trait KeyedStore: Send {
    /// What and where it is, for people; without credentials.
    fn name(&self) -> String;

    /// The largest document that it takes, key and value together, in bytes; and where that bound is set.
    fn bound(&self) -> (usize, &'static str);

    /// Connects, anew if it was connected before, and begins to watch for changes.
    fn connect(&mut self) -> Asked<'_, ()>;

    /// Everything that is kept now, but what has expired.
    fn list(&mut self) -> Asked<'_, Vec<(String, Vec<u8>)>>;

    /// Puts `value` in the place of what stands under `key`. With `expiry` it is forgotten after that time.
    fn put<'a>(&'a mut self, key: &'a str, value: &'a [u8], expiry: Option<Duration>) -> Asked<'a, ()>;

    /// Deletes what stands under `key`, if anything does.
    fn delete<'a>(&'a mut self, key: &'a str) -> Asked<'a, ()>;

    /// Waits for changes, by whomever: own writes may be among them. May be cancelled; nothing is lost then.
    fn changes(&mut self) -> Asked<'_, Vec<Change>>;
}
