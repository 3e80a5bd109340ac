//! A run: connect, the phases one after the other, leave. Every wait is bounded.

use crate::args::Args;
use crate::connect::connect;
use crate::plan::Phase;
use crate::progress::{self, Progress};
use crate::publisher::{Order, Publisher};
use crate::report::{Measured, PhaseReport, Report};
use crate::request::Request;
use crate::subscribers::Subscribers;
use crate::tally::Tally;
use floodway_instruments::machine::{Processes, now_us, own_cpu};
use std::io;
use std::net::ToSocketAddrs as _;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long nothing may happen before the run goes on without what is missing.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest that one wait lasts.
const TURN: Duration = Duration::from_millis(100);

/// How often the server's memory is looked at while it settles.
const LOOK: Duration = Duration::from_millis(20);

/// The publisher's thread, and the way to it.
struct Publishing {
    orders: Sender<Order>,
    thread: JoinHandle<()>,
}

/// A run under way.
pub(crate) struct Run<'a> {
    args: &'a Args,
    server: Processes,
    progress: Arc<Progress>,
    publishing: Option<Publishing>,
    subscribers: Subscribers,
    /// When the last progress line was written, and the deliveries until then.
    told: (Instant, u64),
}

impl<'a> Run<'a> {
    /// Makes everything ready, up to the publisher's connection.
    ///
    /// # Errors
    /// If the server's name or processes, or what is published to, are not to be had.
    pub(crate) fn new(args: &'a Args) -> io::Result<Self> {
        let server = Processes::new(&args.pids)?;
        let address = args.connect.to_socket_addrs()?.next();
        let address = address.ok_or_else(|| io::Error::other("a name without an address"))?;
        let progress = Arc::new(Progress::new()?);
        let publishing = publishing(args, &progress)?;
        let tally = Tally::new(args.wants(), args.streams);
        let subscribers = Subscribers::new(address, args.dialect, args.streams, tally, progress.clone())?;
        let told = (Instant::now(), 0);
        Ok(Run { args, server, progress, publishing, subscribers, told })
    }

    /// Carries it out. What goes wrong on the way stands in the report.
    pub(crate) fn carry_out(mut self) -> Report {
        let mut report = Report::new(self.args);
        let failed = self.measure(&mut report).err().map(|error| error.to_string());
        self.progress.stop();
        if let Some(Publishing { orders, thread }) = self.publishing.take() {
            drop(orders);
            progress::ring(&self.progress.to_publisher);
            thread.join().expect("the publisher does not panic");
        }
        report.closed_early = self.subscribers.closed;
        let first = self.subscribers.first_end.take().map(|end| format!("a stream ended: {end}"));
        report.error = self.progress.failure.get().cloned().or(failed).or(first);
        report
    }

    fn measure(&mut self, report: &mut Report) -> io::Result<()> {
        let requests = Request::all(self.args);
        let descriptors = self.server.descriptors();
        report.rss_kib.before = self.server.rss_kib();
        let told = &mut self.told;
        let tell = |subscribers: &Subscribers| {
            let ready = subscribers.ready_us.len();
            tell(self.args, told, "connecting", ready, ready as u64);
        };
        let (subscribers, at_once) = (&mut self.subscribers, self.args.in_flight as usize);
        report.connect = connect(subscribers, &mut self.server, requests, at_once, tell)?;
        self.rest(self.args.settle())?;
        report.rss_kib.connected = self.server.rss_kib();
        for &phase in &self.args.phases {
            if self.subscribers.live() == 0 {
                return Err(io::Error::other("no stream is left"));
            }
            report.phases.push(self.phase(phase)?);
            if self.progress.failure.get().is_some() {
                break;
            }
        }
        report.rss_kib.after_phases = self.server.rss_kib();
        self.subscribers.leave();
        report.rss_kib.after_leaving = self.settled_rss(descriptors);
        Ok(())
    }

