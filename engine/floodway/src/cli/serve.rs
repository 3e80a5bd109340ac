//! `floodway serve`: runs the gateway.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;
use super::flags::Sources;
use super::runtime;
use crate::config::Key;
use floodway_server::gateway::{Gateway, StartError};
use floodway_server::log;

/// How long an end at once waits for stderr.
const LAST_LINE: Duration = Duration::from_millis(100);

/// Run the gateway until SIGTERM or SIGINT, then drain it; a second signal ends it at once
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sources: Sources,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let loaded = args.sources.load(Key::Needed)?;
    log::init(&loaded.config.log).map_err(Failure::Usage)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    runtime::block_on(async {
        let stop = Stop::listen(Hangup::Nothing)?;
        let gateway = Gateway::start(loaded.config).await?;
        let address = gateway.address().map_err(StartError::from)?;
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
        gateway.run(stop.requested()).await.map_err(Failure::running)
    })
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Key(_) | StartError::Tls(_) | StartError::Store(_) | StartError::Mqtt(_) => {
                Self::Usage(error.to_string())
            }
            StartError::Listen(..) | StartError::AdminListen(..) | StartError::System(_) => {
                Self::Running(error.to_string())
            }
        }
    }
}

/// What SIGHUP does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hangup {
    /// Nothing. Service managers and log rotation send it to have files read again, not to end streams.
    Nothing,
    /// It ends the process as SIGTERM does: the terminal is gone.
    #[cfg(feature = "demo")]
    Stop,
}

/// The signals that stop a gateway, and those that must not.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    on_hangup: Hangup,
    /// Their default is to end the process.
    _harmless: [Signal; 2],
}

impl Stop {
    /// Takes the signals over from now on, so that none is missed while the gateway starts.
    pub(super) fn listen(on_hangup: Hangup) -> Result<Self, Failure> {
        let signal = |kind| signal(kind).map_err(|error| Failure::Running(format!("signals: {error}")));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            on_hangup,
            _harmless: [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?],
        })
    }

    /// Returns with the first signal; the second one ends the process at once.
    pub(super) async fn requested(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("second signal: not waiting for the drain");
            log::finish(LAST_LINE);
            std::process::exit(1);
        });
    }

    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => match self.on_hangup {
                    #[cfg(feature = "demo")]
                    Hangup::Stop => return,
                    Hangup::Nothing => {
                        tracing::info!("SIGHUP ignored: nothing is read again while the gateway runs");
                    }
                },
            }
        }
    }
}
