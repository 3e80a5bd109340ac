//! Tests of `cli::demo::settings`.

use std::time::Duration;

use super::*;
use crate::config::{Key, load};
use floodway_server::auth::Verifier;

fn settled(env: &[(&str, &str)]) -> Settled {
    let env = |name: &str| {
        let found = env.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let loaded = load(None, &env, &[], Key::Optional).unwrap_or_else(|error| panic!("{error}"));
    settle(loaded).unwrap_or_else(|_| panic!("there is randomness"))
}

#[test]
fn nothing_has_to_be_set() {
    let settled = settled(&[]);
    assert!(settled.may_move && settled.warnings.is_empty());
    assert_eq!(settled.config.http.listen, LISTEN);
    assert!(settled.config.http.live_page);
    assert_eq!(settled.config.mqtt.subscribe, Subscribe::All);
    assert_eq!(settled.config.log.filter, LOG_FILTER);
}

#[test]
fn what_was_set_is_used() {
    let settled = settled(&[
        ("FLOODWAY_LISTEN", "0.0.0.0:9999"),
        ("FLOODWAY_MQTT_SUBSCRIBE", "on_demand"),
        ("MAX_STREAM_CONNECTIONS_PER_TENANT", "3"),
        ("FLOODWAY_LOG", "debug"),
        ("FLOODWAY_LIVE_PAGE", "false"),
    ]);
    assert!(!settled.may_move && settled.warnings.is_empty());
    assert_eq!(settled.config.http.listen, "0.0.0.0:9999");
    assert!(!settled.config.http.live_page);
    assert_eq!(settled.config.mqtt.subscribe, Subscribe::OnDemand);
    assert_eq!(settled.config.limits.connections, 3);
    assert_eq!(settled.config.log.filter, "debug");
}

#[test]
fn what_is_not_used_is_said_without_its_value() {
    let theirs = "a-secret-of-at-least-32-bytes-of-theirs";
    let settled = settled(&[("FLOODWAY_JWT_SECRET", theirs), ("MQTT_HOST", "broker.example")]);
    assert_eq!(settled.warnings.len(), 2, "{:?}", settled.warnings);
    assert!(settled.warnings[0].starts_with("mqtt.url (env MQTT_HOST): not used"));
    assert!(settled.warnings[1].starts_with("auth.hs256_secret"));
    assert!(!settled.warnings.concat().contains(theirs));
    assert_ne!(settled.secret, theirs);
}

#[test]
fn each_demo_has_a_key_of_its_own() {
    let (one, other) = (settled(&[]), settled(&[]));
    assert_eq!(one.secret.len(), 2 * SECRET_BYTES);
    assert_ne!(one.secret, other.secret);
}

#[test]
fn the_token_is_accepted_whatever_is_asked_of_tokens() {
    let Settled { config, secret, .. } = settled(&[
        ("FLOODWAY_JWT_ISSUER", "https://issuer.example"),
        ("FLOODWAY_JWT_AUDIENCE", "floodway"),
        ("FLOODWAY_ROLES", "watcher"),
    ]);
    let expires_at = SystemTime::now() + Duration::from_secs(60);
    let Ok(token) = token(&config.auth, &secret, "acme", expires_at) else {
        panic!("a token");
    };
    let verifier = Verifier::start(&config.auth).expect("a key");
    let identity = verifier.verify_now(&token, None).expect("accepted");
    assert_eq!(identity.tenant.as_str(), "acme");
}
