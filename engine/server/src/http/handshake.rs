//! The opening handshake, the server's side (RFC 6455, 4.2), and the token that a browser hides in it.
//!
//! Invariant: a response is made only for a GET over HTTP/1.1 that asks for `websocket` in version 13 with a key of 16
//! bytes. fastwebsockets makes the response, but checks little of this. The Origin is checked elsewhere (`origin`).

use fastwebsockets::upgrade;
use http::header::{HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};

/// The subprotocol that the gateway speaks.
pub(super) const SUBPROTOCOL: &str = "floodway.v1";

/// What comes before the token, in the list of subprotocols that a browser offers.
const BEARER: &str = "bearer.";

/// Why a request is not answered with 101. Its text is the `detail` of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HandshakeError {
    /// Not a GET.
    #[error("Method not allowed")]
    Method,
    /// Not a request to upgrade to a WebSocket over HTTP/1.1.
    #[error("WebSocket upgrade required")]
    NotUpgrade,
    /// `Sec-WebSocket-Version` is not 13.
    #[error("Unsupported WebSocket version, supported is 13")]
    Version,
    /// `Sec-WebSocket-Key` is not the base64 of 16 bytes, or there are several.
    #[error("Invalid Sec-WebSocket-Key")]
    Key,
}

impl HandshakeError {
    /// The status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotUpgrade | Self::Version => StatusCode::UPGRADE_REQUIRED,
            Self::Key => StatusCode::BAD_REQUEST,
        }
    }

    /// Headers that name what the client should have sent (RFC 9110, 15.5.6 and 15.5.22; RFC 6455, 4.4). Over
    /// HTTP/2 the first two of a 426 must not be sent (RFC 9113, 8.2.2).
    pub(super) fn headers(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Method => &[("allow", "GET")],
            Self::NotUpgrade | Self::Version => {
                &[("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-version", "13")]
            }
            Self::Key => &[],
        }
    }
}

/// Checks the client's handshake and makes the response, with [`SUBPROTOCOL`] if the client offered it. Only the head of
/// the request is read; the connection stays with hyper.
///
/// # Errors
/// What the request lacks. The connection may be used for another request.
pub(super) fn accept<B>(request: &mut Request<B>) -> Result<Response<()>, HandshakeError> {
    check(request)?;
    let offered = subprotocols(request.headers()).any(|protocol| protocol == SUBPROTOCOL);
    // Both of its errors were ruled out: the key is there, and the version is 13.
    let (response, _) = upgrade::upgrade(request).map_err(|_| HandshakeError::Key)?;
    let mut response = response.map(|_| ());
    if offered {
        let protocol = HeaderValue::from_static(SUBPROTOCOL);
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(response)
}

/// The token in the subprotocols `floodway.v1, bearer.JWT`: browsers can set no other header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    subprotocols(headers)
        .find_map(|protocol| protocol.strip_prefix(BEARER))
        .filter(|token| !token.is_empty())
}

/// Whether [`accept`] would answer the request with 101.
pub(super) fn is_one<B>(request: &Request<B>) -> bool {
    check(request).is_ok()
}

fn check<B>(request: &Request<B>) -> Result<(), HandshakeError> {
    if request.method() != Method::GET {
        return Err(HandshakeError::Method);
    }
    // An HTTP/1.0 client's Upgrade is to be ignored (RFC 9110, 7.8), and HTTP/2 has none.
    if request.version() != Version::HTTP_11 || !upgrade::is_upgrade_request(request) {
        return Err(HandshakeError::NotUpgrade);
    }
    if only(request.headers(), SEC_WEBSOCKET_VERSION) != Some(b"13") {
        return Err(HandshakeError::Version);
    }
    match only(request.headers(), SEC_WEBSOCKET_KEY) {
        Some(key) if is_16_bytes_in_base64(key) => Ok(()),
        _ => Err(HandshakeError::Key),
    }
}

/// The value of a header that must not appear twice (RFC 6455, 11.3).
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

/// 16 bytes are 22 characters and two of padding. The four bits that are left over may be anything (RFC 4648, 3.5).
fn is_16_bytes_in_base64(key: &[u8]) -> bool {
    let is_base64 = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    matches!(key.split_last_chunk(), Some((digits, b"==")) if digits.len() == 22 && digits.iter().all(is_base64))
}

/// What the client offers, over all its `Sec-WebSocket-Protocol` headers, in order. Case matters (RFC 6455, 4.1).
fn subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|protocol| protocol.trim_matches([' ', '\t']))
}

#[cfg(test)]
mod tests;
