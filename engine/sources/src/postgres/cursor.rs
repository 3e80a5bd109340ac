//! Reads the table on, as notifications tell of new rows.

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_postgres::Error;

use super::error::{self, Asked};
use super::progress::{Heard, Progress};
use super::reading::{Newest, Reading, Rows};
use crate::feed::{FeedError, FeedMessage};
use crate::source::Attempt;

/// Between two looks whether the numbers began anew.
const LOOK: Duration = Duration::from_secs(1);

type Query<T> = Option<Pin<Box<dyn Future<Output = Result<T, FeedError>> + Send>>>;

/// Where in the table a link stands.
pub(super) struct Cursor {
    reading: Arc<Reading>,
    /// The end of the connection that reads.
    ended: JoinHandle<Result<(), Error>>,
    progress: Progress,
    pause: Duration,
    not_before: Instant,
    page: Query<Rows>,
    /// A row was named that was read already, or so it seems.
    is_doubted: bool,
    look_not_before: Instant,
    look: Query<Newest>,
    /// The last id when that look began.
    looked_from: u64,
}

impl Cursor {
    /// Behind the row of the id `last`, over a connection whose task is `ended` once it has.
    pub(super) fn new(reading: Arc<Reading>, ended: JoinHandle<Result<(), Error>>, last: u64, pause: Duration) -> Self {
        let now = Instant::now();
        Self {
            reading,
            ended,
            progress: Progress::behind(last),
            pause,
            not_before: now,
            page: None,
            is_doubted: false,
            look_not_before: now,
            look: None,
            looked_from: 0,
        }
    }

    pub(super) fn reading(&self) -> &Arc<Reading> {
        &self.reading
    }

    /// The id of the last row that was read.
    pub(super) fn last(&self) -> u64 {
        self.progress.last()
    }

    /// A notification names the row of this id. Whether it was passed over.
    pub(super) fn heard(&mut self, id: u64) -> bool {
        let heard = self.progress.heard(id);
        self.is_doubted |= heard == Heard::Old;
        heard == Heard::Late
    }

    /// Waits for rows behind the last. May be cancelled: the next call goes on.
    pub(super) async fn next(&mut self) -> Result<Vec<FeedMessage>, FeedError> {
        loop {
            self.begin();
            tokio::select! {
                rows = finished(&mut self.page) => {
                    let rows = rows?;
                    self.not_before = Instant::now() + self.pause;
                    self.progress.took(rows.messages.iter().map(|message| message.number), rows.are_all);
                    if !rows.messages.is_empty() {
                        return Ok(rows.messages);
                    }
                }
                newest = finished(&mut self.look) => self.judge(newest?)?,
                ended = &mut self.ended => return Err(self.lost(ended.ok())),
            }
        }
    }

    /// Begins what is to be asked.
    fn begin(&mut self) {
        if let Some(after) = self.progress.begin() {
            let (reading, not_before) = (Arc::clone(&self.reading), self.not_before);
            self.page = Some(Box::pin(async move {
                sleep_until(not_before).await;
                reading.after(after).await
            }));
        }
        if self.is_doubted && self.look.is_none() {
            self.is_doubted = false;
            self.looked_from = self.progress.last();
            let (reading, not_before) = (Arc::clone(&self.reading), self.look_not_before);
            self.look = Some(Box::pin(async move {
                sleep_until(not_before).await;
                reading.newest().await
            }));
        }
    }

    /// Whether the numbers are still those that were read so far.
    fn judge(&mut self, newest: Newest) -> Result<(), FeedError> {
        self.look_not_before = Instant::now() + LOOK;
        if !newest.never_was_at(self.looked_from) {
            return Ok(());
        }
        let text = format!(
            "the ids of postgres.table began anew: {} was read, and the newest is {}; was it emptied, or restored?",
            self.looked_from, newest.row
        );
        Err(FeedError { result: Attempt::Broken, text })
    }

    fn lost(&self, ended: Option<Result<(), Error>>) -> FeedError {
        match ended {
            Some(Err(error)) => error::in_words(Asked::Connection, &error),
            _ => FeedError {
                result: Attempt::Broken,
                text: "it closed the connection that reads postgres.table".to_owned(),
            },
        }
    }
}

/// Waits for the outcome of a query, for ever if none was begun. May be cancelled: the next call goes on.
async fn finished<T>(query: &mut Query<T>) -> Result<T, FeedError> {
    let Some(running) = query else {
        let never: Infallible = pending().await;
        match never {}
    };
    let outcome = running.await;
    *query = None;
    outcome
}
