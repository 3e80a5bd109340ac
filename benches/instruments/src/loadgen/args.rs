//! The flags.

use crate::dialect::Kind;
use crate::plan::{METRIC_FILTERS_MAX, Phase, Wants};
use crate::publisher::Target;
use clap::{Parser, ValueEnum};
use std::time::Duration;

/// What carries a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// WebSocket.
    Ws,
    /// Server-sent events.
    Sse,
}

/// Which events a subscriber wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Filter {
    /// All.
    None,
    /// Those of one device.
    Device,
}

/// N subscribers and a publisher: measures what a fan-out server delivers, how late, and at what price.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version)]
pub(crate) struct Args {
    /// The stream server.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) connect: String,
    /// What carries the streams.
    #[arg(long, value_enum, default_value = "ws")]
    pub(crate) transport: Transport,
    /// What a subscriber says and hears.
    #[arg(long, value_enum, default_value = "floodway")]
    pub(crate) dialect: Kind,
    /// Path and query; {i}: number of the subscriber, {device}: the device it wants, {token}: its token.
    #[arg(long)]
    pub(crate) path: Option<String>,
    /// What subscribers of NATS and MQTT subscribe to; {i} and {device} as in the path.
    #[arg(long)]
    pub(crate) topic: Option<String>,
    /// How many subscribers.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) streams: usize,
    /// Handshakes at once.
    #[arg(long, value_name = "K", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) in_flight: u32,
    /// HS256 secret: each subscriber then has a token of its own.
    #[arg(long)]
    pub(crate) secret: Option<String>,
    /// Tenant of the tokens and topics.
    #[arg(long, default_value = "TENANT1")]
    pub(crate) tenant: String,
    /// Which events a subscriber wants.
    #[arg(long, value_enum, default_value = "none")]
    pub(crate) filter: Filter,
    /// So many distinct metric filters among the subscribers, and so many metrics more in each event: a, b, c, e and
    /// so on, for d and n are taken.
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub(crate) metric_filters: usize,
    /// Devices that publish, in turn.
    #[arg(long, value_name = "D", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) devices: u32,
    /// With --filter device: the subscribers want the first W of them [default: all].
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) wanted_devices: Option<u32>,
    /// mqtt://HOST:PORT, nats://HOST:PORT or http://HOST:PORT/path ({device} in it is replaced).
    #[arg(long, value_name = "URL")]
    pub(crate) publish: Option<Target>,
    /// Quality of service of publishing over MQTT.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=1))]
    pub(crate) qos: u8,
    /// paced:RATE:SECONDS, window:W:SECONDS, single:COUNT or idle:SECONDS; repeated: one after the other.
    #[arg(long = "phase", value_name = "KIND")]
    pub(crate) phases: Vec<Phase>,
    /// Rest before the first phase, and after everything of a phase has arrived.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(..=60_000))]
    pub(crate) settle_ms: u64,
    /// A process of the server, whose CPU time and memory are read; may be repeated.
    #[arg(long = "pid", value_name = "PID")]
    pub(crate) pids: Vec<u32>,
    /// Core to run on.
    #[arg(long, value_name = "CORE")]
    pub(crate) pin: Option<usize>,
    /// Goes into the report as it is.
    #[arg(long, default_value = "")]
    pub(crate) label: String,
    /// A summary for people instead of JSON.
    #[arg(long)]
    pub(crate) human: bool,
    /// No progress line.
    #[arg(long)]
    pub(crate) quiet: bool,
}

impl Args {
    /// Whether the flags fit each other; if not, how.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !(1..=1_000_000).contains(&self.streams) {
            return Err("--streams is 1 to 1,000,000".into());
        }
        if matches!(self.dialect, Kind::Nats | Kind::Mqtt) && self.transport == Transport::Sse {
            return Err("--dialect nats and mqtt are spoken over --transport ws".into());
        }
        if self.wanted_devices.is_some_and(|wanted| wanted > self.devices) {
            return Err("--wanted-devices is more than --devices".into());
        }
        if self.wanted_devices.is_some() && self.filter == Filter::None {
            return Err("--wanted-devices goes with --filter device".into());
        }
        if self.metric_filters > METRIC_FILTERS_MAX {
            return Err(format!("--metric-filters is at most {METRIC_FILTERS_MAX}"));
        }
        let publishes = |phase: &Phase| !matches!(phase, Phase::Idle { .. });
        if self.publish.is_none() && self.phases.iter().any(publishes) {
            return Err("a phase that publishes needs --publish".into());
        }
        Ok(())
    }

    /// Who wants what.
    pub(crate) fn wants(&self) -> Wants {
        let wanted = self.wanted_devices.unwrap_or(self.devices);
        Wants {
            devices: self.devices,
            one_of: (self.filter == Filter::Device).then_some(wanted),
            metric_filters: self.metric_filters,
        }
    }

    /// Rest around the phases.
    pub(crate) fn settle(&self) -> Duration {
        Duration::from_millis(self.settle_ms)
    }
}
