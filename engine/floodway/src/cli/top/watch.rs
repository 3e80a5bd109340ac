//! The gateway's answers; where they break off, the gateway is called again.

use std::time::Duration;

use floodway_proto::admin::v1::{WatchStatusRequest, WatchStatusResponse};
use tokio::time::{Instant, sleep_until};
use tonic::Streaming;

use crate::cli::remote::Interrupted;
use crate::client::Client;

/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(1);

/// Answers that go on however often the gateway comes and goes.
pub(super) struct Watch {
    client: Client,
    request: WatchStatusRequest,
    answers: Option<Streaming<WatchStatusResponse>>,
    /// Not called again before.
    again: Instant,
}

impl Watch {
    pub(super) fn new(client: Client, request: WatchStatusRequest) -> Self {
        Self { client, request, answers: None, again: Instant::now() }
    }

    /// The next answer. May be dropped and called again at any time; after an error it calls the gateway anew.
    pub(super) async fn next(&mut self) -> Result<WatchStatusResponse, Interrupted> {
        let answer = async { self.begin().await?.message().await?.ok_or(Interrupted::Ended) }.await;
        if answer.is_err() {
            self.answers = None;
            self.again = Instant::now() + AGAIN;
        }
        answer
    }

    /// Calls the gateway, unless it answers already.
    pub(super) async fn begin(&mut self) -> Result<&mut Streaming<WatchStatusResponse>, Interrupted> {
        if self.answers.is_none() {
            sleep_until(self.again).await;
            let answers = self.client.watch_status(self.request).await?;
            self.answers = Some(answers.into_inner());
        }
        Ok(self.answers.as_mut().expect("just set"))
    }
}
