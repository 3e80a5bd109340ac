//! Tests of `admin::token`.

use http::header::AUTHORIZATION;

use super::*;

fn tokens(token: Option<&str>, read_token: Option<&str>) -> Tokens {
    Tokens::new(&Config {
        token: token.map(str::to_owned),
        read_token: read_token.map(str::to_owned),
        ..Config::default()
    })
}

fn headers(authorization: &'static str) -> HeaderMap {
    [(AUTHORIZATION, authorization.parse().expect("a value"))].into_iter().collect()
}

#[test]
fn only_the_tokens_themselves_open() {
    let tokens = tokens(Some("s3cret"), Some("looker"));
    for good in ["Bearer s3cret", "bearer s3cret", "Bearer  s3cret "] {
        assert_eq!(tokens.access(&headers(good)), Some(Access::Full), "{good:?}");
    }
    assert_eq!(tokens.access(&headers("Bearer looker")), Some(Access::Read));
    for bad in ["", "s3cret", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret2", "Bearer S3cret", "Basic s3cret"] {
        assert_eq!(tokens.access(&headers(bad)), None, "{bad:?}");
    }
    assert_eq!(tokens.access(&HeaderMap::new()), None);
}

#[test]
fn without_a_token_everybody_may() {
    let open = tokens(None, None);
    assert_eq!(open.access(&HeaderMap::new()), Some(Access::Full));
    let closed = tokens(Some("s3cret"), None);
    assert_eq!(closed.access(&headers("Bearer ")), None);
}

#[test]
fn what_changes_something_needs_the_full_token() {
    let tokens = tokens(None, None);
    let needed = |call: &str| tokens.needed(&format!("/floodway.admin.v1.Admin/{call}"));
    for reading in ["GetStatus", "ListConnections", "Tail", "WatchEvents"] {
        assert_eq!(needed(reading), Access::Read, "{reading}");
    }
    for changing in ["Disconnect", "SetLimits", "PutGroup", "Drain", "NoSuchCall"] {
        assert_eq!(needed(changing), Access::Full, "{changing}");
    }
    assert_eq!(tokens.needed("/grpc.health.v1.Health/Check"), Access::Read);
}
