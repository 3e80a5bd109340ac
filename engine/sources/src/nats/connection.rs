//! The connection to a server, and requests to JetStream over it.
//!
//! Invariant: every request is bounded in time. What the server forbids it says beside the request, which is never answered
//! then: the last such word is kept, and ends the request that waits.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, RequestErrorKind, ServerAddr, ServerError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

use super::config::Config;
use super::error::{NatsError, text};
use crate::tls::Connector;

/// Before the calls of JetStream.
pub(super) const API: &str = "$JS.API";

/// Between two attempts of the library to connect again.
const RECONNECT: Duration = Duration::from_millis(100);

/// A connection. It is made again by itself, to any of the servers, for as long as it is to be mended.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    /// What the server forbade last, and how often it has forbidden something.
    denied: watch::Receiver<(u64, Arc<str>)>,
    request_timeout: Duration,
}

/// What came of a request that JetStream refused.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: Option<Problem>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl Connection {
    /// Connects to the server of this number.
    pub(super) async fn open(
        config: &Config,
        servers: &[ServerAddr],
        number: usize,
        tls: Option<Connector>,
    ) -> Result<Self, NatsError> {
        let (sender, denied) = watch::channel((0, Arc::from("")));
        let options = options(config, servers, tls).event_callback(move |event| {
            note(&sender, &event);
            std::future::ready(())
        });
        let client = options.connect(vec![servers[number].clone()]).await;
        let client = client.map_err(|error| NatsError::of_connect(&error, config.connect_timeout))?;
        // If this one is lost, the others will do.
        let pool = client.set_server_pool(servers.to_vec()).await;
        pool.map_err(|error| NatsError::Broken(error.to_string()))?;
        Ok(Self { client, denied, request_timeout: config.request_timeout })
    }

    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Asks JetStream for `call`, such as `STREAM.INFO.floodway`.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: &str, body: &Value) -> Result<T, NatsError> {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = self.client.request(format!("{API}.{call}"), body.into());
        let answer = self.bounded(call, request).await?.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => NatsError::NoJetStream(call.to_owned()),
            RequestErrorKind::TimedOut => self.timed_out(call),
            _ => NatsError::Broken(error.to_string()),
        })?;
        let refusal: Refusal = serde_json::from_slice(&answer.payload).map_err(malformed)?;
        match refusal.error {
            Some(problem) => Err(problem.of(call)),
            None => serde_json::from_slice(&answer.payload).map_err(malformed),
        }
    }

    /// Waits for `work`, which asks for `call`, until the time of a request is over or the server forbids something.
    pub(super) async fn bounded<F: Future>(&self, call: &str, work: F) -> Result<F::Output, NatsError> {
        let mut denied = self.denied.clone();
        denied.mark_unchanged();
        tokio::select! {
            output = work => Ok(output),
            Ok(()) = denied.changed() => Err(NatsError::Denied(denied.borrow().1.to_string())),
            () = tokio::time::sleep(self.request_timeout) => Err(self.timed_out(call)),
        }
    }

    fn timed_out(&self, call: &str) -> NatsError {
        NatsError::Timeout { call: call.to_owned(), within: self.request_timeout }
    }
}

impl Problem {
    fn of(self, call: &str) -> NatsError {
        let code = if self.err_code == 0 { self.code } else { self.err_code };
        NatsError::Refused { call: call.to_owned(), code, text: text(&self.description) }
    }
}

fn malformed(error: serde_json::Error) -> NatsError {
    NatsError::Malformed(error.to_string())
}

fn options(config: &Config, servers: &[ServerAddr], tls: Option<Connector>) -> ConnectOptions {
    let attempts = config.repair.div_duration_f64(RECONNECT).ceil() as usize;
    let mut options = ConnectOptions::new()
        .name("floodway")
        .connection_timeout(config.connect_timeout)
        .request_timeout(Some(config.request_timeout))
        // A client that nobody holds any more goes on trying until then.
        .max_reconnects(attempts.max(1))
        .reconnect_delay_callback(|attempts| if attempts > 1 { RECONNECT } else { Duration::ZERO })
        // Among the servers that a server tells of may be some that were not meant, and are not spoken to in TLS.
        .require_tls(servers.iter().any(ServerAddr::tls_required));
    if let Some(tls) = tls {
        options = options.tls_client_config(tls.config().as_ref().clone());
    }
    match (&config.username, &config.token) {
        (Some(user), _) => options.user_and_password(user.clone(), config.password.clone().unwrap_or_default()),
        (None, Some(token)) => options.token(token.clone()),
        (None, None) => options,
    }
}

fn note(denied: &watch::Sender<(u64, Arc<str>)>, event: &Event) {
    if let Event::ServerError(ServerError::Other(words)) = event
        && words.to_lowercase().contains("permissions violation")
    {
        denied.send_modify(|(count, last)| {
            *count += 1;
            *last = text(words).into();
        });
    }
}
