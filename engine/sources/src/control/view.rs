//! What other threads see of control.
//!
//! Invariant: a view never changes; each change makes a new one, so a reader has all of one moment and delays nobody.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::documents::Documents;
use super::fleet::{Member, Status};
use super::problems::Problem;
use floodway_core::event::Ids;

/// How far the control documents are followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// The store is not connected. What was read before holds.
    #[default]
    Away,
    /// The store is connected, and its documents are being read.
    Reading,
    /// Everything was read, and is followed.
    Following,
    /// The store does not give all of it, for this reason. What comes is followed; nothing can be written.
    Partial(String),
}

/// How old the known documents are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// They are those of the store.
    Current,
    /// They were those of the store at this time.
    Since(SystemTime),
    /// None were ever read.
    Unknown,
}

#[derive(Clone, Debug, Default)]
pub(super) struct View {
    pub(super) standing: Standing,
    /// When the documents were last those of the store; none while they are, or were never read.
    pub(super) known_at: Option<SystemTime>,
    pub(super) documents: Arc<Documents>,
    pub(super) members: Arc<Vec<Member>>,
    pub(super) problems: Arc<VecDeque<Problem>>,
}

/// Between the follower and its handles.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) view: ArcSwap<View>,
    /// The ids of events, as far as they are reserved.
    pub(super) ids: Arc<Ids>,
    /// Our own status, as it was last announced.
    pub(super) own: ArcSwapOption<Status>,
}
