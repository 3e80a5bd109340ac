//! The forms in which an event goes to a socket.

/// The form in which an event goes to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One WebSocket text frame (RFC 6455, 5.2).
    Ws,
    /// The same, with the event's id as the last key of its JSON, for streams that resume.
    WsWithId,
    /// One SSE message.
    Sse,
    /// One SSE message as one HTTP/1.1 chunk (RFC 9112, 7.1).
    SseChunked,
}
