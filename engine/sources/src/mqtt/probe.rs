//! Sends requests on another connection, which the broker may close without harm to anybody.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

use super::broker::Broker;
use super::config::Config;
use super::link::{Client, Dialer, Link, LinkError, LinkEvent};
use super::request::Request;
use super::subscriptions::ProbeOutcome;

/// How long a broker may take to end the connection. One that says nothing for so long does not end it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the DISCONNECT may take.
const DISCONNECT_TIME: Duration = Duration::from_millis(500);

/// Makes one probe at a time, each on a connection of its own.
pub(super) struct Probe<'a> {
    config: &'a Config,
    dialer: &'a Dialer,
    client_id: String,
    running: Option<Pin<Box<dyn Future<Output = ProbeOutcome> + 'a>>>,
}

impl<'a> Probe<'a> {
    /// For requests of the client `client_id`.
    pub(super) fn new(config: &'a Config, dialer: &'a Dialer, client_id: &str) -> Self {
        Self { config, dialer, client_id: format!("{client_id}-probe"), running: None }
    }

    /// Begins to send these subscriptions to `broker`, all at once.
    pub(super) fn begin(&mut self, broker: &'a Broker, requests: Vec<Vec<String>>) {
        let id = self.client_id.clone();
        self.running = Some(Box::pin(run((self.config, self.dialer), broker, id, requests)));
    }

    /// Ends what was begun.
    pub(super) fn cancel(&mut self) {
        self.running = None;
    }

    /// Waits for the outcome, for ever if no probe was begun. May be cancelled: the next call goes on.
    pub(super) async fn outcome(&mut self) -> ProbeOutcome {
        let Some(running) = &mut self.running else {
            return pending().await;
        };
        let outcome = running.await;
        self.running = None;
        outcome
    }
}

async fn run(
    (config, dialer): (&Config, &Dialer),
    broker: &Broker,
    id: String,
    requests: Vec<Vec<String>>,
) -> ProbeOutcome {
    // No last will: nobody follows the status of this one.
    let client = Client { id: &id, will: None, session_expiry: None };
    let mut link = match Link::connect(config, dialer, broker, client).await {
        Ok((link, _)) => link,
        Err(error) => {
            tracing::debug!(%broker, %error, "no connection to try subscriptions on");
            return ProbeOutcome::NotConnected;
        }
    };
    match timeout(PATIENCE, answers(&mut link, requests)).await {
        Ok(Err(error)) if error.may_be_for_a_request() => ProbeOutcome::Closed(error.to_string()),
        Ok(Err(_)) => ProbeOutcome::NotConnected,
        Ok(Ok(())) | Err(_) => {
            link.disconnect(None);
            // Whether or not the broker takes it.
            let disconnected = async { while !matches!(link.next().await, Ok(LinkEvent::Disconnected) | Err(_)) {} };
            let _ = timeout(DISCONNECT_TIME, disconnected).await;
            ProbeOutcome::Survived
        }
    }
}

/// Sends all requests, and waits for as many answers.
async fn answers(link: &mut Link, requests: Vec<Vec<String>>) -> Result<(), LinkError> {
    let mut awaited = 0;
    for filters in requests {
        // A request that can't be sent does no harm.
        awaited += usize::from(link.send(Request::Subscribe(filters)).is_ok());
    }
    while awaited > 0 {
        // Events come as well; the link handles its own copies.
        if let LinkEvent::Answered(..) = link.next().await? {
            awaited -= 1;
        }
    }
    Ok(())
}
