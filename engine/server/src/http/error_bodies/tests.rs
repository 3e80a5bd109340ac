//! Tests of `http::error_bodies`.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

#[tokio::test]
async fn an_error_without_a_body_gets_one_however_little_is_taken_at_once() {
    let reported = Rc::new(RefCell::new(Vec::new()));
    let report = Rc::clone(&reported);
    let (ours, mut theirs) = tokio::io::duplex(7);
    let mut io = ErrorBodies::new(ours, move |status| report.borrow_mut().push(status));
    let send = async {
        io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        io.write_all(b"HTTP/1.1 431 X\r\nContent-Length: 0\r\ndate: x\r\n\r\n").await.unwrap();
        io.shutdown().await.unwrap();
    };
    let mut text = String::new();
    let (_, read) = tokio::join!(send, theirs.read_to_string(&mut text));
    read.unwrap();
    let (plain, error) = text.split_once("\r\n\r\n").unwrap();
    assert_eq!(plain, "HTTP/1.1 200 OK\r\ncontent-length: 0");
    assert!(error.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{error}");
    assert!(error.ends_with("\r\n\r\n{\"detail\":\"Request head is too large\"}"), "{error}");
    assert_eq!(*reported.borrow(), [StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE]);
}
