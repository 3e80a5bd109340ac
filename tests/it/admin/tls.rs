//! TLS on the private listener, and client certificates: for the shell, for Python's grpcio, for curl.

use std::process::Command;

use floodway_tests::certificates::{Authority, Identity};
use floodway_tests::gateway::floodway_run;
use floodway_tests::process::{Finished, run};
use floodway_tests::raw::Raw;
use floodway_tests::token::SECRET;
use floodway_tests::{Broker, Gateway};
use serde_json::{Value, json};

use super::answers;

const HERE: &[&str] = &["127.0.0.1", "localhost"];
const KEY: (&str, &str) = ("FLOODWAY_JWT_SECRET", SECRET);

/// A gateway whose private listener speaks TLS, with these settings besides.
async fn tls(server: &Identity, settings: &[(&str, &str)]) -> (Broker, Gateway) {
    let broker = Broker::start().await;
    let mut launch = Gateway::start(&broker)
        .env("FLOODWAY_ADMIN_TLS_CERT", &server.cert)
        .env("FLOODWAY_ADMIN_TLS_KEY", &server.key);
    for (name, value) in settings {
        launch = launch.env(name, value);
    }
    (broker, launch.await)
}

/// `floodway status` of that gateway by https, with these flags and variables.
async fn status(gateway: &Gateway, flags: &[&str], settings: &[(&str, &str)]) -> Finished {
    let url = format!("https://{}", gateway.admin());
    let command = [&["status", "--admin", &url], flags].concat();
    floodway_run(&command, settings).await
}

/// It ended with `code`, and told `part`.
fn ended(finished: &Finished, code: i32, part: &str) {
    let told = format!("{}{}", finished.stdout, finished.stderr);
    assert_eq!(finished.code, Some(code), "{told}");
    assert!(told.contains(part), "{part:?} is missing: {told}");
}

/// What Python's grpcio gets for `GetStatus`: whether the gateway drains, or the code of the refusal.
async fn python(gateway: &Gateway, flags: &[&str]) -> Result<Value, String> {
    let answers = answers(gateway, "GetStatus", json!({}), flags).await;
    let answers = answers.map_err(|(code, _)| code)?;
    Ok(answers[0]["status"]["draining"].clone())
}

#[tokio::test]
async fn shell_python_and_curl_speak_tls() {
    let authority = Authority::new("ours");
    let (_broker, gateway) = tls(&authority.vouch(HERE), &[]).await;
    let ca = authority.file();
    let flag = status(&gateway, &["--admin-ca", &ca], &[]).await;
    ended(&flag, 0, "serving");
    let variable = status(&gateway, &[], &[("FLOODWAY_ADMIN_CA", &ca)]).await;
    ended(&variable, 0, "serving");
    let system = [("SSL_CERT_FILE", ca.as_str()), ("FLOODWAY_ADMIN_CA", "")];
    ended(&status(&gateway, &[], &system).await, 0, "serving");

    assert_eq!(python(&gateway, &["--ca", &ca]).await, Ok(json!(false)));
    for (version, spoken) in [("--http1.1", "version 1.1"), ("--http2", "version 2")] {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--noproxy", "*"]);
        curl.args(["--cacert", &ca, version]);
        curl.args(["--write-out", "version %{http_version}"]);
        curl.arg(format!("https://{}/metrics", gateway.admin()));
        let told = run("curl", curl).await;
        ended(&told, 0, "\nfloodway_broker_up 1\n");
        assert!(told.stdout.ends_with(spoken), "{version}: {}", told.stdout);
    }
}

#[tokio::test]
async fn a_gateway_that_is_not_trusted_is_not_asked() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (_broker, gateway) = tls(&ours.vouch(&["localhost"]), &[]).await;
    let wrong = status(&gateway, &["--admin-ca", &theirs.file()], &[]).await;
    ended(&wrong, 1, "--admin-ca");
    let other_name = status(&gateway, &["--admin-ca", &ours.file()], &[]).await;
    ended(&other_name, 1, "for another name");
    let refused = python(&gateway, &["--ca", &theirs.file()]).await;
    assert_eq!(refused, Err("UNAVAILABLE".to_owned()));
}

