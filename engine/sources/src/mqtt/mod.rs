//! The source of MQTT 5 brokers. The only room that knows MQTT.
//!
//! Invariants: events of one connection keep the broker's order; a tenant is confirmed only while the broker sends its
//! events; nothing that a device publishes ends the connection.
//!
//! In the order of a message's way: `broker` and `link` connect and receive, `subscriptions` decides what to ask for,
//! `driver` holds these together, `accepted` knows what came before. Beside it, `probe` tries what may cost the connection on another one, and
//! `request_scheduler` lets tenants' subscriptions and [`control`] take turns on the one connection.

mod accepted;
mod broker;
mod config;
mod driver;
mod link;
mod probe;
mod request;
mod request_scheduler;
mod subscriptions;
#[cfg(all(test, not(floodway_loom)))]
mod tests;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

pub use config::{Config, Session, Subscribe};

#[cfg(doc)]
use crate::control;
use crate::control::Follower;
use crate::router::Topics;
use crate::source::{Port, Source, Terms};
use accepted::Accepted;
use broker::Broker;
use driver::Driver;
use floodway_core::index::{Index, Tenant};
use probe::Probe;
use request_scheduler::RequestScheduler;
use subscriptions::Subscriptions;

/// The brokers of one setting `mqtt.url`, of which one is connected at a time.
pub struct Mqtt {
    config: Config,
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
    /// `InvalidInput` if `config` has no URL or a wrong one, or topics that can't stand together.
    pub fn new(config: Config, index: Arc<Index>, control: Option<Follower>) -> io::Result<Self> {
        let topics = config.topics().map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let topics = Arc::new(topics);
        Ok(Self {
            brokers: brokers(&config.urls)?,
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
}

impl Source for Mqtt {
    fn terms(&self) -> Terms {
        Terms {
            kind: "mqtt",
            endpoints: self.brokers.iter().map(Broker::to_string).collect(),
            patience: self.config.subscribe_timeout,
            refuses_all: self.config.subscribe == Subscribe::All,
            brings_all: self.config.subscribe == Subscribe::All,
            backoff_max: self.config.backoff_max,
        }
    }

    fn run<'a>(&'a mut self, port: Port<'a>) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        let driver = Driver {
            config: &self.config,
            brokers: &self.brokers,
            client_id: &self.client_id,
            topics: &self.topics,
            accepted: &mut self.accepted,
            requests: RequestScheduler::new(&mut self.subscriptions, self.control.as_mut()),
            probe: Probe::new(&self.config, &self.client_id),
            port,
        };
        Box::pin(driver.run())
    }

    fn run_ended(&mut self) -> Vec<Arc<Tenant>> {
        RequestScheduler::new(&mut self.subscriptions, self.control.as_mut()).link_lost(None, Instant::now())
    }
}

fn brokers(urls: &[String]) -> io::Result<Vec<Broker>> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
    if urls.is_empty() {
        return Err(invalid("mqtt.url names no broker".to_owned()));
    }
    let parse = |url: &String| Broker::parse(url).map_err(|why| invalid(format!("mqtt.url {why}")));
    urls.iter().map(parse).collect()
}
