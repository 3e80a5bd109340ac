//! From when to when a token is valid, and for whom.

use super::*;

/// Claims with these times in place of the good ones.
fn times(times: &str) -> String {
    format!(r#"{{{times}"tenant_id":"T","realm_access":{{"roles":["customer"]}}}}"#)
}

#[test]
fn an_expiry_is_required_and_must_be_a_time() {
    for exp in ["", r#""exp":null,"#, r#""exp":"1900000000","#, r#""exp":[1900000000],"#, r#""exp":-1,"#] {
        let label = if exp.contains('-') { "expired" } else { "claims" };
        assert_eq!(failed(check(&by_secret(), &times(exp))), label, "{exp}");
    }
    assert!(check(&by_secret(), &times(r#""exp":1900000000.5,"#)).is_ok());
}

#[test]
fn a_token_is_valid_until_just_before_its_expiry() {
    let claims = times(&format!(r#""exp":{NOW},"#));
    let at = |now| check_at(&by_secret(), &claims, now).is_ok();
    assert!(at(Duration::from_secs(NOW) - Duration::from_millis(1)));
    assert!(!at(Duration::from_secs(NOW)));
    assert!(!at(Duration::from_secs(NOW + 59)), "the library's own leeway must not apply");
}

#[test]
fn a_token_is_valid_from_its_not_before_on() {
    let good = NOW + 60;
    let claims = times(&format!(r#""exp":{good},"nbf":{NOW},"#));
    let at = |now| check_at(&by_secret(), &claims, now).is_ok();
    assert!(!at(Duration::from_secs(NOW) - Duration::from_millis(1)));
    assert!(at(Duration::from_secs(NOW)));
    let odd = times(&format!(r#""exp":{good},"nbf":"yesterday","#));
    assert_eq!(failed(check(&by_secret(), &odd)), "claims");
    let early = check_at(&by_secret(), &claims, Duration::from_secs(NOW - 1));
    assert_eq!(failed(early), "not_yet_valid");
}

#[test]
fn leeway_stretches_both_ends() {
    let config = Config { leeway: Duration::from_millis(1500), ..by_secret() };
    let claims = times(&format!(r#""exp":{},"nbf":{NOW},"#, NOW + 10));
    let at = |millis: u64| check_at(&config, &claims, Duration::from_millis(millis)).is_ok();
    let (start, end) = (NOW * 1000 - 1500, (NOW + 10) * 1000 + 1500);
    assert!(!at(start - 1) && at(start));
    assert!(at(end - 1) && !at(end));
}

#[test]
fn an_expiry_beyond_what_can_be_written_is_cut() {
    for exp in ["18446744073709551615", "1e300", "253402300800"] {
        let identity = check(&by_secret(), &times(&format!(r#""exp":{exp},"#))).expect(exp);
        assert_eq!(identity.expires_at, 253_402_300_799);
    }
}

#[test]
fn an_issuer_is_required_where_one_is_configured_and_ignored_otherwise() {
    let config = Config { issuer: Some("https://id.example".to_owned()), ..by_secret() };
    let judged = |iss: &str| check(&config, &claims_with(iss));
    assert!(judged(r#""iss":"https://id.example","#).is_ok());
    for iss in ["", r#""iss":"https://id.example/","#, r#""iss":["https://id.example"],"#, r#""iss":7,"#] {
        assert_eq!(failed(judged(iss)), "issuer", "{iss}");
    }
    assert!(check(&by_secret(), &claims_with(r#""iss":"anyone","#)).is_ok());
}

#[test]
fn an_audience_is_required_where_one_is_configured_and_ignored_otherwise() {
    let config = Config { audience: Some("floodway".to_owned()), ..by_secret() };
    let judged = |aud: &str| check(&config, &claims_with(aud));
    assert!(judged(r#""aud":"floodway","#).is_ok());
    assert!(judged(r#""aud":["account","floodway"],"#).is_ok());
    for aud in ["", r#""aud":"account","#, r#""aud":[],"#, r#""aud":["account",7],"#, r#""aud":{"floodway":1},"#] {
        assert_eq!(failed(judged(aud)), "audience", "{aud}");
    }
    assert!(check(&by_secret(), &claims_with(r#""aud":["account"],"#)).is_ok());
}
