//! The metrics that a subscriber wants.
//!
//! Invariant: no name is there twice. The order in which the client first gave the names is kept, since answers repeat it.
//! It decides equality, but never what a projection holds.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::LazyLock;

use hashbrown::DefaultHashBuilder;

/// Up to this many names are compared one by one, which is faster than a search.
const SCAN_NAMES_MAX: usize = 8;

/// One seed for the process: equal sets have equal hashes, and a client cannot choose names that collide.
static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);

/// A set of metric names. Two are equal if they hold the same names in the same order.
#[derive(Debug)]
pub struct MetricSet {
    names: Box<[Box<str>]>,
    /// Indexes of `names`, in the order of the names.
    sorted: Box<[u32]>,
    /// A hash of the names, in any order. It differs from one run of the process to the next.
    pub(super) hash: u64,
}

impl MetricSet {
    /// The set of these names. The second of two equal names is left out.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut seen = hashbrown::HashSet::new();
        let mut kept: Vec<Box<str>> = Vec::new();
        for name in names {
            if seen.insert(name.clone()) {
                kept.push(name.into_boxed_str());
            }
        }
        let count = u32::try_from(kept.len()).expect("a filter has a bounded number of names");
        let mut sorted: Box<[u32]> = (0..count).collect();
        sorted.sort_unstable_by_key(|&at| &kept[at as usize]);
        let hash = kept.iter().fold(0, |sum: u64, name| sum.wrapping_add(HASHER.hash_one(name)));
        Self { names: kept.into_boxed_slice(), sorted, hash }
    }

    /// The names, in the order in which they were first given.
    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// Whether `name` is one of the names.
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        if self.names.len() <= SCAN_NAMES_MAX {
            return self.names.iter().any(|known| known.as_bytes() == name);
        }
        self.sorted.binary_search_by(|&at| self.names[at as usize].as_bytes().cmp(name)).is_ok()
    }

    /// Whether both make the same projection: they have the same names, in any order.
    pub(super) fn same_names(&self, other: &Self) -> bool {
        self.hash == other.hash && self.in_order().eq(other.in_order())
    }

    fn in_order(&self) -> impl Iterator<Item = &str> {
        self.sorted.iter().map(|&at| &*self.names[at as usize])
    }
}

impl PartialEq for MetricSet {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.names == other.names
    }
}

impl Eq for MetricSet {}

impl Hash for MetricSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

#[cfg(test)]
mod tests;
