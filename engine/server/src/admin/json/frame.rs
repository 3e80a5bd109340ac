//! Messages in a body that holds several, as gRPC and Connect alike frame them: a byte of flags, four bytes of length, the
//! message.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The flags of the frame that ends a stream of Connect.
pub(super) const END: u8 = 0b10;

const HEAD_BYTES: usize = 5;

pub(super) fn frame(flags: u8, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("no message is as large as 4 GiB");
    let mut framed = BytesMut::with_capacity(HEAD_BYTES + message.len());
    framed.put_u8(flags);
    framed.put_u32(length);
    framed.put_slice(message);
    framed.freeze()
}

/// Takes the first frame, its flags and its message, if it is whole.
pub(super) fn take(received: &mut BytesMut) -> Option<(u8, BytesMut)> {
    let (flags, length) = (*received.first()?, received.get(1..HEAD_BYTES)?.get_u32());
    let end = HEAD_BYTES + usize::try_from(length).ok()?;
    if received.len() < end {
        return None;
    }
    let mut framed = received.split_to(end);
    framed.advance(HEAD_BYTES);
    Some((flags, framed))
}

#[cfg(test)]
mod tests;
