//! The thread on which sources run.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::handle::{IngestHandle, Known};
use super::read_back::READ_BACKS;
use super::{Backoff, Port, ReadBack, Source, SourceStatus, Terms};
use crate::control::{Control, Keeper};
use crate::router::{Metrics, Router};
use floodway_core::event::{self, IdSource};
use floodway_core::inbox::Inbox;
use floodway_core::index::{Index, Tenant};
use floodway_core::parts;

/// The bound of the first pause between two attempts to connect.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);

/// The longest pause before sources run again after a panic.
const RESTART_MAX: Duration = Duration::from_secs(10);

/// Requests for tenants that wait to be looked at. Beyond it a source finds the tenant in the index.
const WANTED: usize = 1024;

/// The pause between two looks for events that are too old to be kept.
const EVICTION: Duration = Duration::from_secs(1);

/// How long the disconnecting of sources, and events that wait for a full inbox, may hold up the end.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// The running sources, on a thread of their own.
#[derive(Debug)]
pub struct Ingest {
    handle: IngestHandle,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Ingest {
    /// Starts `sources`, whose events and gaps go into `inboxes`, one for each shard. Tenants get their groups, and events
    /// their ids, as `control` says. Returns before a source is connected, whether or not one can be.
    ///
    /// # Errors
    /// If the thread can't be started.
    pub fn start(
        sources: Vec<Box<dyn Source>>,
        event: event::Config,
        index: Arc<Index>,
        inboxes: Arc<[Inbox]>,
        control: Option<Control>,
    ) -> io::Result<Self> {
        Self::start_with(sources, event, index, inboxes, control, None)
    }

    /// The same beside a store that no source owns: no source runs before its documents were read, or it is known to be
    /// away.
    ///
    /// # Errors
    /// If the thread can't be started.
    pub fn start_with(
        sources: Vec<Box<dyn Source>>,
        event: event::Config,
        index: Arc<Index>,
        inboxes: Arc<[Inbox]>,
        control: Option<Control>,
        mut keeper: Option<Keeper>,
    ) -> io::Result<Self> {
        let ids = control.as_ref().map(Control::ids).unwrap_or_default();
        let metrics = Arc::<Metrics>::default();
        let states = watch::Sender::new(vec![Default::default(); sources.len()]);
        let (mut known, mut running) = (Vec::new(), Vec::new());
        if let [only] = &*sources
            && only.terms().is_numbered
        {
            index.histories().numbering().reach(0);
        }
        for (number, source) in sources.into_iter().enumerate() {
            let terms = source.terms();
            let (sender, wanted) = mpsc::channel(WANTED);
            let (read_back, read_backs) = mpsc::channel(READ_BACKS);
            let status = Arc::new(SourceStatus::new(
                (terms.kind, number),
                states.clone(),
                Arc::clone(&metrics),
                Arc::clone(&index),
            ));
            running.push(Running {
                source,
                status: Arc::clone(&status),
                wanted,
                read_backs,
                backoff: Backoff::new(BACKOFF_FIRST, terms.backoff_max),
            });
            known.push(Known { status, wanted: sender, read_back, terms });
        }
        let handle = IngestHandle {
            sources: known.into(),
            states,
            metrics: Arc::clone(&metrics),
            index: Arc::clone(&index),
        };
        let (stop, stopped) = watch::channel(false);
        let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let swept = Arc::clone(&index);
        let gateway = move |terms: Option<&Terms>| {
            let (index, inboxes) = (Arc::clone(&index), Arc::clone(&inboxes));
            let has_usual_payloads = terms.is_some_and(|terms| terms.has_usual_payloads);
            let event = if has_usual_payloads {
                event.clone().with_usual_places()
            } else {
                event.clone()
            };
            let mut router = Router::new(&event, index, inboxes, Arc::clone(&metrics));
            router.ids = IdSource::of(Arc::clone(&ids));
            router.keeps_all = terms.is_some_and(|terms| terms.brings_all);
            (router, control.clone())
        };
        let thread = Builder::new().name("ingest".to_owned()).spawn(move || {
            run(running, keeper.as_mut(), &gateway, &swept, &stopped, &runtime);
            // A look-up of a name may hang, and is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, stop, thread })
    }

    /// For those who need a tenant's events, or want to know how the sources do.
    pub fn handle(&self) -> IngestHandle {
        self.handle.clone()
    }

    /// Returns when the thread has ended by itself. A panic is no end: the sources run again.
    pub async fn ended(&self) {
        self.stop.closed().await;
    }

    /// Disconnects every source and ends the thread. Blocks for as long as that takes, about a second at most.
    pub fn stop(self) {
        self.stop.send_replace(true);
        // It ends by return: a panic inside has been caught and logged.
        let _ = self.thread.join();
    }
}

/// A source, and what outlives each of its runs.
struct Running {
    source: Box<dyn Source>,
    status: Arc<SourceStatus>,
    wanted: mpsc::Receiver<Arc<Tenant>>,
    read_backs: mpsc::Receiver<ReadBack>,
    backoff: Backoff,
}

/// What a source of these terms, or nobody's notice, needs of the gateway.
type Gateway<'a> = dyn Fn(Option<&Terms>) -> (Router, Option<Control>) + 'a;

/// Runs the sources until they are to stop, again after a panic.
fn run(
    mut sources: Vec<Running>,
    mut keeper: Option<&mut Keeper>,
    gateway: &Gateway<'_>,
    index: &Index,
    stop: &watch::Receiver<bool>,
    runtime: &runtime::Runtime,
) {
    let mut backoff = Backoff::new(BACKOFF_FIRST, RESTART_MAX);
    loop {
        let began = Instant::now();
        let ended = parts::caught("ingest", || {
            runtime.block_on(until_stopped(&mut sources, keeper.as_deref_mut(), gateway, index, stop));
        });
        let mut lost = Vec::new();
        for running in &mut sources {
            // First the status: who sees its tenant wait again must not go on to wait for a source that is gone.
            running.status.closed();
            lost.extend(running.source.run_ended());
        }
        if ended.is_ok() {
            return;
        }
        // Only panics in a row grow the pause.
        if began.elapsed() > RESTART_MAX {
            backoff.reset();
        }
        let mut stop = stop.clone();
        let restart = async {
            super::lost(&mut gateway(None).0, &lost).await;
            sleep(backoff.pause()).await;
        };
        runtime.block_on(async {
            tokio::select! {
                () = restart => {}
                _ = stop.wait_for(|&stop| stop) => {}
            }
        });
    }
}

/// Lets events go that are too old, also of tenants whose devices are silent.
async fn evict_old(index: &Index) -> Infallible {
    let mut due = interval(EVICTION);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        index.evict_old(Instant::now());
    }
}

async fn until_stopped(
    sources: &mut [Running],
    keeper: Option<&mut Keeper>,
    gateway: &Gateway<'_>,
    index: &Index,
    stop: &watch::Receiver<bool>,
) {
    let runs = sources.iter_mut().map(|running| {
        let (router, control) = gateway(Some(&running.source.terms()));
        running.source.run(Port {
            router,
            control,
            status: Arc::clone(&running.status),
            wanted: &mut running.wanted,
            read_backs: &mut running.read_backs,
            backoff: &mut running.backoff,
            stop: stop.clone(),
        })
    });
    let runs = async {
        if let Some(control) = gateway(None).1 {
            control.settled().await;
        }
        join_all(runs).await;
    };
    let keeping = async {
        if let Some(keeper) = keeper {
            keeper.run(stop.clone()).await;
        }
    };
    let runs = join(keeping, runs);
    let mut stop = stop.clone();
    let cut_short = async {
        // An error means that nobody is left who could say so: it is the same.
        let _ = stop.wait_for(|&stop| stop).await;
        sleep(STOP_GRACE).await;
    };
    tokio::select! {
        _ = runs => {}
        () = cut_short => {}
        never = evict_old(index) => match never {},
        never = parts::faults("ingest") => match never {},
    }
}
