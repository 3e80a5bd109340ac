//! Tests of `gateway::limits`.

use super::*;

#[test]
fn the_limit_leaves_room_for_the_gateway_itself() {
    let files = raise_open_files().unwrap();
    let mut pending = usize::MAX;
    let derived = derive(0, &mut pending).unwrap();
    assert!(u64::from(derived) + OWN + pending as u64 <= files);
    assert!(pending as u64 <= files / 8);
    assert_eq!(derive(7, &mut 1024).unwrap(), 7);
}
