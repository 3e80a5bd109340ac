//! A link to the database, which is two connections: one listens, one reads.

use bytes::Bytes;

use super::cursor::Cursor;
use super::listener::Listener;
use super::notification;
use super::reading::Reader;
use crate::feed::{FeedError, FeedLink, FeedMessage, Whose};

/// Why a row is passed over that was committed behind a later one.
const LATE: &str = "a row was committed behind one with a higher id, and is passed over: ids have to be drawn under a lock, as the \
                    trigger in docs/postgres.md does";

/// Brings what notifications carry, or the rows of the table that they tell of.
pub(crate) struct Link {
    listener: Listener,
    /// Where in the table it stands, if there is one.
    cursor: Option<Cursor>,
}

impl Link {
    pub(super) fn new(listener: Listener, cursor: Option<Cursor>) -> Self {
        Self { listener, cursor }
    }

    /// What is to be handed over of these notifications at once.
    fn heard(&mut self, notifications: Vec<String>) -> Vec<FeedMessage> {
        let cursor = &mut self.cursor;
        let messages = notifications.into_iter().filter_map(|text| {
            let (number, whose) = match cursor {
                None => (0, event(&text)),
                Some(cursor) => (cursor.last(), row(&text, cursor)?),
            };
            Some(FeedMessage { number, whose, payload: Bytes::from(text) })
        });
        messages.collect()
    }
}

/// Whose event a notification carries.
fn event(text: &str) -> Whose {
    match notification::event(text) {
        Ok((tenant, device)) => Whose::Device(tenant, device),
        Err(why) => Whose::Nobody(why),
    }
}

/// Tells `cursor` of the row that a notification names. Something is to be handed over only if that is wrong.
fn row(text: &str, cursor: &mut Cursor) -> Option<Whose> {
    match notification::row(text) {
        Ok(id) => cursor.heard(id).then_some(Whose::Nobody(LATE)),
        Err(why) => Some(Whose::Nobody(why)),
    }
}

impl FeedLink for Link {
    type Reader = Reader;

    async fn next(&mut self) -> Result<Vec<FeedMessage>, FeedError> {
        loop {
            let notifications = match &mut self.cursor {
                None => self.listener.hear().await?,
                // Both go on meanwhile: who did not take notifications would hold them up in the server.
                Some(cursor) => tokio::select! {
                    notifications = self.listener.hear() => notifications?,
                    rows = cursor.next() => return rows,
                },
            };
            let messages = self.heard(notifications);
            if !messages.is_empty() {
                return Ok(messages);
            }
        }
    }

    fn reader(&self) -> Reader {
        Reader(self.cursor.as_ref().map(|cursor| cursor.reading().clone()))
    }
}
