//! The verification key and other secrets.

use super::*;

#[test]
fn a_secret_is_never_shown() {
    assert_eq!(
        error("[mqtt]\npassword = 12345", &[]),
        "mqtt.password = \"********\" (file FILE): expected a text in quotation marks, \"…\""
    );
    let told = error("", &[("MQTT_URL", "mqtt://a:1,mqtt://user:pass-word@b:1")]);
    assert!(
        told.contains("set mqtt.username") && !told.contains("pass-word"),
        "{told}"
    );
    let told = error("mqtt.url = [\"mqtt://user:pass,word@b:1\"]", &[]);
    assert!(!told.contains("pass,") && !told.contains(",word"), "{told}");
    let pem = "-----BEGIN PRIVATE KEY-----\nMIIB";
    let told = load_exactly("", &[("FLOODWAY_JWT_PUBLIC_KEY", pem)], &[]).expect_err("refused");
    assert!(
        told.contains("not what it holds") && !told.contains("MIIB"),
        "{told}"
    );

    let env = [
        ("MQTT_PASSWORD", "pass-word"),
        ("FLOODWAY_ADMIN_TOKEN", "admin-token"),
        ("FLOODWAY_ADMIN_READ_TOKEN", "looker-token"),
    ];
    let loaded = load_all("", &env, &[]).expect("good");
    for shown in [
        loaded.show(),
        format!("{loaded:?}"),
        format!("{:?}", loaded.config.auth),
    ] {
        assert!(shown.contains(MASK), "{shown}");
        for secret in [SECRET, "pass-word", "admin-token", "looker-token"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn a_gateway_needs_one_verification_key_and_only_one() {
    assert_eq!(
        load_exactly("", &[], &[]).expect_err("refused"),
        "auth: no verification key; set one of auth.hs256_secret (FLOODWAY_JWT_SECRET), \
         auth.public_key (FLOODWAY_JWT_PUBLIC_KEY), auth.jwks_url (FLOODWAY_JWKS_URL)"
    );
    assert_eq!(
        error("auth.public_key = \"key.pem\"", &[]),
        "auth: auth.hs256_secret (env FLOODWAY_JWT_SECRET) and auth.public_key (file FILE) are set; \
         keep one of them"
    );
    assert!(load_without_key(None, &|_| None, &[]).is_ok());
    let url = |url| load_exactly("", &[("FLOODWAY_JWKS_URL", url)], &[]);
    assert!(url("https://id.example/keys").is_ok_and(|loaded| loaded.warnings.is_empty()));
    assert!(url("http://id.example/keys").is_ok_and(|loaded| loaded.warnings.len() == 1));
    let told = url("ftp://id.example").expect_err("refused");
    assert!(
        told.starts_with("auth.jwks_url = ") && told.lines().count() == 1,
        "{told}"
    );
}

#[test]
fn a_weak_secret_is_warned_of() {
    let warnings = |secret: &str| {
        let env = [("FLOODWAY_JWT_SECRET", secret)];
        load_exactly("", &env, &[]).expect("good").warnings
    };
    assert!(warnings(&"x".repeat(32)).is_empty());
    assert!(warnings(&"x".repeat(31))[0].contains("31 bytes: RFC 7518, 3.2 demands 32"));
    assert!(warnings(&format!("{SECRET}\n"))[0].contains("white space"));
}
