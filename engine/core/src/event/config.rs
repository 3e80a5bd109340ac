//! Bounds of one event.

/// What a device's message may be at most. At a bound the message is dropped and counted by its reason.
#[derive(Clone, Debug)]
pub struct Config {
    /// `event.payload_bytes`: Default 128 KiB. Each held event costs about three times its size.
    pub payload_bytes: usize,
    /// `event.depth`: objects and arrays inside one another, the payload's own braces included. Default 32.
    pub depth: usize,
    /// `event.metrics`: metrics of one event. Default 1,024.
    pub metrics: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            payload_bytes: 128 * 1024,
            depth: 32,
            metrics: 1024,
        }
    }
}
