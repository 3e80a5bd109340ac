//! The wire by hand, for what no decent client library would send.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::WS_PATH;
use crate::wait::within;

/// The frame types of RFC 6455, 11.8.
pub mod opcode {
    /// A fragment.
    pub const CONTINUATION: u8 = 0;
    /// Text.
    pub const TEXT: u8 = 1;
    /// Binary.
    pub const BINARY: u8 = 2;
    /// Close.
    pub const CLOSE: u8 = 8;
    /// Ping.
    pub const PING: u8 = 9;
    /// Pong.
    pub const PONG: u8 = 10;
}

/// The bit of a frame's first byte that says that nothing follows.
pub const FIN: u8 = 0x80;

/// The smallest receive buffer, in bytes.
pub const NARROW: usize = 4096;

/// A socket that takes next to nothing while nobody reads.
///
/// # Panics
/// If the gateway does not accept.
pub fn narrow_socket(address: SocketAddr) -> TcpStream {
    socket_with_buffer(address, NARROW).expect("the gateway accepts")
}

/// A socket with a receive buffer of this size, in bytes.
///
/// # Errors
/// If nobody accepts.
pub fn socket_with_buffer(address: SocketAddr, buffer: usize) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_recv_buffer_size(buffer)?;
    socket.connect(&address.into())?;
    socket.set_nonblocking(true)?;
    TcpStream::from_std(socket.into())
}

/// The head of a WebSocket handshake with that token.
pub fn upgrade_request(token: &str, query: &str) -> String {
    format!(
        "GET {WS_PATH}?{query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    )
}

/// A masked frame, as a client must send it; `first` is FIN, the reserved bits and the opcode.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = frame_head(first, 0x80, payload.len());
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A frame without a mask, as only a server may send it.
pub fn unmasked_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = frame_head(first, 0, payload.len());
    frame.extend(payload);
    frame
}

fn frame_head(first: u8, masked: u8, length: usize) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..=125 => head.push(masked | length as u8),
        126..=0xffff => {
            head.push(masked | 126);
            head.extend((length as u16).to_be_bytes());
        }
        _ => {
            head.push(masked | 127);
            head.extend((length as u64).to_be_bytes());
        }
    }
    head
}

/// One connection on which bytes are written and read as they are.
#[derive(Debug)]
pub struct Raw {
    socket: TcpStream,
    held: Vec<u8>,
    /// What was written last, to name it when no answer comes.
    written: String,
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = within("a connection", TcpStream::connect(address)).await.expect("the gateway accepts");
        socket.set_nodelay(true).expect("a socket option");
        Self { socket, held: Vec::new(), written: String::new() }
    }

    /// Connects, shakes hands for a WebSocket stream and reads `connected`.
    pub async fn websocket(address: SocketAddr, token: &str, query: &str) -> Self {
        let mut raw = Self::connect(address).await;
        raw.write(upgrade_request(token, query).as_bytes()).await.expect("the handshake is sent");
        let head = raw.read_head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let (_, first) = raw.read_frame().await.expect("the first message");
        assert!(first.starts_with(br#"{"type":"connected""#), "{:?}", String::from_utf8_lossy(&first));
        raw
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// If the peer has closed.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let start = &bytes[..bytes.len().min(300)];
        self.written = String::from_utf8_lossy(start).into_owned();
        within("room to write", self.socket.write_all(bytes)).await
    }

    /// Whether the peer has closed, as far as is known without waiting.
    pub fn is_closed(&mut self) -> bool {
        match self.socket.try_read_buf(&mut self.held) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    /// Ends the own direction (FIN).
    pub async fn finish(&mut self) {
        // It fails only where the peer was faster.
        let _ = self.socket.shutdown().await;
    }

    /// Cuts the connection with a reset (RST).
    pub fn reset(self) {
        let socket = self.socket.into_std().expect("a socket of this runtime");
        let socket = Socket::from(socket);
        socket.set_linger(Some(std::time::Duration::ZERO)).expect("a socket option");
    }

    /// Reads the head of an HTTP answer; what comes behind it is kept.
    pub async fn read_head(&mut self) -> String {
        loop {
            if let Some(end) = self.held.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.held.drain(..end + 4).collect();
                return String::from_utf8(head).expect("a head is text");
            }
            assert!(self.fill().await, "closed within the head: {:?}", String::from_utf8_lossy(&self.held));
        }
    }

    /// Reads this many bytes, which must come.
    pub async fn read_exactly(&mut self, count: usize) -> Vec<u8> {
        while self.held.len() < count {
            assert!(self.fill().await, "closed after {} bytes of {count}", self.held.len());
        }
        self.held.drain(..count).collect()
    }

    /// Reads one unfragmented, unmasked frame: its first byte and its payload; none if the peer has closed.
    pub async fn read_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((first, payload, length)) = split_frame(&self.held) {
                let taken = (first, payload.to_vec());
                self.held.drain(..length);
                return Some(taken);
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Reads to the end: the code of the close frame, if there was one.
    pub async fn close_code(&mut self) -> Option<u16> {
        while let Some((first, payload)) = self.read_frame().await {
            if first == FIN | opcode::CLOSE {
                return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
            }
        }
        None
    }

    /// Reads until `wanted` has come or the peer closes.
    pub async fn read_until(&mut self, wanted: &[u8]) {
        while !self.held.windows(wanted.len()).any(|bytes| bytes == wanted) && self.fill().await {}
    }

    /// Reads whatever comes until the peer closes.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill().await {}
        std::mem::take(&mut self.held)
    }

    /// Reads more; false at the end.
    async fn fill(&mut self) -> bool {
        let what = format!("more bytes, or the end, after {:?}", self.written);
        let read = within(&what, self.socket.read_buf(&mut self.held)).await;
        // A reset is an end as well.
        read.is_ok_and(|read| read > 0)
    }
}

/// The first frame in `bytes`, if it is whole: its first byte, its payload, its length in all.
pub fn split_frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (start, length) = match bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize),
        length => (2, usize::from(*length)),
    };
    Some((bytes[0], bytes.get(start..start + length)?, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_split_once_it_is_whole() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = unmasked_frame(FIN | opcode::TEXT, &payload);
            assert_eq!(split_frame(&bytes[..bytes.len() - 1]), None);
            let whole = bytes.len();
            bytes.push(FIN);
            assert_eq!(split_frame(&bytes), Some((FIN | opcode::TEXT, &payload[..], whole)));
        }
    }

    #[test]
    fn a_masked_frame_is_the_one_of_the_rfc() {
        // RFC 6455, 5.7: a single-frame masked text message that holds "Hello".
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(frame(FIN | opcode::TEXT, b"Hello"), hello);
    }
}
