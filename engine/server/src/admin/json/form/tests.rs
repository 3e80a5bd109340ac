//! Tests of `admin::json::form`.

use super::*;

#[test]
fn every_code_has_the_name_and_the_status_that_connect_gives_it() {
    for number in 1..=16 {
        let code = Code::from_i32(number);
        let (name, status) = named(code);
        // The names are those of gRPC, but for one spelling and the case.
        let letters = |text: &str| text.replace('_', "").to_lowercase();
        assert_eq!(letters(name), letters(&format!("{code:?}")).replace("cancelled", "canceled"));
        assert!(status.is_client_error() || status.is_server_error(), "{name}");
    }
}

#[test]
fn an_error_is_told_as_the_request_was_spoken() {
    let status = || Status::not_found("no such thing");
    let told = |form: Form| {
        let response = form.error(status());
        (response.status().as_u16(), content_type(response.headers()).to_owned())
    };
    assert_eq!(told(Form::Grpc), (200, "application/grpc".to_owned()));
    assert_eq!(told(Form::Stream), (200, STREAM_TYPE.to_owned()));
    assert_eq!(told(Form::Unary), (404, "application/json".to_owned()));
    assert_eq!(told(Form::Plain), (404, "application/json".to_owned()));
    let end = end(Some(&status()));
    let text = r#"{"error":{"code":"not_found","message":"no such thing"}}"#;
    assert_eq!(end[..5], [END, 0, 0, 0, u8::try_from(text.len()).unwrap()]);
    assert_eq!(end[5..], *text.as_bytes());
}
