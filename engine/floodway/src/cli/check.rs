//! `floodway check`: validates the configuration, and prints it in full or shows what a device's message becomes by it.

mod sample;

use std::path::PathBuf;

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
    /// File with the payload of a device's message: show what it becomes, or why it is dropped
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
    /// Topic of that message; default one that the first template of mqtt.topics makes
    #[arg(long, requires = "sample")]
    topic: Option<String>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    if let Some(file) = &args.sample {
        // Of no use to clients yet, it can tell all the same what a message becomes.
        let loaded = args.sources.load(Key::Optional)?;
        output::warn(&loaded.warnings);
        return sample::show(&loaded.config, file, args.topic.as_deref());
    }
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
