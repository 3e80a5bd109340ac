//! `floodway check`: validates the configuration and prints it in full.

use super::failure::Failure;
use super::flags::Sources;
use super::output;
use crate::config::{Config, Key};
use floodway_server::auth::Verifier;
use floodway_sources::mqtt::Mqtt;

/// Validate the configuration and print it with where each value came from; secrets are masked
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    sources: Sources,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let loaded = args.sources.load(Key::Needed)?;
    files(&loaded.config)?;
    output::warn(&loaded.warnings);
    output::print(&loaded.show())
}

/// Reads the files that the settings name, as `serve` will.
fn files(config: &Config) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    // The network is not part of the configuration: whether keys can be fetched shows `serve`.
    if let Err(error) = Verifier::check(&config.auth) {
        wrong.push(error.to_string());
    }
    let listeners = [config.http.acceptor(), config.admin.acceptor()];
    wrong.extend(listeners.into_iter().filter_map(Result::err).map(|error| error.to_string()));
    wrong.extend(Mqtt::check(&config.mqtt).err().map(|error| error.to_string()));
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Usage(wrong.join("\n"))) }
}
