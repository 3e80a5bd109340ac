//! A ring is read out event by event, not byte by byte, where its outlet takes events whole.

use std::io;

use super::write::gap_bytes;
use super::{Entry, Ring, Sent};
use crate::shard::metrics::Untimed;
use crate::shard::outgoing::Received;
use crate::shard::outlet::Pipe;
use floodway_protocol::Encoding;
use floodway_protocol::messages::notice::Gap;

impl Ring {
    /// Hands what waits to a reader of events, as far as it takes it, and takes that out. Bytes are counted as a socket
    /// would have taken them.
    pub(crate) fn hand_over(
        &mut self,
        encoding: Encoding,
        untimed: &mut Untimed,
        reader: &dyn Pipe,
    ) -> io::Result<Sent> {
        let mut sent = Sent::default();
        while let Some(entry) = self.entries.front() {
            let (length, item) = match entry {
                Entry::Event(event) => (event.bytes().len(), event.received()),
                Entry::Notice(bytes, is_gap) | Entry::Ready(bytes, is_gap) => {
                    (bytes.len(), is_gap.then_some(Received::Gap(Gap::Upstream)))
                }
                &Entry::Gap(gap) => (gap_bytes(gap, encoding).len(), Some(Received::Gap(gap))),
                Entry::Span(_) | Entry::Snapshot(_) | Entry::Backlog(_) | Entry::PassedOver => break,
            };
            match item.map_or(Ok(()), |item| reader.send(item)) {
                Ok(()) => {}
                Err(error) if sent.bytes == 0 => return Err(error),
                Err(_) => break,
            }
            self.take_out(length, &[length], encoding, untimed, &mut sent);
        }
        Ok(sent)
    }
}
