//! Server-sent events (WHATWG HTML, "Interpreting an event stream"), however the bytes are cut.
//!
//! Only the data is of interest here: names, ids and retry times are passed over. A message whose data stands in one
//! line and in one piece is given as it lies in the reader's buffer, without a copy.

use crate::Fault;
use memchr::memchr2;

/// The most that one message may have.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// The data so far of the message that is coming in.
#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    /// One line, in the bytes at hand.
    Line { start: usize, end: usize },
    /// Kept: several lines, or from bytes that are gone.
    Kept(Vec<u8>),
}

/// Makes messages of bytes.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The beginning of a line that was cut.
    cut: Vec<u8>,
    data: Data,
    /// The last line ended with CR: a line feed that follows belongs to it.
    after_cr: bool,
    /// A byte order mark can no longer come.
    begun: bool,
}

impl Decoder {
    /// Takes the stream's next bytes, and gives the data of each whole message to `sink`.
    ///
    /// # Errors
    /// If a message is longer than 16 MiB, or `sink` fails.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut sink: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut at = 0;
        while at < bytes.len() {
            if std::mem::take(&mut self.after_cr) && bytes[at] == b'\n' {
                at += 1;
                continue;
            }
            let Some(length) = memchr2(b'\n', b'\r', &bytes[at..]) else {
                self.cut.extend_from_slice(&bytes[at..]);
                break;
            };
            self.after_cr = bytes[at + length] == b'\r';
            self.line_at(bytes, at, at + length, &mut sink)?;
            at += length + 1;
        }
        self.keep(bytes);
        if self.cut.len() > MESSAGE_BYTES_MAX {
            return Err(Fault("a line of more than 16 MiB"));
        }
        Ok(())
    }

    /// A line ends at `end`; it began at `start`, or in bytes that are gone.
    fn line_at(
        &mut self,
        bytes: &[u8],
        start: usize,
        end: usize,
        sink: &mut impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if !self.cut.is_empty() {
            self.cut.extend_from_slice(&bytes[start..end]);
            let mut line = std::mem::take(&mut self.cut);
            if let Some(value) = self.value(&line) {
                let value = line[value..].to_vec();
                self.append(bytes, &value)?;
            }
            line.clear();
            self.cut = line;
            return Ok(());
        }
        if start == end {
            self.begun = true;
            return match std::mem::take(&mut self.data) {
                Data::None => Ok(()),
                Data::Line { start, end } => sink(&bytes[start..end]),
                Data::Kept(data) => sink(&data),
            };
        }
        if let Some(value) = self.value(&bytes[start..end]) {
            match self.data {
                Data::None => self.data = Data::Line { start: start + value, end },
                _ => self.append(bytes, &bytes[start + value..end])?,
            }
        }
        Ok(())
    }

    /// Where the value of a `data` field begins in this line.
    fn value(&mut self, line: &[u8]) -> Option<usize> {
        let mark = if std::mem::replace(&mut self.begun, true) { 0 } else { byte_order_mark(line) };
        let rest = line[mark..].strip_prefix(b"data")?;
        match rest {
            [] => Some(line.len()),
            [b':', b' ', ..] => Some(mark + 6),
            [b':', ..] => Some(mark + 5),
            _ => None,
        }
    }

    /// Adds a line to the data.
    fn append(&mut self, bytes: &[u8], line: &[u8]) -> Result<(), Fault> {
        self.keep(bytes);
        match &mut self.data {
            Data::Kept(data) => {
                data.push(b'\n');
                data.extend_from_slice(line);
                if data.len() > MESSAGE_BYTES_MAX {
                    return Err(Fault("a message of more than 16 MiB"));
                }
            }
            data => *data = Data::Kept(line.to_vec()),
        }
        Ok(())
    }

    /// What lies in the bytes at hand has to outlive them.
    fn keep(&mut self, bytes: &[u8]) {
        if let Data::Line { start, end } = self.data {
            self.data = Data::Kept(bytes[start..end].to_vec());
        }
    }
}

fn byte_order_mark(line: &[u8]) -> usize {
    if line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

#[cfg(test)]
mod tests;
