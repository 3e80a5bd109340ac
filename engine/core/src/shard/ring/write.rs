//! What waits goes out, as far as the outlet takes it.

use super::{Entry, Ring};
use crate::shard::metrics::{GapCounts, Untimed};
use floodway_protocol::Encoding;
use floodway_protocol::messages::notice::Gap;

/// What a write has brought out of a ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::shard) struct Sent {
    pub(in crate::shard) bytes: u64,
    pub(in crate::shard) events: u64,
    pub(in crate::shard) gaps: GapCounts<u64>,
}

impl Ring {
    /// Calls `write` with what waits, as up to `N` slices, and takes out what it says it wrote; the events among
    /// it are added to `untimed`.
    pub(in crate::shard) fn write_out<E>(
        &mut self,
        encoding: Encoding,
        untimed: &mut Untimed,
        write: impl FnOnce(&[std::io::IoSlice<'_>]) -> Result<usize, E>,
    ) -> Result<Sent, E> {
        const N: usize = 64;
        let waiting = self.entries.iter().filter(|entry| !matches!(entry, Entry::PassedOver)).take(N);
        let mut gaps = Vec::new();
        let ready = waiting.enumerate().map_while(|(at, entry)| match entry {
            Entry::Event(event) => Some(event.bytes()),
            Entry::Notice(bytes, _) | Entry::Ready(bytes, _) => Some(&**bytes),
            Entry::Gap(gap) => {
                gaps.push((at, gap_bytes(*gap, encoding)));
                Some(&[][..])
            }
            Entry::Span(_) | Entry::Snapshot(_) | Entry::Backlog(_) | Entry::PassedOver => None,
        });
        let mut slices = [std::io::IoSlice::new(&[]); N];
        let mut count = 0;
        // Not a `for` loop: that would look at each entry which of the two parts of a queue it is in.
        ready.for_each(|bytes| {
            slices[count] = std::io::IoSlice::new(bytes);
            count += 1;
        });
        for (at, bytes) in &gaps {
            slices[*at] = std::io::IoSlice::new(bytes);
        }
        slices[0].advance(self.written);
        let lengths = slices.map(|slice| slice.len());
        let n = write(&slices[..count])?;
        let mut sent = Sent::default();
        self.take_out(n, &lengths[..count], encoding, untimed, &mut sent);
        Ok(sent)
    }

    /// Takes `n` bytes out, of entries of these lengths.
    pub(super) fn take_out(
        &mut self,
        mut n: usize,
        lengths: &[usize],
        encoding: Encoding,
        untimed: &mut Untimed,
        sent: &mut Sent,
    ) {
        sent.bytes += n as u64;
        let (mut whole, mut whole_bytes) = (0, 0);
        for &length in lengths {
            if n < length {
                break;
            }
            n -= length;
            self.forget_front();
            let was_begun = std::mem::take(&mut self.written) > 0;
            match self.entries.pop_front().expect("it was written") {
                Entry::Event(event) => {
                    sent.events += 1;
                    if !was_begun {
                        whole += 1;
                        whole_bytes += event.outgoing.pinned_bytes();
                    }
                    if let Some(event) = event.outgoing.event() {
                        untimed.add_one(event.received());
                    }
                }
                Entry::Notice(bytes, _) => self.notice_bytes -= bytes.len(),
                Entry::Ready(_, is_gap) => sent.gaps.upstream += u64::from(is_gap),
                Entry::Gap(gap) => sent.gaps.count(gap),
                Entry::Span(_) | Entry::Snapshot(_) | Entry::Backlog(_) | Entry::PassedOver => {
                    unreachable!("it has no bytes")
                }
            }
            if self.conflation.is_some() {
                self.conflate_on();
            }
        }
        self.held -= whole;
        self.held_bytes -= whole_bytes;
        if n > 0 {
            self.begin_front(encoding, sent);
            self.written += n;
        }
    }

    /// The first entry goes partly onto the wire: from here on it can neither be dropped nor change.
    fn begin_front(&mut self, encoding: Encoding, sent: &mut Sent) {
        self.forget_front();
        if self.written == 0
            && let Some(Entry::Event(event)) = self.entries.front()
        {
            self.held -= 1;
            self.held_bytes -= event.outgoing.pinned_bytes();
        }
        if let Some(entry) = self.entries.front_mut()
            && let &mut Entry::Gap(gap) = entry
        {
            let bytes = gap_bytes(gap, encoding);
            self.notice_bytes += bytes.len();
            *entry = Entry::Notice(bytes.into(), false);
            sent.gaps.count(gap);
        }
    }

    /// If the first entry is an event that waits whole: a newer one of its device does not take its place any more.
    #[inline]
    fn forget_front(&mut self) {
        if self.written == 0
            && let Some(conflation) = &mut self.conflation
        {
            conflation.leave_front(&self.entries);
        }
    }
}

pub(super) fn gap_bytes(gap: Gap, encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::new();
    gap.encode(encoding, &mut out);
    out
}
