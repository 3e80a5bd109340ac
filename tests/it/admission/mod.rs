//! Who may connect, for how long, and how many at once.

mod checks;
mod cookies;
mod jwks;
mod keys;
mod lifetime;
mod order;
mod places;
mod tokens;

use floodway_tests::Gateway;

const INVALID: (u16, &str, u16) = (4001, "Invalid or expired token", 401);
const NO_TENANT: (u16, &str, u16) = (4003, "No tenant_id in token", 403);
const NO_ROLE: (u16, &str, u16) = (4003, "Unauthorized role", 403);

/// Refused on both transports, each in its own way; an empty `reason` is not compared.
async fn refused(gateway: &Gateway, what: &str, token: Option<&str>, (code, reason, status): (u16, &str, u16)) {
    let closed = gateway.ws_refused(token, "").await;
    assert_eq!(closed.0, code, "{what}: {closed:?}");
    assert!(reason.is_empty() || closed.1 == reason, "{what}: {closed:?}");
    let (answered, body) = gateway.sse_refused(token, "").await;
    assert_eq!(answered, status, "{what}: {body}");
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{what}: {body}");
}
