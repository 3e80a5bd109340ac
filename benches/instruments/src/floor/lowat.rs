//! `TCP_NOTSENT_LOWAT` (tcp(7)), the one socket option of the engine's that rustix does not know.
#![allow(unsafe_code, reason = "rustix has no safe call for this option")]

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd};

const IPPROTO_TCP: c_int = 6;
const TCP_NOTSENT_LOWAT: c_int = 25;

/// Bytes of the option's value, a C `int`.
const VALUE_BYTES: u32 = size_of::<u32>() as u32;

unsafe extern "C" {
    /// setsockopt(2). `socklen_t` is 32 bits wide on Linux.
    fn setsockopt(socket: c_int, level: c_int, name: c_int, value: *const c_void, bytes: u32) -> c_int;
    /// getsockopt(2).
    #[cfg(test)]
    fn getsockopt(socket: c_int, level: c_int, name: c_int, value: *mut c_void, bytes: *mut u32) -> c_int;
}

/// Lets the kernel hold this many unsent bytes for the socket before it counts as full.
///
/// # Errors
/// If `socket` is no TCP socket.
pub(crate) fn set_tcp_notsent_lowat(socket: impl AsFd, bytes: u32) -> io::Result<()> {
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: `socket` is borrowed, so it stays open during the call. The kernel reads `VALUE_BYTES` bytes at the
    // address of `bytes`, which has that size, lives until the call is over, and is not kept by the kernel.
    let set = unsafe { setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (&raw const bytes).cast(), VALUE_BYTES) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What the option is set to.
#[cfg(test)]
pub(crate) fn tcp_notsent_lowat(socket: impl AsFd) -> io::Result<u32> {
    let socket = socket.as_fd().as_raw_fd();
    let (mut value, mut bytes) = (0_u32, VALUE_BYTES);
    // SAFETY: as above; the kernel writes at most `bytes` bytes, the size of `value`, and how many they were.
    let got = unsafe { getsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (&raw mut value).cast(), &raw mut bytes) };
    if got == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}
