//! Tests of `shard::registry::subscriber`.

use std::mem::{offset_of, size_of};

use super::*;

#[test]
#[cfg(target_pointer_width = "64")]
fn what_a_delivery_touches_stands_together() {
    // An outlet has 16 bytes, and 24 where mio checks what it is used for.
    let outlet = size_of::<Outlet>();
    assert_eq!(offset_of!(Subscriber, phase), outlet + 40);
    assert!(size_of::<Subscriber>() <= outlet + 216);
}
