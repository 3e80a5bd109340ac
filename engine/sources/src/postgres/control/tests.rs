//! A table as the store of limits and groups.

use std::sync::Arc;

use super::*;
use crate::control::SyncState;
use crate::control::stores::test_kit::{self, Fragile, Place, following, start};
use crate::postgres::test_kit::Server;
use crate::source::Source;
use floodway_core::index::Index;

fn config(server: &Server, user: &str) -> Config {
    Config { urls: vec![server.url_of(user)], ..Config::default() }
}

fn kept(
    server: &Server,
    user: &str,
    control: &control::Config,
    follower: Follower,
) -> (Vec<Box<dyn Source>>, Option<Keeper>) {
    (Vec::new(), Some(keeper(config(server, user), control, follower).expect("a configuration")))
}

impl Place for Server {
    fn keep(
        &self,
        config: &control::Config,
        _: Arc<Index>,
        follower: Follower,
    ) -> (Vec<Box<dyn Source>>, Option<Keeper>) {
        kept(self, "postgres", config, follower)
    }
}

impl Fragile for Server {
    async fn goes(&mut self) {
        self.kill();
    }

    async fn comes_back(&mut self) {
        self.start_again().await;
    }
}

test_kit::suite!(Server::start().await; shared, fragile);

/// As a user of this name, who looks every second for what no notification told of.
struct As<'a>(&'a Server, &'static str);

impl Place for As<'_> {
    fn keep(
        &self,
        config: &control::Config,
        _: Arc<Index>,
        follower: Follower,
    ) -> (Vec<Box<dyn Source>>, Option<Keeper>) {
        let config = control::Config { reread: Duration::from_secs(1), ..config.clone() };
        kept(self.0, self.1, &config, follower)
    }
}

#[tokio::test]
async fn what_a_person_changes_without_a_word_is_found_in_time() {
    let server = Server::start().await;
    let gateway = following(&As(&server, "postgres"), "A").await;
    gateway.puts("CHANGED", &["A"]).await;
    gateway.puts("GONE", &["A"]).await;
    server
        .does(
            "update floodway_control set value = '{\"devices\":[\"B\"]}' where key = 'groups/T/CHANGED';
             delete from floodway_control where key = 'groups/T/GONE';
             insert into floodway_control (key, value) values ('groups/T/NEW', '{\"devices\":[\"C\"]}');
             insert into floodway_control (key, value, expires) values ('groups/T/OLD', '{\"devices\":[]}', now())",
        )
        .await;
    gateway.until("it is found", |_| gateway.members("NEW") == ["C"]).await;
    assert_eq!((gateway.members("CHANGED"), gateway.members("GONE")), (vec!["B".to_owned()], Vec::new()));
    let old = gateway.control.group(&test_kit::tenant("T"), &test_kit::group("OLD"));
    assert_eq!(old, None, "it has expired");
    gateway.stop();
}

#[tokio::test]
async fn a_status_expires() {
    let server = Server::start().await;
    let table = || Table::new(config(&server, "postgres"), Duration::from_secs(1)).expect("a configuration");
    test_kit::what_expires_is_gone(table(), table()).await;
}

#[tokio::test]
async fn who_may_only_look_reads_and_is_told_what_to_grant() {
    let server = Server::start().await;
    let owner = following(&server, "A").await;
    owner.puts("G", &["A"]).await;
    server.does("create role guest login; grant select on floodway_control to guest").await;
    let guest = following(&As(&server, "guest"), "B").await;
    assert_eq!(guest.members("G"), ["A"]);
    let refused = guest.control.put_group(&test_kit::tenant("T"), &test_kit::group("H"), ["A"]).await;
    let refused = refused.expect_err("it may not write").to_string();
    assert!(refused.contains("42501") && refused.contains("GRANT SELECT, INSERT"), "{refused}");
    owner.puts("G", &["B"]).await;
    guest.until("it follows", |_| guest.members("G") == ["B"]).await;
    owner.stop();
    guest.stop();
}

#[tokio::test]
async fn who_may_not_make_the_table_is_told_so() {
    let server = Server::start().await;
    server.does("create role guest login; revoke create on schema public from public").await;
    let guest = start(&As(&server, "guest"), "B");
    let is_told = |state| matches!(state, SyncState::Partial(why) if why.contains("docs/control.md"));
    guest.until("the reason is told", |control| is_told(control.sync_state())).await;
    server
        .does(
            "create table floodway_control (key text primary key, value text not null,
                 updated timestamptz not null default now(), expires timestamptz);
             grant select, insert, update, delete on floodway_control to guest",
        )
        .await;
    guest.follows().await;
    guest.puts("G", &["A"]).await;
    guest.stop();
}
