//! A ring is read out event by event, not byte by byte, where its outlet takes events whole.

use std::io;

use super::{Entry, Ring, Sent, gap_bytes};
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
                Entry::Notice(bytes, is_gap) => (bytes.len(), is_gap.then_some(Received::Gap(Gap::Upstream))),
                Entry::Ready(bytes, gap) => (bytes.len(), gap.reported().map(Received::Gap)),
                Entry::Span(_) | Entry::Snapshot(_) => break,
                &Entry::Gap(dropped) => {
                    let length = gap_bytes(entry, encoding).map_or(0, |bytes| bytes.len());
                    (length, Some(Received::Gap(Gap::Overflow(dropped))))
                }
            };
            match item.map_or(Ok(()), |item| reader.send(item)) {
                Ok(()) => {}
                Err(error) if sent.bytes == 0 => return Err(error),
                Err(_) => break,
            }
            let one = self.take_out(length, &[length], encoding, untimed);
            sent.bytes += one.bytes;
            sent.events += one.events;
            sent.gaps += one.gaps;
            sent.replay_gaps += one.replay_gaps;
            sent.upstream_gaps += one.upstream_gaps;
        }
        Ok(sent)
    }
}
