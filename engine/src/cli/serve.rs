//! `floodway serve`: runs the gateway.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failure;
use super::flags::Sources;
use crate::gateway::{Gateway, ShardEnded, StartError};
use crate::log;

/// Run the gateway until SIGTERM or SIGINT, then drain it; a second signal ends it at once
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sources: Sources,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let loaded = args.sources.load()?;
    log::init(&loaded.config.log).map_err(Failure::Usage)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    super::block_on(async {
        let stop = Stop::listen()?;
        let gateway = Gateway::start(loaded.config).await?;
        let address = gateway.address().map_err(StartError::from)?;
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
        Ok(gateway.run(stop.asked()).await?)
    })
}

impl From<ShardEnded> for Failure {
    fn from(ended: ShardEnded) -> Self {
        Self::Running(ended.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Key(_) | StartError::Tls(_) => Self::Usage(error.to_string()),
            StartError::Listen { .. } | StartError::AdminListen { .. } | StartError::System(_) => {
                Self::Running(error.to_string())
            }
        }
    }
}

/// The signals that stop a gateway.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Takes the signals over from now on, so that none is missed while the gateway starts.
    pub(super) fn listen() -> Result<Self, Failure> {
        let signal =
            |kind| signal(kind).map_err(|error| Failure::Running(format!("signals: {error}")));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns with the first signal; the second one ends the process at once.
    pub(super) async fn asked(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            tracing::warn!("second signal: not waiting for the drain");
            std::process::exit(1);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
