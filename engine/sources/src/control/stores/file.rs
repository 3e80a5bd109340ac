//! Documents in a local file, for a gateway that stands alone.
//!
//! Invariants:
//! * The file is whole at any time: it is written beside itself, synced, and renamed. Its mode is 0600.
//! * One that can't be read, or holds anything that is no document, is refused and left as it is, whenever that is found.
//! * One gateway at a time has it: it holds a lock on a file beside it, which the system lets go of with the process.
//! * What a person writes into it by hand is noticed within a second, and before anything is written over it.
//!
//! What expires is the fleet's; nobody else reads it here, so it is not written.

mod contents;
#[cfg(all(test, not(floodway_loom)))]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::{Asked, Change, KeyedStore, StoreError};
use crate::control::config::Config;
use contents::{Contents, Text};

/// The pause between two looks whether a person has changed the file.
const LOOK: Duration = Duration::from_secs(1);

/// The file of one gateway.
pub(in crate::control) struct FileStore {
    name: String,
    file_bytes: usize,
    contents: Arc<Mutex<Contents>>,
    next_look: Instant,
}

impl FileStore {
    /// The file at `path`, which is made if there is none.
    ///
    /// # Errors
    /// Names the file, and why it can't be used.
    pub(in crate::control) fn open(path: &Path, config: &Config) -> Result<Self, String> {
        let name = format!("file:{}", path.display());
        let contents = Contents::open(path, config).map_err(|error| format!("control.store = \"{name}\": {error}"))?;
        Ok(Self {
            name,
            file_bytes: config.file_bytes,
            contents: Arc::new(Mutex::new(contents)),
            next_look: Instant::now() + LOOK,
        })
    }

    /// Works on the file where a disk that is slow holds nobody up.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Contents) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let contents = Arc::clone(&self.contents);
        // Nothing in it can be half changed.
        let locked = move || work(&mut contents.lock().unwrap_or_else(PoisonError::into_inner));
        let lost = |error| Err(StoreError::Lost(format!("the work on it ended: {error}")));
        spawn_blocking(locked).await.unwrap_or_else(lost)
    }

    async fn write(&self, key: &str, value: Option<Text>) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.work(move |contents| contents.write(key, value)).await
    }
}

impl KeyedStore for FileStore {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn bound(&self) -> (usize, &'static str) {
        (self.file_bytes, "control.file_bytes")
    }

    fn connect(&mut self) -> Asked<'_, ()> {
        Box::pin(self.work(Contents::look))
    }

    fn list(&mut self) -> Asked<'_, Vec<(String, Vec<u8>)>> {
        Box::pin(self.work(|contents| Ok(contents.all())))
    }

    fn put<'a>(&'a mut self, key: &'a str, value: &'a [u8], expiry: Option<Duration>) -> Asked<'a, ()> {
        Box::pin(async move {
            if expiry.is_some() {
                return Ok(());
            }
            self.write(key, Some(contents::text(value)?)).await
        })
    }

    fn delete<'a>(&'a mut self, key: &'a str) -> Asked<'a, ()> {
        Box::pin(self.write(key, None))
    }

    fn changes(&mut self) -> Asked<'_, Vec<Change>> {
        Box::pin(async {
            loop {
                let found = self.work(|contents| Ok(contents.found())).await?;
                if !found.is_empty() {
                    return Ok(found);
                }
                sleep_until(self.next_look).await;
                // What is found stays there if nobody waits for it any more.
                self.work(Contents::look).await?;
                self.next_look = Instant::now() + LOOK;
            }
        })
    }
}
