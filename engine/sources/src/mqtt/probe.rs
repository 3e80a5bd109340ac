//! Tries requests on a connection of their own, which the broker may end without harm to anybody.

use std::future::pending;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::timeout;

use super::broker::Broker;
use super::config::Config;
use super::link::{Link, LinkError, LinkEvent};
use super::request::Request;
use super::subscriptions::Outcome;

/// How long a broker may take to end the connection. One that says nothing for so long does not end it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long the DISCONNECT may take.
const DISCONNECT_TIME: Duration = Duration::from_millis(500);

/// Makes one trial at a time, each on a connection of its own.
pub(super) struct Probe<'a> {
    config: &'a Config,
    client_id: String,
    running: Option<Pin<Box<dyn Future<Output = Outcome> + 'a>>>,
}

impl<'a> Probe<'a> {
    /// For what is to be asked by the client `client_id`.
    pub(super) fn new(config: &'a Config, client_id: &str) -> Self {
        Self {
            config,
            client_id: format!("{client_id}-probe"),
            running: None,
        }
    }

    /// Begins to try these subscriptions at `broker`, all at once.
    pub(super) fn begin(&mut self, broker: &'a Broker, requests: Vec<Vec<String>>) {
        let id = self.client_id.clone();
        self.running = Some(Box::pin(run(self.config, broker, id, requests)));
    }

    /// Ends what was begun.
    pub(super) fn cancel(&mut self) {
        self.running = None;
    }

    /// Waits for what comes of the trial, for ever if there is none. May be cancelled: the next call goes on.
    pub(super) async fn outcome(&mut self) -> Outcome {
        let Some(running) = &mut self.running else {
            return pending().await;
        };
        let outcome = running.await;
        self.running = None;
        outcome
    }
}

async fn run(config: &Config, broker: &Broker, id: String, requests: Vec<Vec<String>>) -> Outcome {
    // No last will: nobody follows the status of this one.
    let mut link = match Link::connect(config, broker, &id, None).await {
        Ok((link, _)) => link,
        Err(error) => {
            tracing::debug!(%broker, %error, "no connection to try subscriptions on");
            return Outcome::NoConnection;
        }
    };
    match timeout(PATIENCE, answers(&mut link, requests)).await {
        Ok(Err(error)) if error.may_be_for_a_request() => Outcome::Ended(error.to_string()),
        Ok(Err(_)) => Outcome::NoConnection,
        Ok(Ok(())) | Err(_) => {
            link.disconnect(None);
            // Whether or not the broker takes it.
            let _ = timeout(DISCONNECT_TIME, disconnected(&mut link)).await;
            Outcome::Outlived
        }
    }
}

/// Sends all requests, and waits for as many answers.
async fn answers(link: &mut Link, requests: Vec<Vec<String>>) -> Result<(), LinkError> {
    let mut awaited = 0;
    for filters in requests {
        // What can't be sent does no harm.
        awaited += usize::from(link.send(Request::Subscribe(filters)).is_ok());
    }
    while awaited > 0 {
        // Events come as well; they are the other connection's affair.
        if let LinkEvent::Answered(..) = link.next().await? {
            awaited -= 1;
        }
    }
    Ok(())
}

async fn disconnected(link: &mut Link) {
    while !matches!(link.next().await, Ok(LinkEvent::Disconnected) | Err(_)) {}
}
