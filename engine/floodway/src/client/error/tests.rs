//! Tests of `client::error`.

use super::*;

#[test]
fn a_failed_handshake_names_the_fix() {
    for (fault, fix) in [
        (Fault::UnknownIssuer, "--admin-ca"),
        (Fault::OtherName("not a".to_owned()), "not a"),
        (Fault::Certificate("revoked".to_owned()), "revoked"),
        (Fault::Expired("expired".to_owned()), "clocks"),
        (Fault::NotYetValid("not yet".to_owned()), "clocks"),
        (Fault::NoProtocol, "HTTP/2"),
        (Fault::Authority, "--admin-ca"),
        (Fault::NoTls, "admin.tls.cert"),
        (Fault::CertificateWanted, "--admin-cert and --admin-key"),
        (Fault::CertificateRefused("UnknownCA".to_owned()), "client_ca"),
    ] {
        let url = "https://h:1".to_owned();
        let text = ClientError::Handshake { url, fault }.to_string();
        assert!(text.contains("https://h:1") && text.contains(fix), "{text}");
    }
}

#[test]
fn an_error_names_the_fix_or_repeats_the_gateway() {
    let text = |status: Status| {
        let url = "http://h:1".parse().expect("a URL");
        ClientError::of(&url, &status).to_string()
    };
    let wrong_token = text(Status::unauthenticated("no"));
    assert!(wrong_token.contains("--token"), "{wrong_token}");
    let read_only = text(Status::permission_denied("no"));
    assert!(read_only.contains("reading only"), "{read_only}");
    assert_eq!(
        text(Status::unavailable("no broker is connected")),
        "the gateway at http://h:1 answered: no broker is connected"
    );
    assert_eq!(
        text(Status::not_found("connection_id: no such stream")),
        "the gateway at http://h:1 answered: connection: no such stream"
    );
    assert_eq!(text(Status::invalid_argument("reason: too long")), "--reason: too long");
}

#[test]
fn a_refused_field_is_named_as_its_flag() {
    assert_eq!(with_flag("limits.queue_size: must be from 1 to 1000000"), "--queue-size: must be from 1 to 1000000");
    assert_eq!(with_flag("device_ids[3]: is empty"), "--device: is empty");
    assert_eq!(with_flag("page_token: not one"), "page_token: not one");
    assert_eq!(with_flag("what else"), "what else");
}
