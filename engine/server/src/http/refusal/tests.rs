//! Tests of `http::refusal`.

use super::*;
use floodway_core::log_rate::LOG_PAUSE;

#[test]
fn a_token_is_counted_by_its_reason_and_by_its_check() {
    let (refusals, start) = (Refusals::default(), Instant::now());
    let count = |refusal, now| refusals.count(&Refusal::Token(refusal), now);
    assert_eq!(count(auth::Refusal::Missing, start), None);
    assert_eq!(count(auth::Refusal::Role, start), Some(0));
    assert_eq!(count(auth::Refusal::Role, start + LOG_PAUSE / 2), None);
    assert_eq!(count(auth::Refusal::Role, start + LOG_PAUSE / 2), None);
    assert_eq!(count(auth::Refusal::OtherTenant, start), Some(0));
    assert_eq!(count(auth::Refusal::Role, start + LOG_PAUSE), Some(2));
    assert_eq!(refusals.checks()[11..], [1, 4]);
    assert_eq!(refusals.checks().iter().sum::<u64>(), 5);
}

#[test]
fn each_reason_has_a_label_and_a_count_of_its_own() {
    let refusals = [
        Refusal::Token(auth::Refusal::Missing),
        Refusal::Token(auth::Refusal::NoTenant("tenant_id is a number")),
        Refusal::Token(auth::Refusal::Role),
        Refusal::Query("a bad id".to_owned()),
        Refusal::NoPermit(NoPermit::Tenant { limit: 1 }),
        Refusal::NoPermit(NoPermit::Gateway),
        Refusal::NoBroker,
        Refusal::Token(auth::Refusal::NoKeys),
        Refusal::BrokerRefused(None),
        Refusal::Origin,
        Refusal::Handshake(HandshakeError::NotUpgrade),
        Refusal::Malformed,
        Refusal::HeadTooLarge,
        Refusal::Token(auth::Refusal::Invalid(auth::Fault::Expired)),
        Refusal::Draining,
    ];
    let counts = Refusals::default();
    for (times, refusal) in refusals.iter().enumerate() {
        assert_eq!(refusal.reason(), EndReason::REFUSED[times]);
        let status = Some(refusal.status().as_u16());
        assert_eq!(status, refusal.reason().row().status);
        (0..times).for_each(|_| _ = counts.count(refusal, Instant::now()));
    }
    assert_eq!(counts.counts(), std::array::from_fn(|at| at as u64));
}
