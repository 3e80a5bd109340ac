//! Tests of `shard::registry::user_agents`.

use super::*;

#[test]
fn streams_with_one_name_share_its_text() {
    let mut user_agents = UserAgents::default();
    let one = user_agents.share(Arc::from("Firefox"));
    let two = user_agents.share(Arc::from("Firefox"));
    assert!(Arc::ptr_eq(&one, &two));
}

#[test]
fn what_nobody_has_is_forgotten_before_it_is_more_than_what_somebody_has() {
    let mut user_agents = UserAgents::default();
    let held: Vec<_> = (0..100).map(|n| user_agents.share(Arc::from(format!("stays {n}")))).collect();
    for n in 0..10_000 {
        user_agents.share(Arc::from(format!("goes {n}")));
        assert!(user_agents.kept.len() <= 2 * held.len() + 1, "{}", user_agents.kept.len());
    }
    let again = user_agents.share(Arc::from("stays 7"));
    assert!(Arc::ptr_eq(&again, &held[7]));
}
