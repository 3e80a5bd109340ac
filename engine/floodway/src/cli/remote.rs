//! Flags of the commands that call a running gateway, and how they print its answers.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::PathBuf;

use prost_reflect::prost::Name;
use serde::Serialize;
use tonic::{Response, Status};

use super::failure::Failure;
use super::output;
use super::runtime;
use crate::client::{self, Client, ClientError, Credentials, GatewayUrl, Json, Peer};
use crate::config;
use floodway_server::tls::Files;

/// Names a file with the token, where none is given.
const TOKEN_FILE: &str = "FLOODWAY_ADMIN_TOKEN_FILE";

/// Which gateway is called, and with which credentials.
#[derive(clap::Args)]
pub(super) struct Access {
    /// Private listener of the gateway, http://host:port or https://host:port
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:9090", value_parser = str::parse::<GatewayUrl>)]
    admin: GatewayUrl,
    /// Token of the private listener; other users of this machine can see flags
    #[arg(long, global = true, env = "FLOODWAY_ADMIN_TOKEN", hide_env_values = true)]
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

/// Which gateway is called, with which credentials, and how the answer is printed.
#[derive(clap::Args)]
pub(super) struct Remote {
    #[command(flatten)]
    access: Access,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
}

/// Why a command that speaks to a gateway broke off.
pub(super) enum Interrupted {
    /// A call failed.
    Call(Status),
    /// A streaming answer ended without a reason.
    Ended,
    /// Something on this side failed.
    Failure(Failure),
}

impl Interrupted {
    /// The same in words; `peer` knows what may be behind the status of a call.
    pub(super) fn explained(self, peer: &Peer) -> Failure {
        match self {
            Self::Call(status) => peer.refused(&status).into(),
            Self::Ended => peer.ended().into(),
            Self::Failure(failure) => failure,
        }
    }
}

impl From<Status> for Interrupted {
    fn from(status: Status) -> Self {
        Self::Call(status)
    }
}

impl From<Failure> for Interrupted {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Access {
    pub(super) async fn connect(&self) -> Result<(Client, Peer), Failure> {
        Ok(client::connect(&self.admin, &self.credentials()?).await?)
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
        let needs = |hint: &str| Err(Failure::Usage(hint.to_owned()));
        let identity = match (file(&self.admin_cert), file(&self.admin_key)) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some(Files { cert, key }),
            (Some(_), None) => return needs("--admin-cert needs --admin-key beside it (FLOODWAY_ADMIN_KEY)"),
            (None, Some(_)) => return needs("--admin-key needs --admin-cert beside it (FLOODWAY_ADMIN_CERT)"),
        };
        Ok(Credentials { token: self.token()?, ca: file(&self.admin_ca), identity })
    }

    /// The gateway as it was named.
    pub(super) fn url(&self) -> &GatewayUrl {
        &self.admin
    }
}

impl Remote {
    /// Connects, does the command's `work`, and explains a call that failed.
    pub(super) fn run(&self, work: impl AsyncFnOnce(Client) -> Result<(), Interrupted>) -> Result<(), Failure> {
        runtime::block_on(async {
            let (client, peer) = self.access.connect().await?;
            work(client).await.map_err(|why| why.explained(&peer))
        })
    }

    /// Makes one call, and prints its answer: as JSON, or what `text` makes of it for people.
    pub(super) fn call<M: Name>(
        &self,
        call: impl AsyncFnOnce(Client) -> Result<Response<M>, Status>,
        text: impl FnOnce(&M) -> String,
    ) -> Result<(), Failure> {
        self.run(async |client| {
            let answer = call(client).await?;
            self.print(Json(answer.get_ref()), || text(answer.get_ref()))
        })
    }

    /// Prints one answer: a JSON document, or the text for people.
    pub(super) fn print(&self, json: impl Serialize, text: impl FnOnce() -> String) -> Result<(), Interrupted> {
        let text = if self.json {
            let json = serde_json::to_string_pretty(&json);
            json.map_err(Failure::running)? + "\n"
        } else {
            text()
        };
        Ok(output::print(&text)?)
    }

    /// Prints one of many: a line of JSON, or the text for people. Breaks off when stdout has no reader any more.
    pub(super) fn print_next(
        &self,
        json: impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<ControlFlow<()>, Failure> {
        let text = if self.json {
            serde_json::to_string(&json).map_err(Failure::running)? + "\n"
        } else {
            text()
        };
        output::print_next(&text)
    }
}

fn file(given: &Option<OsString>) -> Option<PathBuf> {
    let given = given.as_deref().filter(|name| !name.is_empty());
    given.map(PathBuf::from)
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        if error.is_usage() {
            Self::Usage(error.to_string())
        } else {
            Self::Running(error.to_string())
        }
    }
}
