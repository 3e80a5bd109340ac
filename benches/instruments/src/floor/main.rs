//! `floor`: the physical limit as a program.
//!
//! One thread that does the least that any server of such streams must: it accepts, answers the handshake, and writes
//! the ready bytes of each event to each socket. No token is checked, nothing is parsed that a search can find, nothing
//! is queued for a socket that is full: it is waited for. What a server costs beyond this, it spends on itself.
//!
//! 1. [`accept`] opens the listener, with the options that the engine gives to its own, and takes connections from it.
//! 2. [`handshake`] reads a request's head and makes the answer to it.
//! 3. [`source`] hears the broker, [`frames`] makes the bytes of an event.
//! 4. [`sockets`] writes them to everyone, by a system call each or by the thousand through [`uring`].
//! 5. [`server`] is the loop around them.

mod accept;
mod frames;
mod handshake;
mod lowat;
mod server;
mod sockets;
mod source;
mod uring;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use floodway_instruments::machine;

use crate::frames::Frames;
use crate::server::Server;
use crate::sockets::Sockets;
use crate::source::Source;
use crate::uring::Uring;

/// Exit status of wrong usage, and of a machine that lacks what was asked for.
const UNUSABLE: u8 = 2;

/// What the kernel's own part in a fan-out costs: every event of a tenant, written to every subscriber, and no more.
///
/// Prints `ready` once it listens and is subscribed, and its address on stderr. Path and query of a request are
/// ignored. Nothing is left to do at the end, so SIGTERM and SIGINT end it the way they end any program.
#[derive(Parser)]
#[command(name = "floor")]
struct Flags {
    /// Where subscribers connect; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT")]
    listen: String,
    /// The broker: MQTT 3.1.1, QoS 0, no login.
    #[arg(long, value_name = "mqtt://HOST:PORT", value_parser = broker)]
    source: String,
    /// The tenant whose devices' telemetry is fanned out.
    #[arg(long, default_value = "TENANT1")]
    tenant: String,
    /// What subscribers speak.
    #[arg(long, value_enum, default_value_t = Transport::Ws)]
    transport: Transport,
    /// How bytes reach the sockets.
    #[arg(long, value_enum, default_value_t = Engine::Write)]
    engine: Engine,
    /// Events that share one write per socket, at most, if so many wait.
    #[arg(long, value_name = "K", default_value = "1")]
    batch: NonZeroUsize,
    /// Runs on this core alone.
    #[arg(long, value_name = "CORE")]
    pin: Option<usize>,
}

/// What subscribers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Transport {
    /// WebSocket (RFC 6455): a text frame an event.
    Ws,
    /// Server-sent events over HTTP/1.1: a chunk an event.
    Sse,
}

/// How bytes reach the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// One system call per socket.
    Write,
    /// io_uring: one system call per thousand sockets.
    Uring,
}

fn broker(url: &str) -> Result<String, String> {
    let address = url.strip_prefix("mqtt://").map(|rest| rest.trim_end_matches('/'));
    address
        .filter(|address| address.contains(':'))
        .map(str::to_owned)
        .ok_or_else(|| "must be mqtt://HOST:PORT".to_owned())
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let uring = match flags.engine {
        Engine::Write => None,
        Engine::Uring => match Uring::new() {
            Ok(uring) => Some(uring),
            Err(error) => {
                return failed("this kernel gives no io_uring that can be used", &error, UNUSABLE);
            }
        },
    };
    match serve(&flags, uring) {
        Ok(never) => match never {},
        Err(error) => failed("ended", &error, 1),
    }
}

fn failed(what: &str, error: &io::Error, status: u8) -> ExitCode {
    eprintln!("floor: {what}: {error}");
    ExitCode::from(status)
}

fn serve(flags: &Flags, uring: Option<Uring>) -> io::Result<std::convert::Infallible> {
    if let Some(core) = flags.pin {
        machine::pin(core)?;
    }
    accept::allow_descriptors();
    let listener = accept::listen(&flags.listen)?;
    let source = Source::connect(&flags.source, &flags.tenant)?;
    eprintln!("floor: listens on {}", listener.local_addr()?);
    let frames = Frames::new(flags.transport, &flags.tenant);
    let sockets = Sockets::new(uring);
    let server = Server::new(listener, source, sockets, frames, flags.batch.get())?;
    let mut stdout = io::stdout();
    stdout.write_all(b"ready\n")?;
    stdout.flush()?;
    server.run(flags.transport)
}

#[cfg(test)]
mod tests;
