//! Tests of `admin::json::frame`.

use super::*;

#[test]
fn what_is_framed_is_taken_whole_or_not_at_all() {
    let framed = [frame(0, b"first"), frame(END, b"")].concat();
    for cut in 0..framed.len() {
        let mut received = BytesMut::from(&framed[..cut]);
        let whole = std::iter::from_fn(|| take(&mut received)).count();
        assert_eq!(whole, usize::from(cut >= 10), "{cut} bytes of {}", framed.len());
    }
    let mut received = BytesMut::from(&framed[..]);
    assert_eq!(take(&mut received), Some((0, BytesMut::from("first"))));
    assert_eq!(take(&mut received), Some((END, BytesMut::new())));
    assert_eq!(take(&mut received), None);
}
