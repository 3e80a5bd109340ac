//! A stream's outlet through TLS.

use std::io::{self, IoSlice, Read, Write};

use mio::net::TcpStream;

use crate::tls::ServerConnection;
use floodway_core::shard::Pipe;

/// Plaintext that is taken at once. It also bounds the bytes that wait encrypted for one subscriber.
const PLAINTEXT_BYTES: usize = 16 * 1024;

/// A subscriber's connection with TLS, after it was taken over from the runtime.
#[derive(Debug)]
pub(super) struct TlsPipe {
    socket: TcpStream,
    tls: ServerConnection,
}

impl TlsPipe {
    pub(super) fn new(socket: TcpStream, mut tls: ServerConnection) -> Self {
        tls.set_buffer_limit(Some(4 * PLAINTEXT_BYTES));
        Self { socket, tls }
    }

    /// Flushes what the socket takes now. False if it did not take everything; the socket reports when it takes more.
    fn flush_now(&mut self) -> io::Result<bool> {
        match self.flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            flushed => flushed.map(|()| true),
        }
    }
}

impl Pipe for TlsPipe {
    fn socket(&mut self) -> Option<&mut TcpStream> {
        Some(&mut self.socket)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // What was taken before goes first, so that never more than one record waits encrypted.
        self.flush()?;
        let (mut taken, mut unflushed) = (0, 0);
        for slice in slices {
            let mut rest = &slice[..];
            while !rest.is_empty() {
                let n = self.tls.writer().write(&rest[..rest.len().min(PLAINTEXT_BYTES)])?;
                rest = &rest[n..];
                taken += n;
                unflushed += n;
                if unflushed >= PLAINTEXT_BYTES {
                    unflushed = 0;
                    if !self.flush_now()? {
                        return Ok(taken);
                    }
                }
            }
        }
        self.flush_now()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        Ok(())
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A peer that closes without close_notify (RFC 8446, 6.1) is gone all the same.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            if self.tls.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            self.tls
                .process_new_packets()
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.tls.send_close_notify();
        if self.flush_now()? {
            self.socket.shutdown(std::net::Shutdown::Write)?;
        }
        Ok(())
    }
}
