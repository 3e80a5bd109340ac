//! Frames as a server sends them: final, not masked (RFC 6455, 5.2).

/// Opcode of a text frame (RFC 6455, 11.8).
pub const TEXT: u8 = 0x1;
/// Opcode of a close frame.
pub(crate) const CLOSE: u8 = 0x8;
/// Opcode of a pong frame.
pub(crate) const PONG: u8 = 0xA;

/// The longest header that [`header`] gives, in bytes.
pub const HEADER_BYTES_MAX: usize = 10;

const FIN: u8 = 0x80;

/// Appends one frame. `opcode` is one of RFC 6455, 11.8, so at most 15; a control frame's payload is at most 125 bytes
/// (5.5).
pub fn write(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    let (header, length) = header(opcode, payload.len());
    out.reserve(length + payload.len());
    out.extend_from_slice(&header[..length]);
    out.extend_from_slice(payload);
}

/// The header of such a frame, and how many of its bytes count. The length has its shortest form (RFC 6455, 5.2).
#[inline]
pub fn header(opcode: u8, payload_bytes: usize) -> ([u8; HEADER_BYTES_MAX], usize) {
    debug_assert!(opcode <= 0xF, "an opcode has four bits");
    let mut header = [0; HEADER_BYTES_MAX];
    header[0] = FIN | opcode;
    if let Ok(short) = u8::try_from(payload_bytes)
        && short < 126
    {
        header[1] = short;
        (header, 2)
    } else if let Ok(medium) = u16::try_from(payload_bytes) {
        header[1] = 126;
        header[2..4].copy_from_slice(&medium.to_be_bytes());
        (header, 4)
    } else {
        header[1] = 127;
        header[2..10].copy_from_slice(&(payload_bytes as u64).to_be_bytes());
        (header, 10)
    }
}

#[cfg(test)]
mod tests;
