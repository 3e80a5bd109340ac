//! What the file holds, in memory and on the disk. Blocks.
//!
//! Invariant: `documents` are those of the file as it was when it had `stamp`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write as _};
use std::mem;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::control::config::Config;
use crate::control::documents::Document;
use crate::control::stores::{Change, StoreError};
use crate::control::topic::{self, Topic};

/// Of what the file holds, for programs that come later.
const VERSION: u32 = 1;

/// How long a gateway that is just ending may keep the file, and the pause between two looks whether it still does.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A document as it stands in the file.
pub(super) type Text = Box<RawValue>;

type Documents = BTreeMap<String, Text>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    version: u32,
    documents: Documents,
}

/// What changes when somebody writes a file, or puts another one in its place.
type Stamp = (u64, i64, i64, u64);

pub(super) struct Contents {
    path: PathBuf,
    config: Config,
    documents: Documents,
    stamp: Stamp,
    /// What a person has changed, and nobody was told yet.
    found: Vec<Change>,
    /// Locked for as long as this lives.
    _lock: File,
}

impl Contents {
    /// Opens the file, or makes one.
    ///
    /// # Errors
    /// Why it can't be used.
    pub(super) fn open(path: &Path, config: &Config) -> Result<Self, String> {
        // A link is followed once, so that not it is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let lock = lock(&beside(&path, ".lock"))?;
        let (documents, stamp) = match read(&path, config) {
            Ok(read) => read,
            Err(Unread::Missing) => {
                let written = write(&path, &text_of(&Documents::new()));
                (Documents::new(), written.map_err(|error| format!("can't be written: {error}"))?)
            }
            Err(Unread::Wrong(why)) => return Err(why),
        };
        Ok(Self { path, config: config.clone(), documents, stamp, found: Vec::new(), _lock: lock })
    }

    /// All documents; what was found before is among them.
    pub(super) fn all(&mut self) -> Vec<(String, Vec<u8>)> {
        self.found.clear();
        let bytes = |text: &Text| text.get().as_bytes().to_vec();
        self.documents.iter().map(|(key, text)| (key.clone(), bytes(text))).collect()
    }

    /// What a person has changed since this was last asked.
    pub(super) fn found(&mut self) -> Vec<Change> {
        mem::take(&mut self.found)
    }

    /// Looks whether a person has changed the file, and reads it then. One that was removed is written again.
    ///
    /// # Errors
    /// Why it can't be used as it is. What was known stays.
    pub(super) fn look(&mut self) -> Result<(), StoreError> {
        match fs::metadata(&self.path) {
            Ok(found) if stamp(&found) == self.stamp => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => return self.restore(),
            _ => {}
        }
        match read(&self.path, &self.config) {
            Ok((documents, stamp)) => {
                let file = self.path.display();
                tracing::info!(%file, documents = documents.len(), "control file was changed by hand, and is read again");
                let old = mem::replace(&mut self.documents, documents);
                self.found.extend(changes(&old, &self.documents));
                self.stamp = stamp;
                Ok(())
            }
            Err(Unread::Missing) => self.restore(),
            Err(Unread::Wrong(why)) => Err(StoreError::Lost(why)),
        }
    }

    fn restore(&mut self) -> Result<(), StoreError> {
        tracing::warn!(file = %self.path.display(), "control file was removed, and is written again");
        let written = write(&self.path, &text_of(&self.documents));
        self.stamp = written.map_err(|error| StoreError::Lost(format!("can't be written: {error}")))?;
        Ok(())
    }

    /// Puts a document, or none, under `key`.
    ///
    /// # Errors
    /// Why it is not done; the file is as it was.
    pub(super) fn write(&mut self, key: String, value: Option<Text>) -> Result<(), StoreError> {
        // What a person wrote meanwhile stays, and a broken file too.
        self.look().map_err(|error| StoreError::Refused(error.to_string()))?;
        let mut documents = self.documents.clone();
        match value {
            Some(value) => _ = documents.insert(key.clone(), value),
            None if documents.remove(&key).is_none() => return Ok(()),
            None => {}
        }
        let (text, most) = (text_of(&documents), self.config.file_bytes);
        if text.len() > most {
            return Err(StoreError::Refused(format!(
                "the file would be larger than {most} bytes (control.file_bytes)"
            )));
        }
        let refused = |error: io::Error| StoreError::Refused(format!("{}: {error}", self.path.display()));
        self.stamp = write(&self.path, &text).map_err(refused)?;
        self.documents = documents;
        // What stood there before is no news any more.
        self.found.retain(|found| found.key != key);
        Ok(())
    }
}

