//! Flags of the commands that speak to a running gateway, and how they print what it answers.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::Serialize;

use super::Failure;
use crate::config;
use floodway_protocol::names;
use floodway_server::admin::{Client, ClientError, Credentials};
use floodway_server::tls::Files;

/// Names a file with the token, where none is given.
const TOKEN_FILE: &str = "FLOODWAY_ADMIN_TOKEN_FILE";

/// Which gateway, and who asks.
#[derive(clap::Args)]
pub(super) struct Access {
    /// Private listener of the gateway, http://host:port or https://host:port
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:9090", value_parser = url)]
    admin: String,
    /// Token of the private listener; other users of this machine can see flags
    #[arg(
        long,
        global = true,
        env = "FLOODWAY_ADMIN_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// PEM file with the authorities that vouch for the gateway's certificate; default the system's
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "FLOODWAY_ADMIN_CA",
        hide_env_values = true
    )]
    admin_ca: Option<OsString>,
    /// PEM file with the client certificate, where the gateway demands one
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "FLOODWAY_ADMIN_CERT",
        hide_env_values = true
    )]
    admin_cert: Option<OsString>,
    /// PEM file with the client certificate's private key
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "FLOODWAY_ADMIN_KEY",
        hide_env_values = true
    )]
    admin_key: Option<OsString>,
}

/// Which gateway, who asks, and for whom the answer is.
#[derive(clap::Args)]
pub(super) struct Remote {
    #[command(flatten)]
    access: Access,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
}

impl Access {
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        Ok(Client::connect(&self.admin, &self.credentials()?).await?)
    }

    /// The token, which may stand in a file as that of the gateway itself.
    fn token(&self) -> Result<Option<String>, Failure> {
        let given = self.token.clone().filter(|token| !token.is_empty());
        let path = file(&std::env::var_os(TOKEN_FILE));
        match (given, path) {
            (None, Some(path)) => {
                let read = config::read_secret(&path);
                let wrong = |why| format!("{TOKEN_FILE} = \"{}\": {why}", path.display());
                read.map(Some).map_err(|why| Failure::Usage(wrong(why)))
            }
            (given, _) => Ok(given),
        }
    }

    /// As in the configuration, an empty one is none.
    fn credentials(&self) -> Result<Credentials, Failure> {
        let identity = match (file(&self.admin_cert), file(&self.admin_key)) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some(Files { cert, key }),
            (Some(_), None) => {
                let mend = "--admin-cert needs --admin-key beside it (FLOODWAY_ADMIN_KEY)";
                return Err(Failure::Usage(mend.to_owned()));
            }
            (None, Some(_)) => {
                let mend = "--admin-key needs --admin-cert beside it (FLOODWAY_ADMIN_CERT)";
                return Err(Failure::Usage(mend.to_owned()));
            }
        };
        Ok(Credentials {
            token: self.token()?,
            ca: file(&self.admin_ca),
            identity,
        })
    }

    /// The gateway as it was named.
    pub(super) fn url(&self) -> &str {
        &self.admin
    }
}

impl Remote {
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        self.access.connect().await
    }

    /// Prints one answer: a JSON document, or the text for people.
    pub(super) fn print(
        &self,
        json: impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json {
            let json = serde_json::to_string_pretty(&json);
            let json = json.map_err(|error| Failure::Running(error.to_string()))?;
            super::print(&format!("{json}\n"))
        } else {
            super::print(&text())
        }
    }

    /// Prints one of many: a line of JSON, or the text for people. Breaks off where nobody reads any more.
    pub(super) fn print_next(
        &self,
        json: impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<ControlFlow<()>, Failure> {
        if self.json {
            let json = serde_json::to_string(&json);
            let json = json.map_err(|error| Failure::Running(error.to_string()))?;
            super::print_next(&format!("{json}\n"))
        } else {
            super::print_next(&text())
        }
    }
}

/// Reads the id of a tenant, device or group.
pub(super) fn name(text: &str) -> Result<String, String> {
    names::check(text)
        .map(|()| text.to_owned())
        .map_err(|error| error.to_string())
}

/// Reads a duration such as 60s.
pub(super) fn span(text: &str) -> Result<prost_types::Duration, String> {
    let span = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    span.try_into().map_err(|_| "is too long".to_owned())
}

fn file(given: &Option<OsString>) -> Option<PathBuf> {
    let given = given.as_deref().filter(|name| !name.is_empty());
    given.map(PathBuf::from)
}

fn url(text: &str) -> Result<String, String> {
    Client::check_url(text)
        .map(|()| text.to_owned())
        .map_err(|_| "expected http://host:port, or https://host:port".to_owned())
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Url(_) | ClientError::Token | ClientError::Files(_) => {
                Self::Usage(error.to_string())
            }
            ClientError::Argument(told) => Self::Usage(argument(&told)),
            ClientError::Answered { url, answer } => {
                let answer = answer.replacen("_id: ", ": ", 1);
                Self::Running(ClientError::Answered { url, answer }.to_string())
            }
            ClientError::Unreachable { .. }
            | ClientError::Handshake { .. }
            | ClientError::Unauthenticated(_)
            | ClientError::ReadOnly(_)
            | ClientError::Unknown(_)
            | ClientError::Ended(_) => Self::Running(error.to_string()),
        }
    }
}

/// The gateway names the field of the message; people typed a flag.
fn argument(told: &str) -> String {
    let Some((field, what)) = told.split_once(": ") else {
        return told.to_owned();
    };
    let last = field.rsplit('.').next().unwrap_or(field);
    let last = last.split('[').next().unwrap_or(last);
    let flag = match last {
        "tenant_id" => "tenant",
        "device_id" | "device_ids" => "device",
        "group_id" | "group_ids" => "group",
        "connection_id" => "connection",
        "metric_names" => "metric",
        "kinds" => "kind",
        "subject"
        | "transport"
        | "reason"
        | "spread"
        | "interval"
        | "topic"
        | "payload"
        | "connections_per_tenant"
        | "queue_size"
        | "overflow"
        | "filter_ids"
        | "client_messages_per_second" => last,
        _ => return told.to_owned(),
    };
    format!("--{}: {what}", flag.replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_gateway_says_of_a_field_names_the_flag() {
        assert_eq!(argument("reason: too long"), "--reason: too long");
        assert_eq!(
            argument("limits.queue_size: must be from 1 to 1000000"),
            "--queue-size: must be from 1 to 1000000"
        );
        assert_eq!(argument("device_ids[3]: is empty"), "--device: is empty");
        assert_eq!(argument("page_token: not one"), "page_token: not one");
        assert_eq!(argument("what else"), "what else");
    }
}
