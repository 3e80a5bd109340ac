//! Shards that run beside a test, subscribers without a kernel behind them, and a clock that stands.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use super::state::State;
use super::{
    Config, Filter, Handle, NewSubscriber, NoRefresh, Options, Outlet, Pipe, Resume, Shard, TimeSource, answering,
};
use crate::inbox::Inbox;
use crate::index::{ClientInfo, Index, Transport};
use floodway_protocol::Encoding;
use floodway_protocol::names::TenantId;

/// When the clock on the wall begins, in seconds since 1970.
pub(crate) const WALL_START: u64 = 1_000_000_000;

thread_local! {
    static STARTED: Instant = Instant::now();
    static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// A clock that stands until the test lets time pass. Each test has its own: a test is a thread.
pub(super) const STANDING: TimeSource = TimeSource {
    monotonic: || STARTED.with(|started| *started) + PASSED.get(),
    wall: || SystemTime::UNIX_EPOCH + Duration::from_secs(WALL_START) + PASSED.get(),
};

/// Lets time pass for the shards of this test.
pub(crate) fn pass(time: Duration) {
    PASSED.set(PASSED.get() + time);
}

/// The time on the wall, in seconds since 1970.
pub(crate) fn unix_now() -> u64 {
    WALL_START + PASSED.get().as_secs()
}

/// A shard without a loop, whose clock stands.
pub(super) fn state(config: &Config) -> State {
    let sockets = mio::Poll::new().and_then(|poll| poll.registry().try_clone());
    let (wake_queue, metrics) = (Rc::default(), Arc::default());
    let sockets = sockets.expect("an event queue");
    let tokens = Arc::new(NoRefresh);
    let state = State::new(0, config, sockets, wake_queue, metrics, STANDING, tokens);
    state.expect("plain writes")
}

/// A peer that takes as many bytes as it is allowed to, and keeps them.
#[derive(Debug)]
pub(crate) struct Peer {
    window: Cell<usize>,
    is_gone: Cell<bool>,
    received: RefCell<Vec<u8>>,
}

impl Default for Peer {
    /// One that takes everything.
    fn default() -> Self {
        Self::with_window(usize::MAX)
    }
}

impl Peer {
    pub(crate) fn with_window(bytes: usize) -> Self {
        Self {
            window: Cell::new(bytes),
            is_gone: Cell::new(false),
            received: RefCell::default(),
        }
    }

    /// From now on it takes so many bytes.
    pub(crate) fn set_window(&self, bytes: usize) {
        self.window.set(bytes);
    }

    /// From now on each write to it fails.
    pub(crate) fn go(&self) {
        self.is_gone.set(true);
    }

    /// What it was sent; what is not text in the frames is replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.received.borrow()).into_owned()
    }

    /// How many bytes it was sent.
    pub(crate) fn bytes(&self) -> usize {
        self.received.borrow().len()
    }
}

#[derive(Debug)]
struct PeerPipe(Rc<Peer>);

impl Pipe for PeerPipe {
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.0.is_gone.get() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut received = self.0.received.borrow_mut();
        let (before, mut window) = (received.len(), self.0.window.get());
        for slice in slices {
            let n = slice.len().min(window);
            received.extend_from_slice(&slice[..n]);
            window -= n;
        }
        self.0.window.set(window);
        match received.len() - before {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            taken => Ok(taken),
        }
    }
}

/// A subscriber of `tenant` that wants everything, over a WebSocket, and whose bytes go to `peer`.
pub(crate) fn new_subscriber(index: &Index, tenant: &str, subject: Option<&str>, peer: &Rc<Peer>) -> NewSubscriber {
    let tenant = TenantId::parse(tenant).expect("a name");
    NewSubscriber {
        outlet: Outlet::Pipe(Box::new(PeerPipe(Rc::clone(peer)))),
        encoding: Encoding::Ws,
        filter: Filter::default(),
        permit: index.enter(&tenant).expect("a permit"),
        client: ClientInfo::new(Transport::WebSocket).with_subject(subject),
        expires_at: u64::MAX,
        resume: Resume::FromNow,
        backlog: None,
        options: Options::default(),
        head: Vec::new(),
        early: Vec::new(),
    }
}

/// Text frames whose mask is zero.
pub(super) fn frames<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let frame = |text: &str| {
        let length = u8::try_from(text.len()).expect("a short frame");
        [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
    };
    texts.into_iter().flat_map(frame).collect()
}

/// A shard of this number that runs beside the test, on its thread.
pub(crate) fn run_beside(id: usize, inboxes: &Arc<[Inbox]>) -> (Rc<Shard>, Handle) {
    let (config, tokens) = (Config::default(), Arc::new(NoRefresh));
    let shard = Shard::new(id, &config, Arc::clone(inboxes), Arc::default(), tokens, TimeSource::MACHINE);
    let shard = shard.expect("an event queue");
    let (handle, asked) = answering();
    let (running, asking) = (Rc::clone(&shard), Rc::clone(&shard));
    spawn_local(async move { running.run().await });
    spawn_local(async move { asking.answer(asked).await });
    (shard, handle)
}

/// Runs a test and what it spawns on this thread.
pub(crate) async fn on_one_thread(test: impl Future<Output = ()>) {
    let tasks = LocalSet::new();
    let done = timeout(Duration::from_secs(30), tasks.run_until(test)).await;
    done.expect("an end within 30 s");
}
