//! A bucket as the store of limits and groups.

use std::sync::Arc;

use floodway_core::index::Index;

use super::server::Server;
use super::*;
use crate::control::stores::test_kit::{self, Fragile, Place, following};
use crate::control::{self, Follower, Keeper};
use crate::nats::bucket::{SUBJECTS, key_of, subject};
use crate::nats::control::{Bucket, keeper};
use crate::source::Source;

impl Place for Server {
    fn keep(
        &self,
        config: &control::Config,
        _: Arc<Index>,
        follower: Follower,
    ) -> (Vec<Box<dyn Source>>, Option<Keeper>) {
        (Vec::new(), Some(keeper(self.config(), config, follower).expect("a configuration")))
    }
}

impl Fragile for Server {
    async fn goes(&mut self) {
        self.kill();
    }

    async fn comes_back(&mut self) {
        self.restart().await;
    }
}

test_kit::suite!(Server::start("").await; shared, fragile);

#[tokio::test]
async fn the_bucket_is_one_and_forgets_who_is_gone() {
    let server = Server::start("").await;
    let gateway = following(&server, "A").await;
    gateway.puts("a b", &["A"]).await;
    let info = server.ask("STREAM.INFO.KV_floodway_control", json!({"subjects_filter": ">"})).await;
    let config = &info["config"];
    assert_eq!((&config["max_msgs_per_subject"], &config["allow_msg_ttl"]), (&json!(1), &json!(true)));
    assert_eq!(info["state"]["subjects"]["$KV.floodway_control.groups.T.a=20b"], json!(1), "{info}");
    gateway.stop();
}

#[tokio::test]
async fn a_status_expires() {
    let server = Server::start("").await;
    let bucket = || Bucket::new(server.config()).expect("a configuration");
    test_kit::what_expires_is_gone(bucket(), bucket()).await;
}

#[test]
fn keys_of_any_name_come_back_and_hold_nothing_that_nats_takes_for_more() {
    assert_eq!(subject("groups/a b/G"), "$KV.floodway_control.groups.a=20b.G");
    for key in ["limits/default", "groups/*/>", "groups/a.b/=", "groups/\u{1f600}/%41", "fleet/n-1_2"] {
        let subject = subject(key);
        let encoded = subject.strip_prefix(SUBJECTS).expect("it begins so");
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=.".contains(c);
        assert!(encoded.chars().all(is_plain), "{subject}");
        assert_eq!(key_of(&subject).as_deref(), Some(key));
    }
    assert_eq!(key_of("$KV.other.a"), None);
}
