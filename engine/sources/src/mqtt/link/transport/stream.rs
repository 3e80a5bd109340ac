//! What a link reads and writes.

use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes in both directions, in order.
pub(in crate::mqtt::link) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}
