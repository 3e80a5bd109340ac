//! The last events of a tenant's devices, for subscribers that begin with a snapshot.
//!
//! Many that come at once share one list. It is made from the tenant's history, and brought up to date by what was matched
//! since. Invariant: a list holds what was matched on this shard, and nothing newer, so what is matched next follows it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::Event;
use crate::history::{LastValues, Position};
use crate::index::Tenant;

/// How long a list is kept that nobody asks for: it holds events that are kept nowhere else.
const KEPT: Duration = Duration::from_secs(10);

/// A tenant's last events on one shard, while they are asked for.
#[derive(Debug, Default)]
pub(super) struct Snapshots(Option<Known>);

#[derive(Debug)]
struct Known {
    values: LastValues,
    list: Rc<[Arc<Event>]>,
    asked: Instant,
}

impl Snapshots {
    /// The last event of each device, as of the entry at `newest`, and that position; those of the devices that published last
    /// come last. It is a later position if the history has gone on already.
    pub(super) fn at(&mut self, newest: Position, tenant: &Tenant, now: Instant) -> (Rc<[Arc<Event>]>, Position) {
        let (before, list) = self.0.take().map(|known| (known.values, known.list)).unzip();
        let made_at = before.as_ref().map(|values| (values.next(), values.seeds()));
        let values = tenant.history().last_values(before, newest + 1, now);
        let list = list.filter(|_| made_at == Some((values.next(), values.seeds())));
        let list = list.unwrap_or_else(|| values.events().map(Arc::clone).collect());
        let at = values.next() - 1;
        self.0 = Some(Known { values, list: Rc::clone(&list), asked: now });
        (list, at)
    }

    /// Gives the list up if nobody has asked for it for some time. Returns whether there is one left.
    pub(super) fn give_up(&mut self, now: Instant) -> bool {
        self.0.take_if(|known| now.saturating_duration_since(known.asked) > KEPT);
        self.0.is_some()
    }
}
