//! As much of HTTP/1.1 as answers need: the head, and bodies in chunks (RFC 9112), however they are cut.

use crate::Fault;
use memchr::memmem;

/// The most that a head may have.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// The head of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The status code.
    pub(crate) status: u16,
    /// Fields in their order, names in lower case.
    fields: Vec<(String, String)>,
}

impl Head {
    /// Takes a head off the front of these bytes: the head and its length, or `None` if it is not whole yet.
    ///
    /// # Errors
    /// If it is no head of HTTP/1.x, or longer than 64 KiB.
    pub(crate) fn take(bytes: &[u8]) -> Result<Option<(Head, usize)>, Fault> {
        let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
            return match bytes.len() {
                0..HEAD_BYTES_MAX => Ok(None),
                _ => Err(Fault("a head of more than 64 KiB")),
            };
        };
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| Fault("a head that is no text"))?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(status).ok_or(Fault("no status line"))?;
        let fields = lines
            .map(|line| line.split_once(':').ok_or(Fault("a field without a colon")))
            .map(|field| field.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())))
            .collect::<Result<_, _>>()?;
        Ok(Some((Head { status, fields }, end + 4)))
    }

    /// The value of a field, its name in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str())
    }

    /// How the body is delimited.
    pub(crate) fn body(&self) -> Body {
        let chunked = self.field("transfer-encoding");
        if chunked.is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Body::Chunked(Chunks::default());
        }
        let length = self.field("content-length").and_then(|length| length.parse().ok());
        length.map_or(Body::UntilClose, Body::Length)
    }
}

fn status(line: &str) -> Option<u16> {
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

/// What is left of a body.
#[derive(Debug)]
pub(crate) enum Body {
    /// It comes in chunks.
    Chunked(Chunks),
    /// So many bytes are left.
    Length(u64),
    /// It ends with the connection.
    UntilClose,
}

impl Body {
    /// Takes the body's next bytes off the front of `bytes`, and gives the content to `sink`.
    ///
    /// # Errors
    /// If they break the protocol, or `sink` fails.
    pub(crate) fn feed(
        &mut self,
        bytes: &mut &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        match self {
            Body::Chunked(chunks) => chunks.feed(bytes, sink),
            Body::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                let (content, rest) = bytes.split_at(here);
                *left -= here as u64;
                *bytes = rest;
                sink(content)
            }
            Body::UntilClose => sink(std::mem::take(bytes)),
        }
    }

    /// Whether all of it came.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Body::Chunked(chunks) => matches!(chunks.place, Place::Over),
            Body::Length(left) => *left == 0,
            Body::UntilClose => false,
        }
    }
}

/// Where in a chunked body the stream is (RFC 9112, section 7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In a chunk's size; whether a digit came.
    #[default]
    Size,
    /// In an extension, or at the line feed after it.
    Extension,
    /// In a chunk's data, or at the CR after it where nothing of it is left.
    Data,
    /// At the line feed after the data.
    DataLf,
    /// In the trailer; the bytes of the line so far, CR not counted.
    Trailer(usize),
    /// After the end.
    Over,
}

/// Takes the content out of a chunked body.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    place: Place,
    /// Digits of the size so far.
    digits: u8,
    /// What is left of the chunk.
    left: u64,
}

impl Chunks {
    fn feed(&mut self, bytes: &mut &[u8], mut sink: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.place == Place::Over {
                break;
            }
            if self.place == Place::Data && self.left > 0 {
                let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                let (content, rest) = bytes.split_at(here);
                self.left -= here as u64;
                *bytes = rest;
                sink(content)?;
                continue;
            }
            *bytes = rest;
            self.place = self.step(byte)?;
        }
        Ok(())
    }

    /// Goes over one byte that is no content.
    fn step(&mut self, byte: u8) -> Result<Place, Fault> {
        match (self.place, byte) {
            (Place::Size, digit) if digit.is_ascii_hexdigit() => self.digit(digit),
            (Place::Size, _) if self.digits == 0 => Err(Fault("a chunk without a size")),
            (Place::Size | Place::Extension, b'\n') => Ok(self.sized()),
            (Place::Size, b'\r' | b';' | b' ' | b'\t') | (Place::Extension, _) => Ok(Place::Extension),
            (Place::Data, b'\r') => Ok(Place::DataLf),
            (Place::DataLf, b'\n') => Ok(Place::Size),
            (Place::Trailer(0), b'\n') => Ok(Place::Over),
            (Place::Trailer(_), b'\n') => Ok(Place::Trailer(0)),
            (Place::Trailer(length), b'\r') => Ok(Place::Trailer(length)),
            (Place::Trailer(length), _) => Ok(Place::Trailer((length + 1).min(HEAD_BYTES_MAX))),
            _ => Err(Fault("a chunk that is not framed as one")),
        }
    }

    fn digit(&mut self, digit: u8) -> Result<Place, Fault> {
        let value = (digit as char).to_digit(16).unwrap_or_default();
        self.left = self.left << 4 | u64::from(value);
        self.digits += 1;
        if self.digits > 15 {
            return Err(Fault("a chunk's size of more than 15 digits"));
        }
        Ok(Place::Size)
    }

    /// The size is read.
    fn sized(&mut self) -> Place {
        self.digits = 0;
        match self.left {
            0 => Place::Trailer(0),
            _ => Place::Data,
        }
    }
}

#[cfg(test)]
mod tests;
