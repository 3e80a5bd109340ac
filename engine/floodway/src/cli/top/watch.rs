//! The gateway's answers, asked for anew where they break off.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use floodway_server::admin::api::{WatchStatusRequest, WatchStatusResponse};
use floodway_server::admin::{Answers, Client, ClientError};

/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(1);

/// Answers that go on however often the gateway comes and goes.
pub(super) struct Watch {
    client: Client,
    request: WatchStatusRequest,
    answers: Option<Answers<WatchStatusResponse>>,
    /// Not asked again before.
    again: Instant,
}

impl Watch {
    /// Asks for the first time.
    ///
    /// # Errors
    /// If there is no answer, or it is a refusal.
    pub(super) async fn begin(
        mut client: Client,
        request: WatchStatusRequest,
    ) -> Result<Self, ClientError> {
        let answers = client.watch_status(request).await?;
        Ok(Self {
            client,
            request,
            answers: Some(answers),
            again: Instant::now(),
        })
    }

    /// The next answer. May be dropped and called again at any time.
    ///
    /// # Errors
    /// Why there is none; the next call asks anew.
    pub(super) async fn next(&mut self) -> Result<WatchStatusResponse, ClientError> {
        let answer = self.ask().await;
        if answer.is_err() {
            self.answers = None;
            self.again = Instant::now() + AGAIN;
        }
        answer
    }

    async fn ask(&mut self) -> Result<WatchStatusResponse, ClientError> {
        let answers = match &mut self.answers {
            Some(answers) => answers,
            none => {
                sleep_until(self.again).await;
                none.insert(self.client.watch_status(self.request).await?)
            }
        };
        answers.next().await
    }
}
