//! The source of MQTT brokers, of version 5 and 3.1.1. The only room that knows MQTT.
//!
//! Invariants: events of one connection keep the broker's order; a tenant is confirmed only while the broker sends its
//! events; nothing that a device publishes ends the connection.
//!
//! In the order of a message's way: `broker` and `link` connect and receive, `subscriptions` decides what to ask for,
//! `driver` holds these together, `accepted` knows what came before, `held` has tenants wait for what is retained of them. Beside it, `probe` tries what may cost the connection on another one, and
//! `request_scheduler` lets tenants' subscriptions and [`control`] take turns on the one connection.

mod accepted;
mod broker;
mod config;
mod driver;
mod held;
mod link;
mod probe;
mod request;
mod request_scheduler;
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
}

impl Mqtt {
    /// The brokers of `config`, asked for the tenants of `index`. With `control` the control documents are kept there:
    /// no tenant is confirmed before they were read.
    ///
    /// # Errors
    /// If `config` has no URL or a wrong one, topics that can't stand together, or if the files of TLS are not what they
    /// should be.
    pub fn new(config: Config, index: Arc<Index>, control: Option<Follower>) -> Result<Self, Unusable> {
        let topics = Arc::new(config.topics()?);
        let (brokers, dialer) = ways(&config)?;
        Ok(Self {
            brokers,
            dialer,
            // The same id for each connection: a broker that still holds a dead one lets go of it.
            client_id: match config.session {
                Session::Clean => format!("{}-{:016x}", config.client_id, fastrand::u64(..)),
                Session::Persistent => config.client_id.clone(),
            },
            accepted: Accepted::default(),
            subscriptions: Subscriptions::new(&config, Arc::clone(&topics), index),
            topics,
            config,
            control,
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
            requests: RequestScheduler::new(&mut self.subscriptions, self.control.as_mut()),
            probe: Probe::new(&self.config, &self.dialer, &self.client_id),
            held: Held::default(),
            port,
        };
        Box::pin(driver.run())
    }

    fn run_ended(&mut self) -> Vec<Arc<Tenant>> {
        RequestScheduler::new(&mut self.subscriptions, self.control.as_mut()).link_lost(None, Instant::now())
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
