//! The private listener: gRPC, and metrics for Prometheus, on one port.
//!
//! Invariant: it runs on a thread of its own and only reads what the other parts count, so neither a scrape nor a
//! watching tool ever stands in an event's way. Where a token is set, nothing is answered without it, and where clients need a
//! certificate, none is heard without one. Only this module of the crate knows gRPC and protobuf.
//!
//! `observer` looks at the parts and gives a [`Status`], which `wire` writes as protobuf, and `totals`, what all shards have
//! counted; `metrics` writes both as text; `rates` measures how fast counts grow; `health` tells of drains and of readiness; `listener`,
//! `routes` and, by subject, `calls` serve them.

mod calls;
mod config;
mod health;
mod listener;
mod metrics;
mod observer;
mod rates;
mod refused;
mod routes;
mod status;
#[cfg(all(test, not(floodway_loom)))]
mod tests;
mod token;
mod totals;
mod wire;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tokio::sync::watch;
use tokio::task::JoinSet;

pub use calls::{overflow, policy};
pub use config::Config;
pub use listener::CONNECTIONS;
pub use observer::{Identity, Observer, Watched, WatchedShard};
pub use status::{
    Broker, BrokerFailure, Connections, ControlProblem, ControlState, Deliveries, DrainProgress,
    Ingest, Limits, Node, Rates, Status, TenantConnections, Unready,
};
pub use totals::Totals;

use crate::tls::TlsAcceptor;
use calls::Service;
use floodway_core::parts;
use health::Health;
use routes::Routes;
use token::Tokens;

/// An open private listener that nobody serves yet.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// A running private listener.
pub struct Admin {
    address: SocketAddr,
    observer: Observer,
    health: Health,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Listener {
    /// Opens it on `config.listen`, to speak TLS if there is an acceptor; with port 0 the kernel chooses one.
    ///
    /// # Errors
    /// If the address can't be bound: it is in use, or not ours.
    pub fn open(config: &Config, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let socket = TcpListener::bind(&config.listen)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, tls })
    }
}

impl Admin {
    /// Serves `listener` on a thread of its own. Tells what `observer` sees to those who have the token of `config`,
    /// if it has one.
    ///
    /// # Errors
    /// If the system gives no thread or descriptors.
    pub async fn start(
        listener: Listener,
        config: &Config,
        observer: Observer,
    ) -> io::Result<Self> {
        let Listener { socket, tls } = listener;
        let address = socket.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let (health, health_server) = {
            let readiness = observer.readiness().clone();
            Health::new(observer.streams().clone(), readiness).await
        };
        let service = Service::new(observer.clone(), health.clone(), stopped.clone());
        let routes = Routes::new(
            service,
            health_server,
            observer.clone(),
            Tokens::new(config),
            config.metrics_tenants,
        );
        let socket = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(socket)?
        };
        let (measured, followed) = (observer.clone(), health.clone());
        let serve = move || {
            runtime.block_on(async {
                let mut beside = JoinSet::new();
                let measure = async move || rates::measure(measured.clone()).await;
                beside.spawn(parts::kept("rates", measure));
                let follow = async move || followed.clone().follow().await;
                beside.spawn(parts::kept("health", follow));
                let routes = Arc::new(routes);
                parts::kept("admin", async || {
                    let (tls, routes) = (tls.clone(), Arc::clone(&routes));
                    listener::serve(&socket, tls, routes, stopped.clone()).await;
                })
                .await;
            });
        };
        let thread = Builder::new().name("admin".to_owned()).spawn(serve)?;
        Ok(Self {
            address,
            observer,
            health,
            stop,
            thread,
        })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it looks at.
    pub fn observer(&self) -> Observer {
        self.observer.clone()
    }

    /// The gateway stops: tells those who ask for its health to send nobody here any more, NOT_SERVING, and then admits
    /// nobody new. What else is asked is answered as before, so that the drain can be watched.
    pub async fn begin_last_drain(&self) {
        self.health.begin_last_drain().await;
    }

    /// Returns when the thread has ended by itself. A panic is no end: what it was is started again.
    pub async fn ended(&self) {
        self.stop.closed().await;
    }

    /// Says good-bye to those who watch, and ends the thread. Blocks for as long as that takes, half a second at most.
    pub fn stop(self) {
        self.stop.send_replace(true);
        if self.thread.join().is_err() {
            tracing::error!("the private listener's thread panicked");
        }
    }
}