    fn phase(&mut self, phase: Phase) -> io::Result<PhaseReport> {
        let published = self.progress.published.load(SeqCst);
        self.subscribers.begin(published);
        self.progress.begin();
        let begun = Instant::now();
        let begun_us = now_us();
        let (cpu, client_cpu) = (self.server.cpu(), own_cpu());
        let time = match phase {
            Phase::Idle { time } => {
                self.rest(time)?;
                time
            }
            _ => {
                self.publish(phase)?;
                let time = begun.elapsed();
                self.arrive()?;
                self.rest(self.args.settle())?;
                let last_us = self.subscribers.tally.counts.last_us.saturating_sub(begun_us);
                time.max(Duration::from_micros(last_us))
            }
        };
        let cpu = self.server.cpu().since(cpu);
        let client_cpu = own_cpu().saturating_sub(client_cpu);
        let now = self.progress.published.load(SeqCst);
        let expected = self.subscribers.tally.expected(now);
        let measured = Measured { phase, published: now - published, expected, time, cpu, client_cpu };
        Ok(PhaseReport::new(&measured, &self.subscribers.tally.counts))
    }

    /// Has the publisher do a phase, and takes in what arrives meanwhile.
    fn publish(&mut self, phase: Phase) -> io::Result<()> {
        let Some(publishing) = &self.publishing else {
            return Ok(());
        };
        let wanters = self.subscribers.tally.wanters().to_vec();
        // If the publisher is gone, it has said why, and the phase is finished.
        publishing.orders.send(Order { phase, wanters }).ok();
        progress::ring(&self.progress.to_publisher);
        // A publisher that failed before this phase has finished it before it began.
        while !self.progress.finished.load(SeqCst) && self.progress.failure.get().is_none() && !self.is_deserted() {
            self.subscribers.turn(TURN)?;
            self.tell(phase.kind(), self.subscribers.tally.counts.received);
        }
        Ok(())
    }

    /// Whether nobody is left to publish for; the publisher is told so.
    fn is_deserted(&self) -> bool {
        let deserted = self.subscribers.live() == 0;
        if deserted {
            self.progress.stop();
        }
        deserted
    }

    /// Waits until everything published has arrived, within bounds.
    fn arrive(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        let expected = self.subscribers.tally.expected(self.progress.published.load(SeqCst));
        while self.subscribers.tally.counts.received < expected
            && self.subscribers.live() > 0
            && begun.elapsed() < PATIENCE
        {
            self.subscribers.turn(TURN)?;
            self.tell("settling", self.subscribers.tally.counts.received);
        }
        Ok(())
    }

    /// Takes in what comes for so long.
    fn rest(&mut self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        while let left = end.saturating_duration_since(Instant::now())
            && !left.is_zero()
            && self.subscribers.live() > 0
        {
            self.subscribers.turn(left.min(TURN))?;
            self.tell("resting", self.subscribers.tally.counts.received);
        }
        Ok(())
    }

    /// The server's memory once it has closed its ends of the streams and grows and shrinks no more.
    fn settled_rss(&self, descriptors: usize) -> u64 {
        let begun = Instant::now();
        let mut rss = self.server.rss_kib();
        let mut same_since = begun;
        while !self.server.is_empty() && begun.elapsed() < PATIENCE {
            let gone = self.server.descriptors() <= descriptors;
            if gone && same_since.elapsed() >= self.args.settle() {
                break;
            }
            thread::park_timeout(LOOK);
            let now = self.server.rss_kib();
            if now != rss || !gone {
                (rss, same_since) = (now, Instant::now());
            }
        }
        rss
    }

    fn tell(&mut self, what: &str, count: u64) {
        tell(self.args, &mut self.told, what, self.subscribers.live(), count);
    }
}

/// A progress line, once a second.
fn tell(args: &Args, told: &mut (Instant, u64), what: &str, live: usize, count: u64) {
    let (last, before) = *told;
    if args.quiet || last.elapsed() < Duration::from_secs(1) {
        return;
    }
    eprintln!("loadgen: {what}: {live} streams, {count} (+{})", count.saturating_sub(before));
    *told = (Instant::now(), count);
}

fn publishing(args: &Args, progress: &Arc<Progress>) -> io::Result<Option<Publishing>> {
    let Some(target) = args.publish.clone() else {
        return Ok(None);
    };
    let address = target.address.clone();
    let publisher = Publisher::connect(target, &args.tenant, args.qos, args.wants(), progress.clone());
    let publisher =
        publisher.map_err(|error| io::Error::new(error.kind(), format!("publishing to {address}: {error}")))?;
    let (orders, taken) = mpsc::channel();
    let thread = thread::Builder::new().name("publisher".into());
    let thread = thread.spawn(move || publisher.run(&taken))?;
    Ok(Some(Publishing { orders, thread }))
}
