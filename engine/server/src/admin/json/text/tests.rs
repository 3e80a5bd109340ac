//! Tests of `admin::json::text`.

use floodway_proto::admin::v1::*;
use prost_reflect::DescriptorPool;

use super::*;

fn kind(name: &str) -> MessageDescriptor {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    pool.get_message_by_name(&format!("floodway.admin.v1.{name}")).unwrap()
}

fn told(name: &str, json: &str) -> String {
    let refused = read(kind(name), json.as_bytes()).expect_err(json);
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    refused.message().to_owned()
}

#[test]
fn both_spellings_are_read_and_one_is_written() {
    for json in [r#"{"tenantId":"T","pageSize":7}"#, r#"{"tenant_id":"T","page_size":"7"}"#] {
        let message = read(kind("ListConnectionsRequest"), json.as_bytes()).unwrap();
        let message = ListConnectionsRequest::decode(&message[..]).unwrap();
        assert_eq!((message.tenant_id.as_str(), message.page_size), ("T", 7));
    }
    let tenant = TenantLimits { queue_size: Some(0), ..TenantLimits::default() };
    let json = write(kind("TenantLimits"), &tenant.encode_to_vec()).unwrap();
    let rest = r#""overflow":"OVERFLOW_POLICY_UNSPECIFIED","overflowAllowed":[]"#;
    assert_eq!(json, format!(r#"{{"queueSize":0,{rest}}}"#));
}

#[test]
fn what_is_no_message_is_refused_by_what_is_wrong_with_it() {
    let unknown = told("GetTenantRequest", r#"{"tenant":"T"}"#);
    assert!(unknown.contains("GetTenantRequest: unrecognized field name 'tenant'"), "{unknown}");
    for (json, part) in [
        ("", "{} says nothing"),
        ("{} {}", "trailing characters"),
        ("[]", "invalid type"),
        (r#"{"tenantId":7}"#, "expected a string"),
        (r#"{"tenantId":"T""#, "EOF"),
    ] {
        let told = told("GetTenantRequest", json);
        assert!(told.contains(part), "{json}: {told}");
    }
    let deep = told("GetTenantRequest", &"[".repeat(100_000));
    assert!(deep.len() < 200, "{deep}");
}
