//! The token in a request's `Authorization` header, on either listener.

use ::http::HeaderMap;
use ::http::header::AUTHORIZATION;

/// The token (RFC 6750, 2.1), unless it is empty. The scheme's case does not matter (RFC 9110, 11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let given = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = given.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}
