//! The source of MQTT brokers, of version 5 and 3.1.1. The only room that knows MQTT.
//!
//! Invariants: events of one connection keep the broker's order; a tenant is confirmed only while the broker sends its
//! events; nothing that a device publishes ends the connection.
//!
//! In the order of a message's way: `broker` and `link` connect and receive, `subscriptions` decides what to ask for,
//! `driver` holds these together, `accepted` knows what came before, `held` has tenants wait for what is retained of them.
//! Beside it, `probe` tries what may cost the connection on another one, and `request_scheduler` lets tenants' subscriptions and
//! [`control`] take turns on the one connection. `share` splits tenants over several connections, each of which is a source of
//! its own.

mod accepted;
mod broker;
mod config;
mod driver;
mod held;
mod link;
mod probe;
mod request;
mod request_scheduler;
mod share;
mod subscriptions;
#[cfg(all(test, not(floodway_loom)))]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

pub use broker::{BadUrl, normal_url};
pub use config::{Config, Protocol, Session, Subscribe};

#[cfg(doc)]
use crate::control;
use crate::control::Follower;
use crate::router::{BadTopics, Topics};
use crate::source::{Port, Source, Terms};
use crate::tls;
use accepted::Accepted;
use broker::Broker;
use driver::Driver;
use floodway_core::index::{Index, Tenant};
use held::Held;
use link::Dialer;
use probe::Probe;
use request_scheduler::RequestScheduler;
use share::{Gate, Share};
use subscriptions::Subscriptions;

/// Why brokers can't be a source. Names the setting, and the file if there is one.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// There is no URL.
    #[error("mqtt.url names no broker")]
    NoUrl,
    /// One of the URLs is none.
    #[error("mqtt.url {0}")]
    Url(#[from] BadUrl),
    /// The topics can't stand together.
    #[error(transparent)]
    Topics(#[from] BadTopics),
    /// Events of all tenants at once come over one connection: several would have to share a subscription, and brokers deal
    /// its messages out in turn, so that a device's would overtake one another.
    #[error("mqtt.connections must be 1 with mqtt.subscribe = \"all\": one subscription can't be split")]
    Split,
    /// What TLS needs is not there.
    #[error(transparent)]
    Tls(#[from] tls::Error),
}

/// The brokers of one setting `mqtt.url`, of which one is connected at a time.
pub struct Mqtt {
    config: Config,
    dialer: Dialer,
    brokers: Vec<Broker>,
    client_id: String,
    topics: Arc<Topics>,
    accepted: Accepted,
    subscriptions: Subscriptions,
    control: Option<Follower>,
    gate: Gate,
}

impl Mqtt {
    /// The brokers of `config` over one connection, asked for the tenants of `index`. With `control` the control documents
    /// are kept there: no tenant is confirmed before they were read.
    ///
    /// # Errors
    /// If `config` has no URL or a wrong one, topics that can't stand together, or if the files of TLS are not what they
    /// should be.
    pub fn new(config: Config, index: Arc<Index>, control: Option<Follower>) -> Result<Self, Unusable> {
        let way = (Share::WHOLE, Gate::new(control.is_none()), client_id(&config));
        Self::of_share(config, index, control, way)
    }

    /// The same over as many connections as `config` says, each with its own tenants, and with a number of its own from that of
    /// `config` on. The first one keeps the control documents.
    ///
    /// # Errors
    /// As those of [`Mqtt::new`], and if a subscription to all tenants at once is to be split.
    pub fn split(config: &Config, index: &Arc<Index>, mut control: Option<Follower>) -> Result<Vec<Self>, Unusable> {
        if config.connections > 1 && config.subscribe == Subscribe::All {
            return Err(Unusable::Split);
        }
        let (gate, id) = (Gate::new(control.is_none()), client_id(config));
        let shares = Share::all(config.connections);
        let made = shares.map(|share| {
            let way = (share, gate.clone(), share.client_id(id.clone()));
            let config = Config { source: share.source(config.source), ..config.clone() };
            Self::of_share(config, Arc::clone(index), control.take(), way)
        });
        made.collect()
    }

    fn of_share(
        config: Config,
        index: Arc<Index>,
        control: Option<Follower>,
        (share, gate, client_id): (Share, Gate, String),
    ) -> Result<Self, Unusable> {
        let topics = Arc::new(config.topics()?);
        let (brokers, dialer) = ways(&config)?;
        Ok(Self {
            brokers,
            dialer,
            client_id,
            accepted: Accepted::default(),
            subscriptions: Subscriptions::new(&config, share, Arc::clone(&topics), index),
            topics,
            config,
            control,
            gate,
        })
    }

    /// Reads what [`Mqtt::new`] would read, for nothing but to know whether it could.
    ///
    /// # Errors
    /// As those of [`Mqtt::new`].
    pub fn check(config: &Config) -> Result<(), Unusable> {
        ways(config).map(|_| ())
    }
}

impl Source for Mqtt {
    fn terms(&self) -> Terms {
        Terms {
            kind: "mqtt",
            endpoints: self.brokers.iter().map(Broker::to_string).collect(),
            patience: self.config.subscribe_timeout,
            refuses_all: self.config.subscribe == Subscribe::All,
            brings_all: self.config.subscribe == Subscribe::All,
            is_numbered: false,
            has_usual_payloads: false,
            backoff_max: self.config.backoff_max,
        }
    }

    fn run<'a>(&'a mut self, port: Port<'a>) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        let driver = Driver {
            config: &self.config,
            dialer: &self.dialer,
            brokers: &self.brokers,
            client_id: &self.client_id,
            topics: &self.topics,
            accepted: &mut self.accepted,
            requests: RequestScheduler::new(&mut self.subscriptions, self.control.as_mut(), &self.gate),
            probe: Probe::new(&self.config, &self.dialer, &self.client_id),
            held: Held::default(),
            port,
        };
        Box::pin(driver.run())
    }

    fn run_ended(&mut self) -> Vec<Arc<Tenant>> {
        RequestScheduler::new(&mut self.subscriptions, self.control.as_mut(), &self.gate)
            .link_lost(None, Instant::now())
    }
}

/// The same for each connection: a broker that still holds a dead one lets go of it.
fn client_id(config: &Config) -> String {
    match config.session {
        Session::Clean => format!("{}-{:016x}", config.client_id, fastrand::u64(..)),
        Session::Persistent => config.client_id.clone(),
    }
}

/// The brokers, and how they are reached.
fn ways(config: &Config) -> Result<(Vec<Broker>, Dialer), Unusable> {
    if config.urls.is_empty() {
        return Err(Unusable::NoUrl);
    }
    let brokers: Vec<Broker> = config.urls.iter().map(|url| Broker::parse(url)).collect::<Result<_, _>>()?;
    let dialer = Dialer::new(config, &brokers)?;
    Ok((brokers, dialer))
}