#[tokio::test]
async fn a_certificate_that_vouches_for_itself_is_trusted_where_it_is_the_one_given() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Identity::own(folder.path(), HERE, 2020..2100);
    let (_broker, gateway) = tls(&server, &[]).await;
    let given = status(&gateway, &["--admin-ca", &server.cert], &[]).await;
    ended(&given, 0, "serving");
    let system = [("SSL_CERT_FILE", server.cert.as_str())];
    ended(&status(&gateway, &[], &system).await, 0, "serving");

    let same_name = Identity::own(other.path(), HERE, 2020..2100);
    let refused = status(&gateway, &["--admin-ca", &same_name.cert], &[]).await;
    ended(&refused, 1, "give that very certificate with --admin-ca");
}

#[tokio::test]
async fn of_a_certificate_that_vouches_for_itself_name_and_time_are_checked() {
    for (names, years, told) in [
        (&["gateway.example"][..], 2020..2100, "for another name"),
        (&[], 2020..2100, "subjectAltName"),
        (HERE, 2020..2021, "expired"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = Identity::own(folder.path(), names, years);
        let (_broker, gateway) = tls(&server, &[]).await;
        let refused = status(&gateway, &["--admin-ca", &server.cert], &[]).await;
        ended(&refused, 1, told);
    }
}

#[tokio::test]
async fn tls_and_plain_do_not_come_together_and_that_is_said() {
    let authority = Authority::new("ours");
    let (_broker, gateway) = tls(&authority.vouch(HERE), &[]).await;
    let plain = format!("http://{}", gateway.admin());
    let refused = floodway_run(&["status", "--admin", &plain], &[]).await;
    ended(&refused, 1, "with https where admin.tls.cert is set");

    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).await;
    let refused = status(&gateway, &["--admin-ca", &authority.file()], &[]).await;
    ended(&refused, 1, "does not speak TLS");
}

#[tokio::test]
async fn who_has_no_certificate_of_the_authority_is_not_heard() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let ca = ours.file();
    let demanded = [("FLOODWAY_ADMIN_TLS_CLIENT_CA", ca.as_str())];
    let (_broker, gateway) = tls(&ours.vouch(HERE), &demanded).await;
    let (good, bad) = (ours.vouch(&["operator"]), theirs.vouch(&["stranger"]));
    let asked = async |client: &Identity| {
        let flags = ["--admin-ca", &ca, "--admin-cert", &client.cert];
        let flags = [&flags[..], &["--admin-key", &client.key]].concat();
        status(&gateway, &flags, &[]).await
    };
    ended(&asked(&good).await, 0, "serving");
    ended(&asked(&bad).await, 1, "admin.tls.client_ca");
    let without = status(&gateway, &["--admin-ca", &ca], &[]).await;
    ended(&without, 1, "--admin-cert and --admin-key");
    let variables = [
        ("FLOODWAY_ADMIN_CA", ca.as_str()),
        ("FLOODWAY_ADMIN_CERT", &good.cert),
        ("FLOODWAY_ADMIN_KEY", &good.key),
    ];
    ended(&status(&gateway, &[], &variables).await, 0, "serving");

    let by_python = async |client: &Identity| {
        let flags = ["--ca", &ca, "--cert", &client.cert, "--key", &client.key];
        python(&gateway, &flags).await
    };
    let refused = Err("UNAVAILABLE".to_owned());
    assert_eq!(by_python(&good).await, Ok(json!(false)));
    assert_eq!(by_python(&bad).await, refused);
    assert_eq!(python(&gateway, &["--ca", &ca]).await, refused);
}

