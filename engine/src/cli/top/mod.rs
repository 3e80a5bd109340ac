//! `floodway top`: a gateway at work, in a terminal.
//!
//! Invariant: however it ends, by key, signal, error or panic, the terminal is as it was. `model` is what is known and
//! what keys make of it, `view` draws that, `keys` hears the terminal, `watch` follows the gateway. One that goes away is
//! shown as gone, and asked again.

mod keys;
mod model;
mod view;
mod watch;

use std::io::{self, IsTerminal};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{Event, KeyEventKind};
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use super::remote::{Access, span};
use crate::admin::api::disconnect_request::Target as Disconnect;
use crate::admin::api::{DisconnectRequest, WatchStatusRequest};
use crate::admin::{Client, ClientError};
use keys::Keys;
use model::{Action, Model, Target};
use watch::Watch;

/// Tenants and streams that are asked for; a terminal has seldom room for more.
const ROWS: u32 = 100;

/// What clients are told whose stream is ended from here.
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

/// Gives the terminal back when it goes.
struct Screen(DefaultTerminal);

impl Screen {
    /// Takes the terminal; a panic gives it back before it is told.
    fn take() -> Result<Self, Failure> {
        let taken = ratatui::try_init().map(Self);
        taken.map_err(|error| {
            ratatui::restore();
            terminal_failed(&error)
        })
    }

    fn draw(&mut self, model: &Model) -> Result<(), Failure> {
        let drawn = self.0.draw(|frame| view::draw(frame, model));
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
        return Err(Failure::Usage(
            "top needs a terminal; floodway status --watch does not".to_owned(),
        ));
    }
    super::block_on(async {
        let mut client = args.access.connect().await?;
        let request = WatchStatusRequest {
            interval: Some(args.interval),
            fleet: true,
            busiest_tenants: ROWS,
            slowest_connections: ROWS,
        };
        // Before the terminal is taken: a refusal is read better on a normal screen.
        let mut watch = Watch::begin(client.clone(), request).await?;
        let mut terminate = stop_signal(SignalKind::terminate())?;
        let mut hangup = stop_signal(SignalKind::hangup())?;
        let mut model = Model::new(args.access.url());
        let mut screen = Screen::take()?;
        let mut keys = Keys::listen();
        loop {
            screen.draw(&model)?;
            tokio::select! {
                answer = watch.next() => match answer {
                    Ok(answer) => model.answer(answer),
                    Err(why) => model.lost(&why.to_string()),
                },
                event = keys.next() => match event {
                    Some(event) => {
                        if act(&mut client, &mut model, &event).await.is_none() {
                            return Ok(());
                        }
                    }
                    None => return Ok(()),
                },
                _ = terminate.recv() => return Ok(()),
                _ = hangup.recv() => return Ok(()),
            }
        }
    })
}

fn stop_signal(kind: SignalKind) -> Result<tokio::signal::unix::Signal, Failure> {
    signal(kind).map_err(|error| Failure::Running(error.to_string()))
}

/// Does what a key asks for. None: to end.
async fn act(client: &mut Client, model: &mut Model, event: &Event) -> Option<()> {
    let Event::Key(key) = event else {
        // Another size: it is drawn anew anyway.
        return Some(());
    };
    if key.kind == KeyEventKind::Release {
        return Some(());
    }
    match model.key(key) {
        Action::None => {}
        Action::Quit => return None,
        Action::Disconnect(target) => {
            let told = disconnect(client, target.clone()).await;
            model.disconnected(&target, told.map_err(|error| error.to_string()));
        }
    }
    Some(())
}

async fn disconnect(client: &mut Client, target: Target) -> Result<u64, ClientError> {
    let target = match target {
        Target::Tenant(id) => Disconnect::TenantId(id),
        Target::Stream(id) => Disconnect::ConnectionId(id),
    };
    let request = DisconnectRequest {
        target: Some(target),
        reason: REASON.to_owned(),
    };
    Ok(client.disconnect(request).await?.ended)
}
