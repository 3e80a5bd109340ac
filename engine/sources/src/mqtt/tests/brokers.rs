//! Which broker is linked, with what credentials, and what a lost one costs.

use super::*;

#[tokio::test]
async fn a_broker_that_dies_and_returns_brings_a_gap_and_then_events() {
    let mut broker = Mosquitto::open().await;
    let bed = Bed::on(&broker).await;
    let permit = bed.subscriber("T").await;
    broker.publish(&[(TOPIC, br#"{"ts":1}"#)]).await;
    bed.next_event().await;
    broker.kill();
    bed.connected(false).await;
    let refused = bed.ingest.handle().confirmed(permit.tenant()).await;
    assert_eq!(refused, Err(Unavailable::NoSource), "at once");
    assert_eq!(bed.next_state().await, SourceState::Down);
    broker.restart().await;
    assert!(Arc::ptr_eq(&bed.next_gap().await, permit.tenant()));
    assert_eq!(bed.next_state().await, SourceState::Up);
    bed.ingest.handle().confirmed(permit.tenant()).await.unwrap();
    broker.publish(&[(TOPIC, br#"{"ts":2}"#)]).await;
    bed.next_event().await;
    assert_eq!(bed.ingest.handle().metrics().reconnects, 1);
}

#[tokio::test]
async fn the_next_broker_is_tried_when_one_cannot_be_reached() {
    let broker = Mosquitto::open().await;
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bed = Bed::start(quick(vec![format!("mqtt://{nobody}"), broker.url()]));
    bed.connected(true).await;
    bed.subscriber("T").await;
}

#[tokio::test]
async fn credentials_are_sent() {
    let passwords = tempfile::NamedTempFile::new().unwrap();
    let mut tool = Command::new("mosquitto_passwd");
    assert!(
        tool.arg("-b")
            .arg("-c")
            .arg(passwords.path())
            .args(["me", "p:w"])
            .status()
            .unwrap()
            .success()
    );
    let settings = format!("password_file {}", passwords.path().display());
    let broker = Mosquitto::start(&settings).await;
    let stranger = Bed::start(quick(vec![broker.url()]));
    let url = broker.url().replace("mqtt://", "mqtt://me:p%3Aw@");
    let config = Config {
        username: Some("me".to_owned()),
        password: Some("p:w".to_owned()),
        ..quick(vec![broker.url()])
    };
    for known in [quick(vec![url]), config] {
        let bed = Bed::start(known);
        bed.connected(true).await;
        bed.subscriber("T").await;
    }
    assert!(!stranger.ingest.handle().is_connected());
}

#[test]
fn a_wrong_url_is_an_error_at_once_and_its_password_is_not_repeated() {
    for urls in [vec![], vec!["mqtt://me:secret@".to_owned()]] {
        let index = Arc::new(Index::new(0, Limits::default()));
        let error = Mqtt::new(quick(urls), index, None).err().expect("an error");
        assert!(error.to_string().starts_with("mqtt.url "), "{error}");
        assert!(!error.to_string().contains("secret"));
    }
}
