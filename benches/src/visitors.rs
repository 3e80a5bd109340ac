//! Clients that come to read what was, and leave again.

use std::rc::Rc;
use std::time::{Duration, Instant};

use floodway_core::shard::Filter;

use crate::counter::Counter;
use crate::outlets::{BenchPipe, Peer};
use crate::rig::{Beginning, Rig};

/// Clients of one rig.
#[derive(Debug, Default)]
pub struct Visitors {
    taken: Rc<Counter>,
    gone: Rc<Counter>,
}

impl Visitors {
    /// Bytes that their outlets have taken.
    pub fn taken(&self) -> u64 {
        self.taken.get()
    }

    /// Lets `count` clients come at once that want the same, waits until all are in step, and lets them leave. Returns how
    /// long it took until they were in step.
    pub async fn visit(&self, rig: &Rig, count: usize, beginning: Beginning, filter: &Filter) -> Duration {
        let peers: Vec<Rc<Peer>> = (0..count).map(|_| Peer::new(&self.gone)).collect();
        let start = Instant::now();
        for peer in &peers {
            rig.attach_from(beginning, BenchPipe::to(peer, &self.taken), filter.clone());
        }
        in_step(rig).await;
        let elapsed = start.elapsed();
        self.leave(&peers).await;
        elapsed
    }

    /// Lets a client come that begins there. Whoever reads from history has something to wait for until it is in step.
    pub fn come(&self, rig: &Rig, beginning: Beginning) -> Rc<Peer> {
        let peer = Peer::new(&self.gone);
        rig.attach_from(beginning, BenchPipe::to(&peer, &self.taken), Filter::default());
        peer
    }

    /// Lets these leave, and returns when the shard has let all of them go.
    pub async fn leave(&self, peers: &[Rc<Peer>]) {
        let all_gone = self.gone.get() + peers.len() as u64;
        peers.iter().for_each(|peer| peer.leave());
        self.gone.reach(all_gone).await;
    }
}

/// Returns when nothing waits for any subscriber.
async fn in_step(rig: &Rig) {
    rig.until(|metrics| metrics.streams.lagging.get() == 0).await;
}