#[tokio::test]
async fn a_certificate_does_not_stand_in_for_a_token_that_is_set() {
    let authority = Authority::new("ours");
    let ca = authority.file();
    let settings = [("FLOODWAY_ADMIN_TLS_CLIENT_CA", ca.as_str()), ("FLOODWAY_ADMIN_TOKEN", "s3cret")];
    let (_broker, gateway) = tls(&authority.vouch(HERE), &settings).await;
    let client = authority.vouch(&["operator"]);
    let flags = ["--admin-ca", &ca, "--admin-cert", &client.cert];
    let flags = [&flags[..], &["--admin-key", &client.key]].concat();
    ended(&status(&gateway, &flags, &[]).await, 1, "--token");
    let both = [("FLOODWAY_ADMIN_TOKEN", "s3cret")];
    ended(&status(&gateway, &flags, &both).await, 0, "serving");
    let only_token = status(&gateway, &["--admin-ca", &ca], &both).await;
    ended(&only_token, 1, "--admin-cert");
}

#[tokio::test]
async fn who_never_begins_a_handshake_does_not_keep_a_connection() {
    let authority = Authority::new("ours");
    let (_broker, gateway) = tls(&authority.vouch(HERE), &[]).await;
    let address = gateway.admin().parse().expect("an address");
    let mut silent = Raw::connect(address).await;
    assert_eq!(silent.read_to_end().await, b"");
}

#[tokio::test]
async fn wrong_files_of_the_shell_exit_with_2() {
    let url = ["status", "--admin", "https://127.0.0.1:9"];
    for (flags, told) in [
        (&["--admin-ca", "no-such.pem"][..], "--admin-ca = \"no-such.pem\""),
        (&["--admin-cert", "c.pem"], "needs --admin-key"),
        (&["--admin-key", "k.pem"], "needs --admin-cert"),
    ] {
        let refused = floodway_run(&[&url[..], flags].concat(), &[]).await;
        ended(&refused, 2, told);
    }
}

#[tokio::test]
async fn an_address_that_others_reach_needs_a_token_or_client_certificates() {
    let authority = Authority::new("ours");
    let server = authority.vouch(HERE);
    let ca = authority.file();
    let open = [KEY, ("FLOODWAY_ADMIN_LISTEN", "0.0.0.0:0")];
    let encrypted = [("FLOODWAY_ADMIN_TLS_CERT", server.cert.as_str()), ("FLOODWAY_ADMIN_TLS_KEY", &server.key)];
    for settings in [&open[..], &[&open[..], &encrypted].concat()] {
        let refused = floodway_run(&["serve"], settings).await;
        ended(&refused, 2, "admin.token (FLOODWAY_ADMIN_TOKEN)");
        ended(&refused, 2, "admin.tls.client_ca");
    }
    let demanded = [("FLOODWAY_ADMIN_TLS_CLIENT_CA", ca.as_str())];
    let mutual = [&open[..], &encrypted, &demanded].concat();
    let checked = floodway_run(&["check"], &mutual).await;
    ended(&checked, 0, &format!("admin.tls.client_ca = \"{ca}\""));
    assert_eq!(checked.stderr, "", "nothing to warn of");

    let token = [("FLOODWAY_ADMIN_TOKEN", "s3cret")];
    let warned = floodway_run(&["check"], &[&open[..], &token].concat()).await;
    ended(&warned, 0, "in the clear");
    assert_eq!(warned.stderr.lines().count(), 1, "{}", warned.stderr);
}

#[tokio::test]
async fn files_that_do_not_go_together_are_refused_before_anything_listens() {
    let authority = Authority::new("ours");
    let (one, other) = (authority.vouch(HERE), authority.vouch(&["other"]));
    for (cert, key, client_ca, told) in [
        (&one.cert, "no-such.pem", "", "admin.tls.key"),
        (&one.cert, &other.key, "", "must be the key of"),
        (&one.cert, &one.key, "no-such.pem", "admin.tls.client_ca"),
    ] {
        let settings = [
            KEY,
            ("FLOODWAY_ADMIN_TLS_CERT", cert),
            ("FLOODWAY_ADMIN_TLS_KEY", key),
            ("FLOODWAY_ADMIN_TLS_CLIENT_CA", client_ca),
        ];
        for command in ["serve", "check"] {
            ended(&floodway_run(&[command], &settings).await, 2, told);
        }
    }
}
