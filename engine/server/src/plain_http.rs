//! Plain HTTP as both listeners speak it: the token of a request, and answers that are not streams. The body of every error
//! is JSON: `{"detail": …}`.

use ::http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, IntoHeaderName};
use ::http::{HeaderMap, HeaderValue, Response, StatusCode};

/// The token in the `Authorization` header (RFC 6750, 2.1), unless it is empty. The scheme's case does not matter (RFC 9110,
/// 11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let given = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = given.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

/// Sets a field of the head.
pub(crate) fn set<B>(response: &mut Response<B>, name: impl IntoHeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// An answer that nobody may keep.
pub(crate) fn whole<B: From<String>>(status: StatusCode, content_type: &'static str, text: String) -> Response<B> {
    let mut response = Response::new(B::from(text));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, content_type);
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

pub(crate) fn json<B: From<String>>(status: StatusCode, text: String) -> Response<B> {
    whole(status, "application/json", text)
}

pub(crate) fn error<B: From<String>>(status: StatusCode, detail: &str) -> Response<B> {
    json(status, self::detail(detail))
}

/// The body of every error.
pub(crate) fn detail(text: &str) -> String {
    serde_json::json!({ "detail": text }).to_string()
}

pub(crate) fn method_not_allowed<B: From<String>>(allowed: &'static str) -> Response<B> {
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    set(&mut response, ALLOW, allowed);
    response
}
