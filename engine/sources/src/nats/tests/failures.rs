//! Why there is no link, in words.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

/// Fails unless `error` has this result and names all of `words`.
fn expect(error: &FeedError, result: Attempt, words: &[&str]) {
    assert_eq!(error.result, result, "{error}");
    for word in words {
        assert!(error.text.contains(word), "{word}: {error}");
    }
}

#[tokio::test]
async fn nobody_listens() {
    let mut server = Server::start("").await;
    server.kill();
    let error = nats(server.config()).failure().await;
    expect(&error, Attempt::Unreachable, &["Connection refused", "nats.url"]);
}

#[tokio::test]
async fn a_name_that_is_not_known() {
    let urls = vec!["nats://nowhere.invalid:4222".to_owned()];
    let error = nats(Config { urls, ..Config::default() }).failure().await;
    expect(&error, Attempt::Unreachable, &["resolved", "nats.url"]);
}

#[tokio::test]
async fn a_wrong_password() {
    let server = Server::start_closed("authorization { user: gateway, password: right }").await;
    let (username, password) = (Some("gateway".to_owned()), Some("wrong-one".to_owned()));
    let mut refused = nats(Config { username: username.clone(), password, ..server.config() });
    let error = refused.failure().await;
    expect(&error, Attempt::Refused, &["authorization violation", "nats.username", "nats.token"]);
    assert!(!error.text.contains("wrong-one"));
    let password = Some("right".to_owned());
    nats(Config { username, password, ..server.config() }).link(None).await;
}

#[tokio::test]
async fn a_token() {
    let server = Server::start_closed("authorization { token: right }").await;
    nats(Config { token: Some("right".to_owned()), ..server.config() }).link(None).await;
    let error = nats(server.config()).failure().await;
    expect(&error, Attempt::Refused, &["nats.token"]);
}

#[tokio::test]
async fn a_subject_that_is_forbidden_is_named() {
    let allowed = r#"publish: ["$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.>"], subscribe: "_INBOX.>""#;
    let user = format!("{{ user: gateway, password: right, permissions: {{ {allowed} }} }}");
    let server = Server::start_closed(&format!("authorization {{ users: [ {user} ] }}")).await;
    let login = |config| Config {
        username: Some("gateway".to_owned()),
        password: Some("right".to_owned()),
        ..config
    };
    let error = nats(login(server.config())).failure().await;
    expect(&error, Attempt::Refused, &["Permissions Violation", "$JS.API.STREAM.CREATE.floodway"]);
}

/// Those that docs/nats.md has for a stream that exists.
const LEAST: &str = r#"publish: ["$JS.API.STREAM.INFO.floodway", "$JS.API.STREAM.MSG.GET.floodway",
    "$JS.API.DIRECT.GET.floodway", "$JS.API.CONSUMER.CREATE.floodway.>", "$JS.API.CONSUMER.MSG.NEXT.floodway.>"],
    subscribe: ["_INBOX.>"]"#;

#[tokio::test]
async fn the_least_permissions_do_where_the_stream_exists() {
    let gateway = format!("{{ user: gateway, password: right, permissions: {{ {LEAST} }} }}");
    let users = format!("users: [ {{ user: all, password: other }}, {gateway} ]");
    let server = Server::start(&format!("authorization {{ {users} }}\nno_auth_user: all")).await;
    nats(server.config()).link(None).await;
    let (username, password) = (Some("gateway".to_owned()), Some("right".to_owned()));
    let mut opened = nats(Config { username, password, ..server.config() }).link(None).await;
    server.count("T", "D", 0..3).await;
    assert_eq!(opened.link.read(3).await.len(), 3);
    assert_eq!(opened.link.history("T", 3, 10).await.len(), 3);
}

#[tokio::test]
async fn a_server_without_jetstream() {
    let server = Server::start_closed("# no jetstream").await;
    let error = nats(server.config()).failure().await;
    expect(&error, Attempt::Refused, &["JetStream is not enabled"]);
}

#[tokio::test]
async fn what_answers_is_no_nats_server() {
    let server = Server::start("").await;
    let urls = vec![format!("nats://127.0.0.1:{}", server.mqtt)];
    let silent = Config { urls, connect_timeout: Duration::from_millis(300), ..Config::default() };
    expect(&nats(silent).failure().await, Attempt::Timeout, &["nats.connect_timeout_seconds", "nats.url"]);

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let urls = vec![format!("nats://{}", listener.local_addr().expect("an address"))];
    tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.expect("a peer");
        peer.write_all(b"220 smtp.example ESMTP\r\n").await.expect("it is written");
        std::future::pending::<()>().await;
    });
    let error = nats(Config { urls, ..Config::default() }).failure().await;
    expect(&error, Attempt::Malformed, &["does not speak NATS", "nats.url"]);
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_demanded() {
    let server = Server::start("").await;
    let urls = vec![format!("tls://127.0.0.1:{}", server.port)];
    let error = nats(Config { urls, ..Config::default() }).failure().await;
    expect(&error, Attempt::Refused, &["TLS", "nats.url"]);
}

#[tokio::test]
async fn a_stream_that_forgets_what_was_read_is_refused() {
    let server = Server::start("").await;
    let config = json!({"name": "floodway", "subjects": ["tenant.>"], "retention": "workqueue"});
    server.ask("STREAM.CREATE.floodway", config).await;
    let error = nats(server.config()).failure().await;
    expect(&error, Attempt::Refused, &["workqueue", "nats.stream"]);
}

#[tokio::test]
async fn a_file_of_authorities_that_is_not_there() {
    let server = Server::start("").await;
    let config = Config { ca: Some("nowhere.pem".into()), ..server.config() };
    expect(&nats(config).failure().await, Attempt::Refused, &["nats.tls.ca", "nowhere.pem"]);
}
