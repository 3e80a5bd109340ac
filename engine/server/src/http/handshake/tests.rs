//! Each row of the handshake that a client can get wrong, and the example of RFC 6455, 1.3.

use super::super::respond;
use super::*;

/// The handshake of RFC 6455, 1.3.
fn request() -> Request<()> {
    Request::get("http://server.example.com/chat")
        .header("Host", "server.example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13")
        .body(())
        .expect("a request")
}

fn with(name: &'static str, value: &'static str) -> Request<()> {
    let mut request = request();
    let value = HeaderValue::from_static(value);
    request.headers_mut().insert(name, value);
    request
}

fn without(name: &str) -> Request<()> {
    let mut request = request();
    request.headers_mut().remove(name).expect("was there");
    request
}

fn twice(name: &'static str, value: &'static str) -> Request<()> {
    let mut request = request();
    let value = HeaderValue::from_static(value);
    request.headers_mut().append(name, value);
    request
}

#[track_caller]
fn refused(mut request: Request<()>, error: HandshakeError) {
    assert_eq!(accept(&mut request).map(|_| ()), Err(error));
}

#[track_caller]
fn accepted(mut request: Request<()>) -> Response<()> {
    accept(&mut request).expect("a good handshake")
}

#[test]
fn the_example_of_the_rfc_is_accepted() {
    let response = accepted(request());
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert!(!response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL));
}

#[test]
fn tokens_are_found_in_any_case_and_among_others() {
    accepted(with("connection", "keep-alive, UPGRADE"));
    accepted(with("upgrade", "h2c, WebSocket"));
    let mut request = with("connection", "keep-alive");
    let value = HeaderValue::from_static("upgrade");
    request.headers_mut().append("connection", value);
    accepted(request);
}

#[test]
fn what_is_no_upgrade_is_told_to_upgrade() {
    refused(without("upgrade"), HandshakeError::NotUpgrade);
    refused(without("connection"), HandshakeError::NotUpgrade);
    refused(with("upgrade", "h2c"), HandshakeError::NotUpgrade);
    refused(with("upgrade", "websocket2"), HandshakeError::NotUpgrade);
    refused(with("connection", "close"), HandshakeError::NotUpgrade);
    for version in [Version::HTTP_10, Version::HTTP_2] {
        let mut request = request();
        *request.version_mut() = version;
        refused(request, HandshakeError::NotUpgrade);
    }
    let headers = HandshakeError::NotUpgrade.headers();
    assert_eq!(headers, [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-version", "13")]);
    assert_eq!(HandshakeError::NotUpgrade.status(), 426);
}

#[test]
fn only_get_will_do() {
    for method in [Method::POST, Method::HEAD, Method::CONNECT] {
        let mut request = request();
        *request.method_mut() = method;
        refused(request, HandshakeError::Method);
    }
    assert_eq!(HandshakeError::Method.status(), 405);
    assert_eq!(HandshakeError::Method.headers(), [("allow", "GET")]);
}

#[test]
fn only_version_13_will_do() {
    refused(without("sec-websocket-version"), HandshakeError::Version);
    for version in ["8", "0", "130", "013", "13, 8"] {
        refused(with("sec-websocket-version", version), HandshakeError::Version);
    }
    refused(twice("sec-websocket-version", "8"), HandshakeError::Version);
    assert_eq!(HandshakeError::Version.status(), 426);
    let headers = HandshakeError::Version.headers();
    assert!(headers.contains(&("sec-websocket-version", "13")));
}

#[test]
fn a_key_is_16_bytes_in_base64() {
    refused(without("sec-websocket-key"), HandshakeError::Key);
    let bad = [
        "",
        "==",
        "SGVsbG8sIHdvcmxkIQ==",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQA=",
        "dGhlIHNhbXBsZSBub25jZQAA",
        "dGhlIHNhbXBsZSBub25jZQ====",
        "dGhlIHNhbXBsZSBub25j_Q==",
        "dGhlIHNhbXBsZSBub25 ZQ==",
        "dGhlIHNhbXBsZSBub25=ZQ==",
    ];
    for key in bad {
        refused(with("sec-websocket-key", key), HandshakeError::Key);
    }
    refused(twice("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="), HandshakeError::Key);
    accepted(with("sec-websocket-key", "AAAAAAAAAAAAAA+/zzzzzw=="));
    assert_eq!(HandshakeError::Key.status(), 400);
    assert_eq!(HandshakeError::Key.headers(), []);
}

#[test]
fn the_subprotocol_is_answered_only_if_offered() {
    for offer in ["floodway.v1", "floodway.v1, bearer.a.b.c", "mqtt ,\tfloodway.v1 "] {
        let response = accepted(with("sec-websocket-protocol", offer));
        assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], "floodway.v1");
    }
    for offer in ["floodway.v2", "FLOODWAY.V1", "bearer.a.b.c", "floodway.v1.1"] {
        let response = accepted(with("sec-websocket-protocol", offer));
        assert!(!response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL), "{offer}");
    }
}

#[test]
fn the_token_is_found_among_the_subprotocols() {
    let token = |offer| bearer(with("sec-websocket-protocol", offer).headers()).map(str::to_owned);
    assert_eq!(token("floodway.v1, bearer.a.b.c").as_deref(), Some("a.b.c"));
    assert_eq!(token("bearer.a.b-_c,floodway.v1").as_deref(), Some("a.b-_c"));
    assert_eq!(token("floodway.v1"), None);
    assert_eq!(token("floodway.v1, bearer."), None);
    assert_eq!(token("Bearer.a.b.c"), None);
    assert_eq!(bearer(request().headers()), None);

    let mut split = with("sec-websocket-protocol", "floodway.v1");
    let value = HeaderValue::from_static("bearer.x.y.z");
    split.headers_mut().append("sec-websocket-protocol", value);
    assert_eq!(bearer(split.headers()), Some("x.y.z"));
}

#[test]
fn the_head_is_what_goes_on_the_wire() {
    let response = accepted(with("sec-websocket-protocol", "floodway.v1, bearer.a.b.c"));
    assert_eq!(
        String::from_utf8(respond::head(&response)).expect("text"),
        "HTTP/1.1 101 Switching Protocols\r\n\
         connection: upgrade\r\n\
         upgrade: websocket\r\n\
         sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         sec-websocket-protocol: floodway.v1\r\n\
         \r\n"
    );
}
