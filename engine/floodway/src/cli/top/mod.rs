//! `floodway top`: a gateway at work, in a terminal.
//!
//! Invariant: however it ends, by key, signal, error or panic, the terminal is as it was. `dashboard` is what is known and
//! what keys change, `view` draws that, `watch` follows the gateway. A gateway that goes away is shown as gone, and called
//! again.

mod dashboard;
mod view;
mod watch;

use std::io::{self, IsTerminal};

use crossterm::event::{Event, EventStream, KeyEventKind};
use floodway_proto::admin::v1::disconnect_request::Target as Disconnect;
use floodway_proto::admin::v1::{DisconnectRequest, WatchStatusRequest};
use futures_util::StreamExt;
use ratatui::DefaultTerminal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tonic::Status;

use super::failure::Failure;
use super::parse::span;
use super::remote::Access;
use crate::cli::runtime;
use crate::client::Client;
use dashboard::{Action, Dashboard, Target};
use watch::Watch;

/// Tenants and streams that are requested; a terminal seldom has room for more.
const ROWS: u32 = 100;

/// The reason that clients get whose stream is ended from here.
const REASON: &str = "Disconnected by an operator";

/// Watch a gateway at work: totals, rates, the busiest tenants, the slowest streams
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    access: Access,
    /// Time between two looks, from 100ms to 1h
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = span)]
    interval: prost_types::Duration,
}

/// Restores the terminal on drop.
struct Screen(DefaultTerminal);

impl Screen {
    /// Takes the terminal over; a panic restores it before its message is printed.
    fn take() -> Result<Self, Failure> {
        let taken = ratatui::try_init().map(Self);
        taken.map_err(|error| {
            ratatui::restore();
            terminal_failed(&error)
        })
    }

    fn draw(&mut self, dashboard: &Dashboard) -> Result<(), Failure> {
        let drawn = self.0.draw(|frame| view::draw(frame, dashboard));
        drawn.map(|_| ()).map_err(|error| terminal_failed(&error))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn terminal_failed(error: &io::Error) -> Failure {
    Failure::Running(format!("the terminal: {error}"))
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(Failure::Usage("top needs a terminal; floodway status --watch does not".to_owned()));
    }
    runtime::block_on(async {
        let (client, peer) = args.access.connect().await?;
        let request = WatchStatusRequest {
            interval: Some(args.interval),
            fleet: true,
            busiest_tenants: ROWS,
            slowest_connections: ROWS,
        };
        // Before the terminal is taken: a refusal is read better on a normal screen.
        let mut watch = Watch::new(client.clone(), request);
        let begun = watch.begin().await.map(|_| ());
        begun.map_err(|why| why.explained(&peer))?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::running)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(Failure::running)?;
        let mut dashboard = Dashboard::new(args.access.url().to_string());
        let mut screen = Screen::take()?;
        let mut keys = EventStream::new();
        // Beside the keys: a gateway that does not answer must not keep anybody here.
        let mut disconnecting = JoinSet::new();
        loop {
            screen.draw(&dashboard)?;
            tokio::select! {
                answer = watch.next() => match answer {
                    Ok(answer) => dashboard.answer(answer),
                    Err(why) => dashboard.lost(&why.explained(&peer).to_string()),
                },
                event = keys.next() => match event {
                    Some(Ok(event)) => match action(&mut dashboard, &event) {
                        Action::None => {}
                        Action::Quit => return Ok(()),
                        Action::Disconnect(target) => {
                            disconnecting.spawn(disconnect(client.clone(), target));
                        }
                    },
                    // The terminal is gone.
                    Some(Err(_)) | None => return Ok(()),
                },
                Some(Ok((target, ended))) = disconnecting.join_next() => {
                    dashboard.disconnected(&target, ended.map_err(|why| peer.refused(&why).to_string()));
                }
                _ = terminate.recv() => return Ok(()),
                _ = hangup.recv() => return Ok(()),
            }
        }
    })
}

/// What is to be done for this. A terminal of another size is drawn anew anyway.
fn action(dashboard: &mut Dashboard, event: &Event) -> Action {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => dashboard.key(key),
        _ => Action::None,
    }
}

async fn disconnect(mut client: Client, target: Target) -> (Target, Result<u64, Status>) {
    let which = match target.clone() {
        Target::Tenant(id) => Disconnect::TenantId(id),
        Target::Stream(id) => Disconnect::ConnectionId(id),
    };
    let request = DisconnectRequest { target: Some(which), reason: REASON.to_owned() };
    let answer = client.disconnect(request).await;
    (target, answer.map(|answer| answer.get_ref().ended))
}
