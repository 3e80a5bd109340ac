//! The handshake of a WebSocket, from the client's side (RFC 6455, 4.1).

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::client::{Response, generate_key};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;

use super::{READ_BYTES, WebSocket};
use crate::mqtt::link::error::LinkError;
use crate::mqtt::link::transport::fault::TransportFault;
use crate::mqtt::link::transport::stream::Stream;

/// The subprotocol of MQTT (MQTT 5.0, 6).
const SUBPROTOCOL: &str = "mqtt";

/// Bytes of the answer's head, at most.
const HEAD_BYTES: usize = 16 * 1024;

/// The first byte of an alert of TLS (RFC 8446, 5.1).
const ALERT: u8 = 21;

/// Makes a WebSocket at `path` of `stream`, which leads to the server of this `authority`.
pub(in crate::mqtt::link::transport) async fn upgrade(
    mut stream: Box<dyn Stream>,
    authority: &str,
    path: &str,
) -> Result<WebSocket, LinkError> {
    let key = generate_key();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    );
    // What it says before it closes may tell more than that it has closed.
    let _ = stream.write_all(request.as_bytes()).await;
    let _ = stream.flush().await;
    let mut read = BytesMut::new();
    loop {
        if let Some(response) = head(&mut read)? {
            accepted(&response, &key)?;
            return Ok(WebSocket::new(stream, read));
        }
        read.reserve(READ_BYTES);
        match stream.read_buf(&mut (&mut read).limit(READ_BYTES)).await {
            Ok(0) => return Err(TransportFault::NoUpgrade.into()),
            Ok(_) => {}
            Err(error) => match LinkError::broken(error) {
                LinkError::Broken(_) if read.is_empty() => return Err(TransportFault::NoUpgrade.into()),
                error => return Err(error),
            },
        }
    }
}

/// The head at the beginning of what was `read`, from which it is cut, once it is there.
fn head(read: &mut BytesMut) -> Result<Option<Response>, TransportFault> {
    match Response::try_parse(read) {
        Ok(Some((bytes, response))) => {
            read.advance(bytes);
            Ok(Some(response))
        }
        Ok(None) if read.len() < HEAD_BYTES => Ok(None),
        Ok(None) => Err(TransportFault::NoWebSocket(format!("its answer has no end within {HEAD_BYTES} bytes"))),
        Err(_) if read[0] == ALERT => Err(TransportFault::NoWebSocket("it speaks TLS, as with wss://".to_owned())),
        Err(error) => Err(TransportFault::NoWebSocket(error.to_string())),
    }
}

/// Whether the server has agreed to the WebSocket, and to MQTT in it.
fn accepted(response: &Response, key: &str) -> Result<(), TransportFault> {
    let status = response.status().as_u16();
    if status != 101 {
        return Err(TransportFault::Refused(status));
    }
    let is = |name: &str, wanted: &str| {
        let mut values = response.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(wanted)))
    };
    if !is("upgrade", "websocket") || !is("connection", "upgrade") {
        return Err(TransportFault::NoWebSocket("it switches to another protocol".to_owned()));
    }
    let accept = response.headers().get("sec-websocket-accept").map(|value| value.as_bytes());
    if accept != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(TransportFault::NoWebSocket("its answer is to another request".to_owned()));
    }
    if is("sec-websocket-protocol", SUBPROTOCOL) {
        Ok(())
    } else {
        Err(TransportFault::NoSubprotocol)
    }
}
