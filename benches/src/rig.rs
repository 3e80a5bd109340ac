//! A shard that runs on the bench's own thread.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use floodway_core::event::Event;
use floodway_core::history;
use floodway_core::inbox::{Inbox, Item};
use floodway_core::index::{ClientInfo, Index, Limits, Transport};
use floodway_core::shard::{
    Config, Filter, Handle, Metrics, NewSubscriber, NoRefresh, Options, Outlet, Resume, Shard, TimeSource, answering,
};
use floodway_protocol::names::TenantId;
use floodway_protocol::{Encoding, EventId};
use tokio::runtime::{self, Runtime};
use tokio::task::{JoinHandle, LocalSet};

/// Settings for a bench: the defaults, but no heartbeats among the bytes that are counted.
pub fn config() -> Config {
    const NEVER: Duration = Duration::from_secs(24 * 3600);
    Config { ws_ping: NEVER, sse_keepalive: NEVER, ..Config::default() }
}

/// Limits for a bench: the defaults, but any number of streams, and no pause for a client that sends much.
pub fn limits() -> Limits {
    Limits { connections: 0, client_messages_per_second: u32::MAX, ..Limits::default() }
}

/// Bounds of histories for a bench: twice the default, and no age, so that what is resumed from is there.
fn history() -> history::Config {
    let default = history::Config::default();
    history::Config { events: 2 * default.events, age: Duration::MAX, ..default }
}

/// Where a subscriber's stream begins.
#[derive(Clone, Copy, Debug)]
pub enum Beginning {
    /// With the events from now on.
    Now,
    /// With those after this one, which the tenant's history has.
    After(EventId),
    /// With the last event of each device.
    Snapshot,
}

/// One shard, its inbox, and an index with one tenant.
pub struct Rig {
    runtime: Runtime,
    tasks: LocalSet,
    running: RefCell<JoinHandle<io::Result<()>>>,
    shard: Rc<Shard>,
    handle: Handle,
    inboxes: Arc<[Inbox]>,
    metrics: Arc<Metrics>,
    index: Index,
    tenant: TenantId,
}

impl Rig {
    /// Makes the shard, with the limits of [`limits`]. It runs while [`Rig::run`] does.
    pub fn new(config: &Config) -> Self {
        Self::with_limits(config, limits())
    }

    /// As [`Rig::new`], with these limits.
    pub fn with_limits(config: &Config, limits: Limits) -> Self {
        let inboxes: Arc<[Inbox]> = Arc::new([Inbox::new(config.inbox.get())]);
        let metrics = Arc::new(Metrics::default());
        let (shared, counts) = (Arc::clone(&inboxes), Arc::clone(&metrics));
        let shard = Shard::new(0, config, shared, counts, Arc::new(NoRefresh), TimeSource::MACHINE);
        let shard = shard.expect("an event queue");
        let tasks = LocalSet::new();
        let running = tasks.spawn_local({
            let shard = Rc::clone(&shard);
            async move { shard.run().await }
        });
        let (handle, asked) = answering();
        tasks.spawn_local({
            let shard = Rc::clone(&shard);
            async move { shard.answer(asked).await }
        });
        Self {
            runtime: runtime::Builder::new_current_thread().enable_all().build().expect("a runtime"),
            tasks,
            running: RefCell::new(running),
            shard,
            handle,
            inboxes,
            metrics,
            index: Index::with_history(u32::MAX, limits, history()),
            tenant: TenantId::parse("TENANT1").expect("a valid name"),
        }
    }

    /// The tenant that all subscribers and events are of.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// What the shard has counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The way to the shard that other threads have.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Runs `task`, and the shard beside it, on this thread.
    ///
    /// # Panics
    /// If the shard ends: a task that waits for it would wait for ever.
    pub fn run<T>(&self, task: impl Future<Output = T>) -> T {
        let mut running = self.running.borrow_mut();
        self.runtime.block_on(self.tasks.run_until(async {
            tokio::select! {
                biased;
                result = task => result,
                ended = &mut *running => panic!("the shard ended: {ended:?}"),
            }
        }))
    }

    /// Adds a subscriber to the shard, who wants the events from now on.
    pub fn attach(&self, outlet: Outlet, filter: Filter) {
        self.attach_from(Beginning::Now, outlet, filter);
    }

    /// Adds a subscriber to the shard, whose stream begins there.
    pub fn attach_from(&self, beginning: Beginning, outlet: Outlet, filter: Filter) {
        let (resume, snapshot) = match beginning {
            Beginning::Now => (Resume::FromNow, None),
            Beginning::After(seen) => (Resume::After(seen), None),
            Beginning::Snapshot => (Resume::FromNow, Some(true)),
        };
        let new_subscriber = NewSubscriber {
            outlet,
            encoding: Encoding::Ws,
            filter,
            permit: self.index.enter(&self.tenant).expect("no limit"),
            client: ClientInfo::new(Transport::WebSocket),
            expires_at: u64::MAX,
            resume,
            backlog: None,
            options: Options { snapshot, ..Options::default() },
            head: Vec::new(),
            early: Vec::new(),
        };
        self.shard.attach(new_subscriber).expect("nothing to watch");
    }

    /// Stores `events` in the tenant's history, as what was published while nobody was there.
    pub fn store(&self, events: &[Arc<Event>]) {
        let tenant = self.index.keep(&self.tenant);
        for event in events {
            let (_, interest) = tenant.append(event);
            assert_eq!(interest, 0, "nobody is there");
        }
    }

    /// Puts `events` into the shard's inbox at once, so that one tick takes them all.
    pub async fn put(&self, events: &[Arc<Event>]) {
        let tenant = self.index.find(self.tenant.as_str()).expect("it has a subscriber");
        for event in events {
            let (position, _) = tenant.append(event);
            self.inboxes[0].put(Item::Event(Arc::clone(event), position)).await;
        }
        self.inboxes[0].wake();
    }

    /// Lets the shard work until `is_done`, which is asked once a turn.
    pub async fn until(&self, is_done: impl Fn(&Metrics) -> bool) {
        while !is_done(&self.metrics) {
            tokio::task::yield_now().await;
        }
    }
}
