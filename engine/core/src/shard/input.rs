//! What a shard needs to read its clients: memory, a bound, and a check of tokens.

use std::sync::Arc;

use floodway_protocol::End;
use floodway_protocol::names::TenantId;
use floodway_protocol::session::Command;

/// Checks the tokens that streams are refreshed with.
pub trait RefreshTokens: Send + Sync {
    /// Returns when the token expires, in seconds since 1970, if it is good and for this tenant. Never waits.
    ///
    /// # Errors
    /// Why the stream does not live on with it.
    fn verify_refresh(&self, token: &str, tenant: &TenantId) -> Result<u64, RefreshError>;
}

/// Why a stream is not refreshed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshError {
    /// The token can't be checked yet. The stream keeps its old token, and its client may send the new one again.
    KeyAwaited,
    /// The token is not accepted, so the stream ends.
    Refused(End),
}

/// Accepts no token: for shards whose streams are never refreshed.
#[derive(Clone, Copy, Debug)]
pub struct NoRefresh;

impl RefreshTokens for NoRefresh {
    fn verify_refresh(&self, _: &str, _: &TenantId) -> Result<u64, RefreshError> {
        Err(RefreshError::KeyAwaited)
    }
}

/// What the reading of every client needs.
pub(super) struct Input {
    /// Where a read of a socket goes.
    pub(super) buffer: Vec<u8>,
    /// The commands of one read, kept for its memory.
    pub(super) commands: Vec<Command>,
    /// The largest message of a client.
    pub(super) message_bytes: usize,
    pub(super) tokens: Arc<dyn RefreshTokens>,
}

impl Input {
    pub(super) fn new(message_bytes: usize, tokens: Arc<dyn RefreshTokens>) -> Self {
        const READ_BYTES: usize = 8 * 1024;
        Self { buffer: vec![0; READ_BYTES], commands: Vec::new(), message_bytes, tokens }
    }
}