/// `value` as it stands in the file.
///
/// # Errors
/// It is no JSON.
pub(super) fn text(value: &[u8]) -> Result<Text, StoreError> {
    serde_json::from_slice(value).map_err(|error| StoreError::Refused(format!("is not JSON: {error}")))
}

/// What differs in `new`.
fn changes(old: &Documents, new: &Documents) -> Vec<Change> {
    let differs = |key: &&String| old.get(*key).map(|text| text.get()) != new.get(*key).map(|text| text.get());
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    let keys = new.keys().filter(differs).chain(gone);
    let value = |key: &String| new.get(key).map(|text| text.get().as_bytes().to_vec());
    keys.map(|key| Change { key: key.clone(), value: value(key) }).collect()
}

/// The path with another ending, in the same folder.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Only we may read and write what is made.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options
}

/// Locks this file, for which a gateway that is just ending may be waited.
fn lock(path: &Path) -> Result<File, String> {
    let cannot = |error: io::Error| format!("can't be locked: {}: {error}", path.display());
    let file = private().open(path).map_err(cannot)?;
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                let hint = "give each a file of its own, or keep limits and groups at a source";
                return Err(format!("another gateway has it: {hint}"));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
    }
}

enum Unread {
    Missing,
    Wrong(String),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Missing,
            _ => Self::Wrong(format!("can't be read: {error}")),
        }
    }
}

fn stamp(of: &Metadata) -> Stamp {
    (of.ino(), of.mtime(), of.mtime_nsec(), of.size())
}

fn read(path: &Path, config: &Config) -> Result<(Documents, Stamp), Unread> {
    let file = File::open(path)?;
    // Before it is read: what is written into it meanwhile is found the next time.
    let stamp = stamp(&file.metadata()?);
    let (mut bytes, most) = (Vec::new(), config.file_bytes);
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(Unread::Wrong(format!("is larger than {most} bytes (control.file_bytes)")));
    }
    let whole: Whole = serde_json::from_slice(&bytes)
        .map_err(|error| Unread::Wrong(format!("is broken: {error}; mend it, or move it away")))?;
    if whole.version != VERSION {
        let found = whole.version;
        return Err(Unread::Wrong(format!(
            "has version {found}, which this program does not know; it writes {VERSION}"
        )));
    }
    for (key, text) in &whole.documents {
        check(key, text, config)
            .map_err(|why| Unread::Wrong(format!("is broken: {}: {why}; mend it", key.escape_debug())))?;
    }
    Ok((whole.documents, stamp))
}

/// Whether this is a document that the file may hold.
fn check(key: &str, text: &Text, config: &Config) -> Result<(), String> {
    match topic::parse(&topic::of_key(key)) {
        Some(Topic::Document(key)) => Document::parse(&key, text.get().as_bytes(), config)
            .map(|_| ())
            .map_err(|error| error.to_string()),
        Some(Topic::Reserved) => Ok(()),
        _ => Err("the key is not known".to_owned()),
    }
}

/// One document a line.
fn text_of(documents: &Documents) -> String {
    let mut text = format!("{{\n\"version\": {VERSION},\n\"documents\": {{");
    for (number, (key, value)) in documents.iter().enumerate() {
        let separator = if number == 0 { "\n" } else { ",\n" };
        let key = serde_json::Value::from(key.as_str());
        write!(text, "{separator}  {key}: {}", value.get()).expect("a text takes all");
    }
    text + "\n}\n}\n"
}

/// Puts a file with this text in the place of the one at `path`.
fn write(path: &Path, text: &str) -> io::Result<Stamp> {
    let new = beside(path, ".new");
    // Left behind by a process that was killed.
    if let Err(error) = fs::remove_file(&new)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let written = (|| {
        let mut file = private().create_new(true).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        Ok(stamp(&file.metadata()?))
    })();
    if written.is_err() {
        // It is of no use; that it can't be removed says nothing more.
        let _ = fs::remove_file(&new);
        return written;
    }
    // So that the new name outlives a power failure too.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    written
}
