//! Which tenant a token names, and with which roles.

use super::*;

/// The tenant of a token with this JSON as `organization` and as `tenant_id`.
fn tenant(organization: &str, tenant_id: &str) -> Result<String, Refusal> {
    let exp = NOW + 60;
    let claims = format!(
        r#"{{"exp":{exp},"organization":{organization},"tenant_id":{tenant_id},"realm_access":{{"roles":["customer"]}}}}"#
    );
    check(&by_secret(), &claims).map(|identity| identity.tenant.to_string())
}

#[test]
fn the_first_organization_in_the_document_is_the_tenant() {
    assert_eq!(
        tenant(r#"{"zeta":{"id":"1"},"alpha":{}}"#, r#""T""#).unwrap(),
        "zeta"
    );
    assert_eq!(
        tenant(r#"{"alpha":null,"zeta":[]}"#, "null").unwrap(),
        "alpha"
    );
}

#[test]
fn the_first_text_of_a_list_that_is_not_empty_is_the_tenant() {
    assert_eq!(
        tenant(r#"["",7,null,["x"],{"y":1},"b","a"]"#, r#""T""#).unwrap(),
        "b"
    );
}

#[test]
fn without_an_organization_the_tenant_id_counts() {
    for nothing in [
        "{}",
        "[]",
        r#"["",7]"#,
        "null",
        r#""ORG""#,
        "7",
        "-7",
        "1.5",
        "true",
    ] {
        assert_eq!(tenant(nothing, r#""T""#).unwrap(), "T", "{nothing}");
    }
}

#[test]
fn a_token_without_a_tenant_is_refused() {
    for nothing in ["null", r#""""#, "7", r#"["T"]"#, r#"{"T":1}"#] {
        assert_eq!(tenant("{}", nothing), Err(Refusal::NoTenant), "{nothing}");
    }
}

#[test]
fn a_tenant_that_may_not_be_part_of_a_topic_is_refused() {
    let long = format!("\"{}\"", "x".repeat(257));
    for bad in [
        r#""a/b""#,
        r##""#""##,
        r#""+""#,
        r#""a\u0000b""#,
        r#""a\nb""#,
        long.as_str(),
    ] {
        assert_eq!(tenant("null", bad), Err(Refusal::NoTenant), "{bad}");
        assert_eq!(
            tenant(&format!("[{bad}]"), r#""T""#),
            Err(Refusal::NoTenant),
            "{bad}"
        );
        assert_eq!(
            tenant(&format!("{{{bad}:1}}"), r#""T""#),
            Err(Refusal::NoTenant),
            "{bad}"
        );
    }
    assert_eq!(tenant(r#"{"":1}"#, r#""T""#), Err(Refusal::NoTenant));
}

#[test]
fn one_of_the_roles_is_needed() {
    let told = |access: &str| {
        let exp = NOW + 60;
        check(
            &by_secret(),
            &format!(r#"{{"exp":{exp},"tenant_id":"T","realm_access":{access}}}"#),
        )
    };
    for role in ["customer", "tenant-admin", "operator", "operator-admin"] {
        assert!(
            told(&format!(r#"{{"roles":["x",7,"{role}"]}}"#)).is_ok(),
            "{role}"
        );
    }
    for none in [
        "null",
        "{}",
        r#"{"roles":[]}"#,
        r#"{"roles":["Customer","admin"]}"#,
        r#"{"roles":"customer"}"#,
        r#"{"roles":{"customer":1}}"#,
        r#"["customer"]"#,
        r#"[["customer"]]"#,
    ] {
        assert_eq!(told(none), Err(Refusal::Role), "{none}");
    }
}

#[test]
fn of_several_reasons_the_first_of_the_table_is_told() {
    assert_eq!(check(&by_secret(), r#"{"exp":1}"#), Err(Refusal::Invalid));
    assert_eq!(
        check(&by_secret(), r#"{"exp":1900000000}"#),
        Err(Refusal::NoTenant)
    );
    assert_eq!(
        check(&by_secret(), r#"{"exp":1900000000,"tenant_id":"T"}"#),
        Err(Refusal::Role)
    );
    // RFC 7519, 4: a claim that is there twice makes the token invalid.
    let twice = r#"{"exp":1900000000,"tenant_id":"T","tenant_id":"U","realm_access":{"roles":["customer"]}}"#;
    assert_eq!(check(&by_secret(), twice), Err(Refusal::Invalid));
}

#[test]
fn the_refusals_are_those_of_the_contract() {
    let told: Vec<_> = [
        Refusal::Missing,
        Refusal::Invalid,
        Refusal::NoTenant,
        Refusal::Role,
    ]
    .map(|refusal| (refusal.close_code(), refusal.to_string(), refusal.status()))
    .into();
    let row = |code, text: &str, status| (code, text.to_owned(), status);
    assert_eq!(
        told,
        [
            row(4001, "Missing token parameter", 401),
            row(4001, "Invalid or expired token", 401),
            row(4003, "No tenant_id in token", 403),
            row(4003, "Unauthorized role", 403),
        ]
    );
}

#[test]
fn a_subject_is_passed_on_where_there_is_one() {
    let subject = |sub: &str| check(&by_secret(), &claims_with(sub)).unwrap().subject;
    assert_eq!(subject(r#""sub":"alice","#).as_deref(), Some("alice"));
    assert_eq!(subject(""), None);
    assert_eq!(subject(r#""sub":7,"#), None);
}
