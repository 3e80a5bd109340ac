//! The private listener: gRPC, the same calls as JSON, metrics for Prometheus, and the operator's page, on one port.
//!
//! Invariant: it runs on a thread of its own and only reads what the other parts count, so neither a scrape nor a
//! watching tool ever delays an event. Where a token is set, nothing but the page's files is answered without it; where clients
//! need a certificate, no connection is served without one. Of the gateway, only this module knows gRPC and protobuf.
//!
//! The messages of `floodway_proto::admin::v1` are its only model. `observer` reads the parts and `totals` adds up the
//! counts of all shards; `status` fills the message from both, and `metrics` writes them as text. `rates` measures how fast
//! counts grow.
//! `health` reports drains and readiness. `listener` serves connections, `routes` finds what a request asks for, and
//! `calls` answers, by subject; `json` makes a call of gRPC from one in JSON. `page` has the operator's page.

mod bodies;
mod calls;
mod config;
mod health;
mod json;
mod listener;
mod metrics;
mod observer;
mod page;
mod rates;
mod refused;
mod routes;
mod status;
#[cfg(all(test, not(floodway_loom)))]
mod tests;
mod token;
mod totals;

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
pub use totals::Totals;

use crate::tls::TlsAcceptor;
use calls::Service;
use floodway_core::parts;
use health::Health;
use routes::Routes;
use token::Tokens;

/// An open private listener that is not served yet.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// A running private listener.
pub struct Admin {
    address: SocketAddr,
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
    /// Serves `listener` on a thread of its own, from what `observer` reads. Where `config` has tokens, each request
    /// needs one.
    ///
    /// # Errors
    /// If the system gives no thread or descriptors.
    pub async fn start(listener: Listener, config: &Config, observer: Observer) -> io::Result<Self> {
        let Listener { socket, tls } = listener;
        let address = socket.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, for_parts) = watch::channel(false);
        let (health, health_server) = Health::new(observer.streams.clone(), observer.readiness.clone()).await;
        let service = Service::new(observer.clone(), health.clone(), for_parts.clone());
        let tokens = Tokens::new(config);
        let routes = Arc::new(Routes::new(service, health_server, observer.clone(), tokens, config.metrics_tenants));
        let socket = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(socket)?
        };
        let followed = health.clone();
        let serve = move || {
            runtime.block_on(async {
                let mut tasks = JoinSet::new();
                let measure = async move || observer.clone().measure().await;
                tasks.spawn(parts::kept("rates", measure));
                let follow = async move || followed.clone().follow().await;
                tasks.spawn(parts::kept("health", follow));
                parts::kept("admin", async || {
                    let (tls, routes) = (tls.clone(), Arc::clone(&routes));
                    listener::serve(&socket, tls, routes, for_parts.clone()).await;
                })
                .await;
            });
        };
        let thread = Builder::new().name("admin".to_owned()).spawn(serve)?;
        Ok(Self { address, health, stop, thread })
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gateway stops: reports NOT_SERVING as its health, and then admits no new streams. All other calls are answered
    /// as before, so that the drain can be watched.
    pub async fn begin_last_drain(&self) {
        self.health.begin_last_drain().await;
    }

    /// Returns when the thread has ended by itself. A panic is no end: the part that panicked is started again.
    pub async fn ended(&self) {
        self.stop.closed().await;
    }

    /// Ends all calls that stream, and the thread. Blocks for as long as that takes, half a second at most.
    pub fn stop(self) {
        self.stop.send_replace(true);
        if self.thread.join().is_err() {
            tracing::error!("the private listener's thread panicked");
        }
    }
}
