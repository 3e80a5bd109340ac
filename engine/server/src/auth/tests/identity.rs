//! Which tenant a token names, and with which roles.

use super::*;
use crate::auth::Fault;

/// The tenant of a token with this JSON as `organization` and as `tenant_id`.
fn tenant(organization: &str, tenant_id: &str) -> Result<String, Refusal> {
    chosen(organization, tenant_id, None)
}

/// The same where a tenant is asked for.
fn chosen(organization: &str, tenant_id: &str, asked: Option<&str>) -> Result<String, Refusal> {
    let exp = NOW + 60;
    let claims = format!(
        r#"{{"exp":{exp},"organization":{organization},"tenant_id":{tenant_id},"realm_access":{{"roles":["customer"]}}}}"#
    );
    let verifier = Verifier::start(&by_secret()).expect("a key");
    let judged = verifier.verify_at(&hs256(&claims), asked, Duration::from_secs(NOW));
    judged.map(|identity| identity.tenant.to_string())
}

/// The diagnosis of a token without a tenant.
fn diagnosis(organization: &str, tenant_id: &str) -> String {
    let refusal = tenant(organization, tenant_id).expect_err("it is refused");
    assert_eq!(refusal.to_string(), "No tenant_id in token");
    refusal.diagnosis().expect("a diagnosis")
}

