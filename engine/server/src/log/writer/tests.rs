//! Tests of `log::writer`.

use std::io::Read;
use std::os::fd::AsFd;

use super::*;

const BYTES: usize = 64 * 1024;

fn lost(lost: u64) -> Vec<u8> {
    format!("lost {lost}\n").into_bytes()
}

#[test]
fn a_reader_that_stops_costs_lines_which_are_reported_when_it_reads_again() {
    let (mut reader, writer) = io::pipe().unwrap();
    let log = Writer::start_with("test", writer.as_fd(), BYTES, Box::new(lost)).unwrap();
    drop(writer);
    // More than the pipe and the queue hold together.
    for _ in 0..3000 {
        log.push([b"x".repeat(99), b"\n".to_vec()].concat());
    }
    let dropped = log.dropped();
    assert!(dropped > 0);
    log.finish(Duration::from_millis(1));
    let (mut text, mut part) = (String::new(), [0; 4096]);
    while !text.contains("lost") {
        let read = reader.read(&mut part).unwrap();
        text.push_str(str::from_utf8(&part[..read]).unwrap());
    }
    assert!(text.ends_with(&format!("lost {dropped}\n")), "{dropped}");
    let kept = text.lines().filter(|line| line.len() == 99).count() as u64;
    assert_eq!((kept + dropped, log.dropped()), (3000, dropped));
}

#[test]
fn a_reader_that_is_gone_costs_every_line_and_no_time() {
    let (reader, writer) = io::pipe().unwrap();
    let log = Writer::start("test", writer.as_fd(), BYTES).unwrap();
    drop(reader);
    (0..10).for_each(|_| log.push(b"a line\n".to_vec()));
    log.finish(Duration::from_secs(20));
    assert_eq!(log.dropped(), 10);
}

#[test]
fn what_can_be_written_is_written_before_the_end() {
    let (mut reader, writer) = io::pipe().unwrap();
    let log = Writer::start("test", writer.as_fd(), BYTES).unwrap();
    (0..100).for_each(|n| log.push(format!("{n:04}\n").into_bytes()));
    log.finish(Duration::from_secs(20));
    let mut all = [0; 500];
    reader.read_exact(&mut all).unwrap();
    assert!(all.ends_with(b"0099\n"));
    log.push(vec![b'x'; BYTES + 1]);
    assert_eq!(log.dropped(), 1, "no queue has room for it");
}
