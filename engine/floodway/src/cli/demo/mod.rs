//! `floodway demo`: the gateway with everything that it needs to be seen at work.

mod live;
mod settings;
mod welcome;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use super::failure::Failure;
use super::flags::Sources;
use super::serve::{Hangup, Stop};
use crate::cli::output;
use crate::cli::runtime;
use crate::config::{Config, Key};
use crate::demo::{Broker, Fleet, TENANTS};
use floodway_server::gateway::{Gateway, Observer, StartError};
use floodway_server::log::{self, Writer};
use live::Live;
use settings::Settled;
use welcome::Welcome;

/// How long the gateway may take to reach the embedded broker. It takes some milliseconds.
const CONNECT: Duration = Duration::from_secs(5);

/// The pause between two looks at whether it has.
const LOOK: Duration = Duration::from_millis(5);

/// How long the gateway may be without its broker before the demo ends. A broker that can come back does so at once.
const GONE: Duration = Duration::from_secs(10);

/// Bytes that wait for stdout to take them.
const STDOUT_BYTES: usize = 64 * 1024;

/// The pause between two looks at whether it is.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long the printed token is valid.
const TOKEN_TTL: Duration = Duration::from_secs(24 * 60 * 60);

/// Run the gateway with an embedded MQTT broker, simulated devices and a key of its own
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sources: Sources,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let settled = settings::settle(args.sources.load(Key::Optional)?)?;
    log::init(&settled.config.log).map_err(Failure::Usage)?;
    output::warn(&settled.warnings);
    let stdout = Writer::start("stdout", io::stdout().as_fd(), STDOUT_BYTES).map_err(Failure::running)?;
    let ended = runtime::block_on(demo(settled, stdout.clone()));
    stdout.finish(runtime::LAST_LINES);
    ended
}

async fn demo(settled: Settled, stdout: Writer) -> Result<(), Failure> {
    let Settled { mut config, secret, may_move, admin_may_move, .. } = settled;
    let stop = Stop::listen(Hangup::Stop)?;
    let broker = Broker::start(settings::broker_packet_bytes(&config)).await;
    let broker = broker.map_err(Failure::running)?;
    config.mqtt.urls = vec![format!("mqtt://{}", broker.inner)];
    let page = config.http.live_page;
    let (gateway, in_use) = start(config.clone(), may_move, admin_may_move).await?;
    let observer = gateway.observer();
    until_connected(&observer).await?;
    let fleet = Fleet::start(broker.inner);
    let address = gateway.address().map_err(StartError::from)?;
    let expires_at = SystemTime::now() + TOKEN_TTL;
    let welcome = Welcome {
        gateway: reachable(address),
        page,
        admin: reachable(gateway.admin_address()),
        admin_tls: config.admin.tls.is_some(),
        in_use,
        broker_v4: broker.v4,
        broker_v5: broker.v5,
        devices: fleet.size(),
        tenants: &TENANTS,
        token: &settings::token(&config.auth, &secret, TENANTS[0], expires_at)?,
        expires_at,
    };
    stdout.push(welcome.to_string().into_bytes());
    let live = Live::start(stdout, observer.clone(), fleet.connected());
    let mut is_broken = false;
    let stop = async {
        tokio::select! {
            () = stop.requested() => {}
            () = broker_gone(&observer) => is_broken = true,
        }
    };
    let served = gateway.run(stop).await;
    live.end();
    served.map_err(Failure::running)?;
    let why = || Failure::Running(format!("the embedded broker is gone: it was not reached for {GONE:?}"));
    if is_broken { Err(why()) } else { Ok(()) }
}

/// Returns when the gateway was without the embedded broker for so long that one of the broker's threads must have ended.
async fn broker_gone(observer: &Observer) {
    let mut gone = None;
    loop {
        if observer.ingest().connected {
            gone = None;
        } else if gone.get_or_insert_with(Instant::now).elapsed() >= GONE {
            return;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Starts the gateway, and returns the address that was in use, if any. A listener whose address nobody set moves to a free
/// port.
async fn start(
    mut config: Config,
    mut may_move: bool,
    mut admin_may_move: bool,
) -> Result<(Gateway, Option<String>), StartError> {
    let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
    let mut in_use = None;
    loop {
        match Gateway::start(config.clone()).await {
            Err(StartError::Listen(listen, error)) if may_move && is_taken(&error) => {
                config.http.listen = settings::ANY_PORT.to_owned();
                in_use = Some(listen);
                may_move = false;
            }
            Err(StartError::AdminListen(_, error)) if admin_may_move && is_taken(&error) => {
                config.admin.listen = settings::ANY_PORT.to_owned();
                admin_may_move = false;
            }
            started => return Ok((started?, in_use)),
        }
    }
}

/// Waits until the gateway takes streams, so that what is printed works at once.
async fn until_connected(observer: &Observer) -> Result<(), Failure> {
    let connected = async {
        while !observer.ingest().connected {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(CONNECT, connected)
        .await
        .map_err(|_| Failure::Running(format!("the gateway did not reach the embedded broker within {CONNECT:?}")))
}

/// An address of this machine that a client on it can connect to: `0.0.0.0` is none.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests;