#[test]
fn the_first_organization_in_the_document_is_the_tenant() {
    assert_eq!(tenant(r#"{"zeta":{"id":"1"},"alpha":{}}"#, r#""T""#).unwrap(), "zeta");
    assert_eq!(tenant(r#"{"alpha":null,"zeta":[]}"#, "null").unwrap(), "alpha");
}

#[test]
fn the_first_text_of_a_list_that_is_not_empty_is_the_tenant() {
    assert_eq!(tenant(r#"["",7,null,["x"],{},"b","a"]"#, r#""T""#).unwrap(), "b");
}

#[test]
fn a_list_may_hold_objects_of_names() {
    for (organization, wanted) in [
        (r#"[{"acme":{"id":"1"}}]"#, "acme"),
        (r#"[{"zeta":{},"acme":{}},"b"]"#, "zeta"),
        (r#"[7,{"":{}},{"acme":null}]"#, "acme"),
        (r#"[{"id":"1","name":"x"},{"acme":{}}]"#, "acme"),
        (r#"{"":{},"acme":{}}"#, "acme"),
    ] {
        let judged = tenant(organization, r#""T""#).unwrap();
        assert_eq!(judged, wanted, "{organization}");
    }
}

#[test]
fn an_object_with_a_plain_id_describes_one_organization_and_names_none() {
    for description in [
        r#"{"id":"42","name":"acme"}"#,
        r#"{"name":"acme","id":42}"#,
        r#"{"id":true}"#,
        r#"{"id":null,"acme":{}}"#,
        r#"[{"id":"42","name":"acme"}]"#,
    ] {
        assert_eq!(tenant(description, r#""T""#).unwrap(), "T", "{description}");
        let judged = diagnosis(description, "null");
        assert!(judged.starts_with("organization describes one"), "{judged}");
    }
    // An organization that is called so.
    assert_eq!(tenant(r#"{"id":{"x":1}}"#, r#""T""#).unwrap(), "id");
}

#[test]
fn a_tenant_that_is_asked_for_must_be_one_of_the_tokens() {
    let two = r#"[{"acme":{}},{"beta":{},"a/b":{}}]"#;
    let asked = |tenant| chosen(two, r#""T""#, Some(tenant));
    assert_eq!(asked("acme").unwrap(), "acme");
    assert_eq!(asked("beta").unwrap(), "beta");
    assert_eq!(asked("T"), Err(Refusal::OtherTenant));
    assert_eq!(asked("gamma"), Err(Refusal::OtherTenant));
    assert!(matches!(asked("a/b"), Err(Refusal::NoTenant(_))));
    assert_eq!(chosen("{}", r#""T""#, Some("T")).unwrap(), "T");
    assert_eq!(chosen("{}", r#""T""#, Some("U")), Err(Refusal::OtherTenant));
}

#[test]
fn an_operator_reads_what_the_token_names_instead_of_a_tenant() {
    for (organization, tenant_id, text) in [
        ("null", "7", "tenant_id is a number"),
        ("{}", "1.5", "tenant_id is a number"),
        ("null", r#"["T"]"#, "tenant_id is a list"),
        ("null", r#"{"T":1}"#, "tenant_id is an object"),
        ("null", "true", "tenant_id is true or false"),
        ("null", r#""""#, "tenant_id is empty"),
        ("null", "null", "neither organization nor tenant_id"),
        (r#""acme""#, "null", "organization is a text"),
        ("[]", "null", "organization holds no name"),
        ("null", r#""a/b""#, "holds '/'"),
    ] {
        let diagnosis = diagnosis(organization, tenant_id);
        assert!(diagnosis.contains(text), "{organization} {tenant_id}: {diagnosis}");
    }
}

#[test]
fn without_an_organization_the_tenant_id_counts() {
    for nothing in ["{}", "[]", r#"["",7]"#, r#"{"":1}"#, "null", r#""ORG""#, "7", "-7", "1.5", "true"] {
        assert_eq!(tenant(nothing, r#""T""#).unwrap(), "T", "{nothing}");
    }
}

#[test]
fn a_token_without_a_tenant_is_refused() {
    for nothing in ["null", r#""""#, "7", r#"["T"]"#, r#"{"T":1}"#] {
        assert!(matches!(tenant("{}", nothing), Err(Refusal::NoTenant(_))), "{nothing}");
    }
}

#[test]
fn a_tenant_that_may_not_be_part_of_a_topic_is_refused() {
    let long = format!("\"{}\"", "x".repeat(257));
    for bad in [r#""a/b""#, r##""#""##, r#""+""#, r#""a\u0000b""#, r#""a\nb""#, long.as_str()] {
        for judged in [
            tenant("null", bad),
            tenant(&format!("[{bad}]"), r#""T""#),
            tenant(&format!("{{{bad}:1}}"), r#""T""#),
        ] {
            assert!(matches!(judged, Err(Refusal::NoTenant(_))), "{bad}");
        }
    }
}

#[test]
fn one_of_the_roles_is_needed() {
    let judged = |access: &str| {
        let exp = NOW + 60;
        check(&by_secret(), &format!(r#"{{"exp":{exp},"tenant_id":"T","realm_access":{access}}}"#))
    };
    for role in ["customer", "tenant-admin", "operator", "operator-admin"] {
        assert!(judged(&format!(r#"{{"roles":["x",7,"{role}"]}}"#)).is_ok(), "{role}");
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
        assert_eq!(judged(none), Err(Refusal::Role), "{none}");
    }
}

#[test]
fn of_several_reasons_the_first_of_the_table_counts() {
    for (claims, label) in [
        (r#"{"exp":1}"#, "expired"),
        (r#"{"exp":1900000000}"#, "tenant"),
        (r#"{"exp":1900000000,"tenant_id":"T"}"#, "role"),
    ] {
        assert_eq!(failed(check(&by_secret(), claims)), label);
    }
    // RFC 7519, 4: a claim that is there twice makes the token invalid.
    let twice = r#"{"exp":1900000000,"tenant_id":"T","tenant_id":"U","realm_access":{"roles":["customer"]}}"#;
    assert_eq!(failed(check(&by_secret(), twice)), "claims");
}

#[test]
fn the_refusals_are_those_of_the_contract() {
    let refusals = [
        Refusal::Missing,
        Refusal::Invalid(Fault::Expired),
        Refusal::NoKeys,
        Refusal::NoTenant("tenant_id is a number"),
        Refusal::OtherTenant,
        Refusal::Role,
    ]
    .map(|refusal| {
        let row = refusal.reason().row();
        (row.code, refusal.to_string(), row.status)
    });
    let row = |code, text: &str, status| (Some(code), text.to_owned(), Some(status));
    assert_eq!(
        refusals,
        [
            row(4001, "Missing token parameter", 401),
            row(4001, "Invalid or expired token", 401),
            row(1013, "Verification keys unavailable", 503),
            row(4003, "No tenant_id in token", 403),
            row(4003, "Token is for another tenant", 403),
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
