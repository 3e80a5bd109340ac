//! Which event a text is: its device, its number and its time, read by hand, for this is done per delivery.

use memchr::memmem::Finder;

/// What a published event says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Index of the device.
    pub(crate) device: u32,
    /// The device's count of events, from 1.
    pub(crate) n: u32,
    /// When it was handed to the publisher's socket, microseconds of `CLOCK_MONOTONIC`.
    pub(crate) at_us: u64,
}

/// Reads stamps; its searches are prepared once.
#[derive(Debug)]
pub(crate) struct Reader {
    device: Finder<'static>,
    n: Finder<'static>,
    at: Finder<'static>,
}

impl Reader {
    /// A reader of events that came as any JSON text with the three metrics in it.
    pub(crate) fn new() -> Self {
        Reader {
            device: Finder::new(r#""d":"#),
            n: Finder::new(r#""n":"#),
            at: Finder::new(r#""at":"#),
        }
    }

    /// The stamp of this event, or `None` if it has none.
    pub(crate) fn read(&self, event: &[u8]) -> Option<Stamp> {
        let (device, rest) = after(&self.device, event)?;
        // Where the server keeps the metrics as they were sent, the other two follow at once.
        let (n, rest) = match rest.strip_prefix(br#","n":"#) {
            Some(rest) => number(rest)?,
            None => after(&self.n, event)?,
        };
        let (at_us, _) = match rest.strip_prefix(br#","at":"#) {
            Some(rest) => number(rest)?,
            None => after(&self.at, event)?,
        };
        Some(Stamp { device: device.try_into().ok()?, n: n.try_into().ok()?, at_us })
    }
}

fn after<'a>(finder: &Finder<'_>, text: &'a [u8]) -> Option<(u64, &'a [u8])> {
    let at = finder.find(text)?;
    number(&text[at + finder.needle().len()..])
}

/// A whole number, and what stands after it. Some servers' JSON has a space before it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let text = text.trim_ascii_start();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut value = 0u64;
    for digit in &text[..digits] {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    (digits > 0).then_some((value, &text[digits..]))
}

#[cfg(test)]
mod tests;
