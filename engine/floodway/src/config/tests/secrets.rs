//! The verification key and other secrets.

use super::*;

#[test]
fn a_secret_is_never_shown() {
    assert_eq!(
        error("[mqtt]\npassword = 12345", &[]),
        "mqtt.password = \"********\" (file FILE): expected a text in quotation marks, \"…\""
    );
    let text = error("", &[("MQTT_URL", "mqtt://a:1,mqtt://user:pass-word@b:1")]);
    assert!(text.contains("set mqtt.username") && !text.contains("pass-word"), "{text}");
    let text = error("mqtt.url = [\"mqtt://user:pass,word@b:1\"]", &[]);
    assert!(!text.contains("pass,") && !text.contains(",word"), "{text}");
    let pem = "-----BEGIN PRIVATE KEY-----\nMIIB";
    let text = load_exactly("", &[("FLOODWAY_JWT_PUBLIC_KEY", pem)], &[]).expect_err("refused");
    assert!(text.contains("not what it holds") && !text.contains("MIIB"), "{text}");

    let env = [
        ("MQTT_PASSWORD", "pass-word"),
        ("FLOODWAY_ADMIN_TOKEN", "admin-token"),
        ("FLOODWAY_ADMIN_READ_TOKEN", "looker-token"),
    ];
    let loaded = load_all("", &env, &[]).expect("good");
    for shown in [loaded.show(), format!("{loaded:?}"), format!("{:?}", loaded.config.auth)] {
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
    assert!(load(None, &|_| None, &[], Key::Optional).is_ok());
    let url = |url| load_exactly("", &[("FLOODWAY_JWKS_URL", url)], &[]);
    assert!(url("https://id.example/keys").is_ok_and(|loaded| loaded.warnings.is_empty()));
    assert!(url("http://id.example/keys").is_ok_and(|loaded| loaded.warnings.len() == 1));
    let text = url("ftp://id.example").expect_err("refused");
    assert!(text.starts_with("auth.jwks_url = ") && text.lines().count() == 1, "{text}");
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

fn holding(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

#[test]
fn every_secret_and_the_brokers_user_may_stand_in_a_file_of_their_own() {
    // The database's URL may stand in a file as well, and is no free text; a token of NATS excludes a user name.
    let is_text = |key: &str| !["postgres.url", "nats.token"].contains(&key);
    let filed = SETTINGS.iter().filter(|setting| setting.filed && is_text(setting.key));
    let keys: Vec<_> = filed.clone().map(|setting| setting.key).collect();
    assert!(keys.contains(&"mqtt.username") && keys.contains(&"auth.hs256_secret"));
    for (text, value) in [("s3cret", "s3cret"), ("s3cret \n", "s3cret "), ("s\r\n", "s"), ("s\n\n", "s\n")] {
        let file = holding(text);
        let path = file.path().to_str().expect("UTF-8");
        let env: Vec<_> = filed.clone().map(|setting| setting.file_env().expect("a name")).collect();
        let env: Vec<_> = env.iter().map(|name| (name.as_str(), path)).collect();
        let text = load_exactly("", &env, &[]);
        // The two tokens of the private listener must differ.
        assert!(text.is_err_and(|text| text.contains("must differ") && text.lines().count() == 1));
        let env: Vec<_> = env.into_iter().filter(|(name, _)| !name.contains("READ")).collect();
        let loaded = load_exactly("", &env, &[]).expect("good");
        let config = &loaded.config;
        for given in [&config.auth.hs256_secret, &config.mqtt.username, &config.mqtt.password, &config.admin.token] {
            assert_eq!(given.as_deref(), Some(value));
        }
        let shown = loaded.show();
        assert!(shown.contains("# env FLOODWAY_JWT_SECRET_FILE"), "{shown}");
    }
}

#[test]
fn a_file_of_a_secret_is_a_setting_of_every_layer() {
    let (one, other) = (holding("of the file"), holding("of the flag"));
    let toml = format!("auth.hs256_secret_file = {:?}", one.path());
    let secret = |flags: &[(&str, &str)], env: &[(&str, &str)]| {
        let loaded = load_exactly(&toml, env, flags).expect("good");
        loaded.config.auth.hs256_secret.expect("a secret")
    };
    assert_eq!(secret(&[], &[]), "of the file");
    assert_eq!(secret(&[], &[("FLOODWAY_JWT_SECRET", SECRET)]), SECRET);
    let flag = [("auth.hs256_secret_file", other.path().to_str().expect("UTF-8"))];
    assert_eq!(secret(&flag, &[("FLOODWAY_JWT_SECRET", SECRET)]), "of the flag");
}

#[test]
fn a_value_and_a_file_for_it_are_not_both_given() {
    let file = holding(SECRET);
    let path = file.path().to_str().expect("UTF-8");
    let text = error("", &[("FLOODWAY_JWT_SECRET_FILE", path)]);
    assert!(text.starts_with("auth.hs256_secret_file = ") && text.lines().count() == 1, "{text}");
    assert!(text.contains("auth.hs256_secret is set as well"), "{text}");
    let toml = format!("mqtt.password = \"p\"\nmqtt.password_file = {path:?}");
    assert!(error(&toml, &[]).contains("mqtt.password is set as well"));
}

#[test]
fn a_file_that_holds_no_secret_is_named_and_its_content_is_not() {
    let (empty, long, binary) = (holding("\n"), holding(&"x".repeat(70_000)), NamedTempFile::new().expect("a file"));
    std::fs::write(binary.path(), [0xff, b'x']).expect("written");
    for (path, why) in [
        (empty.path(), "holds nothing"),
        (long.path(), "more than 65536 bytes"),
        (binary.path(), "does not hold UTF-8"),
        (Path::new("no/such"), "No such file"),
    ] {
        let path = path.to_str().expect("UTF-8");
        let error = load_exactly("", &[("FLOODWAY_JWT_SECRET_FILE", path)], &[]).expect_err("refused");
        let wanted = format!("auth.hs256_secret_file = \"{path}\" (env FLOODWAY_JWT_SECRET_FILE): ");
        assert!(error.starts_with(&wanted) && error.contains(why), "{error}");
        assert!(!error.contains("xxx"), "{error}");
    }
}

#[test]
fn the_mask_of_a_secret_is_none() {
    let text = error("mqtt.password = \"********\"", &[]);
    assert!(text.contains("give the secret itself"), "{text}");
    let masked = holding("********\n");
    let path = masked.path().to_str().expect("UTF-8");
    assert!(error("", &[("MQTT_PASSWORD_FILE", path)]).contains("give the secret itself"));
    assert!(load_all("mqtt.username = \"********\"", &[], &[]).is_ok(), "it is no secret");
}

#[test]
fn a_database_is_shown_without_its_login_whichever_way_it_is_written() {
    for url in [
        "postgres://us3r:s3cret@db:5432/iot?sslmode=verify-full",
        "postgres://us3r:s3cret@a,b/iot,postgres://us3r:s3cret@c/iot",
        "host=db user=us3r Password = 's3cret'",
        "postgres://db/iot?user=us3r&password=s3cret",
        "postgres://us3r:s3cret@s3cret@db",
        "host=db password=s3cret s3cret",
    ] {
        let shown = match load_all("", &[("FLOODWAY_POSTGRES_URL", url)], &[]) {
            Ok(loaded) => loaded.show() + &format!("{loaded:?}{:?}", loaded.config.postgres),
            Err(error) => error,
        };
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    let file = holding("postgres://us3r:s3cret@db/iot\n");
    let path = file.path().to_str().expect("UTF-8");
    let loaded = load_all("", &[("FLOODWAY_POSTGRES_URL_FILE", path)], &[]).expect("good");
    assert_eq!(loaded.config.postgres.urls, ["postgres://us3r:s3cret@db/iot"]);
    let shown = loaded.show();
    assert!(shown.contains("\"postgres://********@db/iot\"]"), "{shown}");
    let shown = error("postgres.url = \"postgres://********@db/iot\"", &[]);
    assert!(shown.contains("in place of the login"), "{shown}");
}
