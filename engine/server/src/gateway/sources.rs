//! Which sources a gateway has: the one place that knows all of them.

use std::sync::Arc;

use super::{Config, StartError};
use floodway_core::index::{Index, SourceNumber};
use floodway_sources::control::{Follower, Keeper};
use floodway_sources::mqtt::Mqtt;
use floodway_sources::nats;
use floodway_sources::postgres;
use floodway_sources::router::Topics;
use floodway_sources::source::Source;

/// The sources, and what keeps the control documents beside them.
pub(super) type Assembled = (Vec<Box<dyn Source>>, Option<Keeper>);

/// The sources of `config`, in the order of their numbers, and what keeps the control documents beside them, unless MQTT
/// does over its own connection.
///
/// # Errors
/// Names the setting that is wrong.
pub(super) fn assemble(
    config: &Config,
    topics: &Topics,
    index: &Arc<Index>,
    follower: Follower,
) -> Result<Assembled, StartError> {
    let (keeper, follower) = keeper(config, follower)?;
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    let topics = Arc::new(topics.clone());
    let number = |sources: &[_]| SourceNumber::new(sources.len());
    if config.has_mqtt {
        let mut mqtt = config.mqtt.clone();
        (mqtt.keep, mqtt.source) = (config.history.age, number(&sources));
        let connections = Mqtt::split(&mqtt, index, follower)?;
        sources.extend(connections.into_iter().map(|mqtt| Box::new(mqtt) as Box<dyn Source>));
    }
    if !config.postgres.urls.is_empty() {
        let postgres = postgres::Config { payload_bytes: config.event.payload_bytes, ..config.postgres.clone() };
        sources.push(postgres::source(postgres, Arc::clone(index), number(&sources), &config.history, topics.clone())?);
    }
    if !config.nats.urls.is_empty() {
        let (index, number) = (Arc::clone(index), number(&sources));
        let nats = nats::Config {
            topics: topics.templates().iter().map(ToString::to_string).collect(),
            tenant: topics.tenant().map(ToString::to_string),
            ..config.nats.clone()
        };
        sources.push(nats::source(nats, index, number, &config.history, topics)?);
    }
    Ok((sources, keeper))
}

/// What keeps the control documents beside the sources: the file, or the store of the first source. MQTT gets the follower
/// itself.
fn keeper(config: &Config, follower: Follower) -> Result<(Option<Keeper>, Option<Follower>), StartError> {
    let control = &config.control;
    let keeper = match &control.file {
        Some(path) => Keeper::of_file(control, path, follower).map_err(StartError::Store)?,
        None if config.has_mqtt => return Ok((None, Some(follower))),
        None if !config.postgres.urls.is_empty() => {
            postgres::control::keeper(config.postgres.clone(), control, follower)?
        }
        None => nats::control::keeper(config.nats.clone(), control, follower)?,
    };
    Ok((Some(keeper), None))
}
