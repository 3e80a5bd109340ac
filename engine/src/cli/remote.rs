//! Flags of the commands that speak to a running gateway.

use super::Failure;
use crate::admin::{Client, ClientError};

/// Which gateway, and who asks.
#[derive(clap::Args)]
pub(super) struct Remote {
    /// Private listener of the gateway
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090", value_parser = url)]
    admin: String,
    /// Token of the private listener; other users of this machine can see flags
    #[arg(long, env = "FLOODWAY_ADMIN_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Remote {
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        // As in the configuration, an empty one is none.
        let token = self.token.as_deref().filter(|token| !token.is_empty());
        Ok(Client::connect(&self.admin, token).await?)
    }
}

fn url(text: &str) -> Result<String, String> {
    Client::check_url(text)
        .map(|()| text.to_owned())
        .map_err(|_| "expected http://host:port".to_owned())
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Url(_) | ClientError::Token => Self::Usage(error.to_string()),
            ClientError::Unreachable { .. }
            | ClientError::Unauthenticated(_)
            | ClientError::Answered { .. } => Self::Running(error.to_string()),
        }
    }
}
