//! A broker that ends the connection for what it does not like: who is fatal, and that nobody else suffers.

use super::*;

fn filters(tenants: &[&str]) -> Vec<String> {
    tenants.iter().map(|tenant| filter(tenant)).collect()
}

impl Bed {
    /// Tries all_tenants on a broker that forbids these and takes so many filters in one request and so many requests in a
    /// row; returns the number of connections that it took.
    fn tries_all(&mut self, forbidden: &[&str], size: usize, in_a_row: usize) -> usize {
        let mut trials = 0;
        while let Some(requests) = self.subscriptions.next_probe(self.now) {
            trials += 1;
            let ends = requests.len() > in_a_row
                || requests.iter().any(|request| request.len() > size)
                || forbidden.iter().any(|name| requests[0].contains(&filter(name)));
            if ends {
                self.ends();
            } else {
                self.subscriptions.probed(ProbeOutcome::Survived, self.now);
            }
        }
        trials
    }

    fn grants_all(&mut self) -> usize {
        let mut requests = 0;
        while let Some((id, request)) = self.sends() {
            if let Request::Subscribe(filters) = request {
                self.grants(id, filters.len());
            }
            requests += 1;
        }
        requests
    }
}

#[test]
fn the_guilty_one_is_held_off_and_the_others_live_on() {
    let mut bed = linked();
    let good = bed.subscribe("GOOD");
    let bad = bed.enter("BAD");
    bed.sends_subscribe();
    bed.loses();
    let (id, asked) = bed.sends_subscribe();
    assert_eq!(asked, [filter("GOOD")]);
    bed.grants(id, 1);
    assert_eq!(bed.confirms(), ["!GOOD"]);
    assert_eq!(bed.tries(), [filters(&["BAD"])]);
    bed.ends();
    assert_eq!(upstream(&bad), Upstream::Refused);
    let why = bad.tenant().refusal().expect("it is refused");
    assert_eq!(*why, "not authorized (0x87)");
    for pause in [2, 4, 8] {
        assert!(bed.subscriptions.next_probe(bed.now).is_none());
        bed.passes(Duration::from_secs(pause));
        assert_eq!(bed.sends(), None, "never on the connection of all");
        assert_eq!(bed.tries(), [filters(&["BAD"])]);
        bed.ends();
    }
    bed.passes(Duration::from_secs(16));
    assert_eq!(bed.tries_all(&[], 100, 9), 1);
    assert_eq!(bed.grants_all(), 1);
    assert_eq!(bed.confirms(), ["BAD"], "its right has returned");
    assert_eq!(upstream(&good), Upstream::Confirmed);
}

#[test]
fn of_a_batch_the_guilty_one_is_found_by_halves() {
    let mut bed = linked();
    let names: Vec<String> = (0..64).map(|n| format!("T{n}")).collect();
    let permits: Vec<ConnectionPermit> = names.iter().map(|name| bed.enter(name)).collect();
    bed.sends_subscribe();
    bed.loses();
    let trials = bed.tries_all(&["T41"], 100, 9);
    assert!(trials <= 13, "{trials}");
    assert_eq!(bed.grants_all(), 1, "all others in one request");
    assert_eq!(bed.confirms().len(), 63);
    let refused = permits.iter().filter(|permit| upstream(permit) == Upstream::Refused);
    assert_eq!(refused.map(|permit| permit.tenant().id().as_str()).collect::<Vec<_>>(), ["T41"]);
}

#[test]
fn where_both_halves_pass_it_was_the_size_and_requests_stay_small() {
    let mut bed = linked();
    let permits: Vec<ConnectionPermit> = (0..50).map(|n| bed.enter(&format!("T{n}"))).collect();
    bed.sends_subscribe();
    bed.loses();
    bed.tries_all(&[], 8, 9);
    bed.grants_all();
    assert_eq!(bed.confirms().len(), 50);
    assert!(permits.iter().all(|permit| upstream(permit) == Upstream::Confirmed));
    bed.loses();
    let mut sent = 0;
    while let Some((_, Request::Subscribe(filters))) = bed.sends() {
        assert!((5..=8).contains(&filters.len()) || sent + filters.len() == 50);
        sent += filters.len();
    }
    assert_eq!(sent, 50);
}

#[test]
fn whoever_the_broker_that_ends_connections_does_not_know_is_tried_first() {
    let mut bed = linked();
    let _known = bed.subscribe("KNOWN");
    let _bad = bed.enter("BAD");
    bed.sends_subscribe();
    bed.loses();
    bed.tries_all(&["BAD"], 100, 9);
    bed.grants_all();
    let _new = [bed.enter("NEW"), bed.enter("NEWER")];
    assert_eq!(bed.sends(), None);
    assert_eq!(bed.tries(), [filters(&["NEW", "NEWER"])]);
    bed.subscriptions.probed(ProbeOutcome::Survived, bed.now);
    let (id, asked) = bed.sends_subscribe();
    assert_eq!(asked, filters(&["NEW", "NEWER"]));
    bed.grants(id, 2);
    bed.loses();
    let (_, mut asked) = bed.sends_subscribe();
    asked.sort();
    assert_eq!(asked, filters(&["KNOWN", "NEW", "NEWER"]), "known now");
}

#[test]
fn a_broker_that_takes_no_two_requests_in_a_row_gets_them_more_slowly() {
    let mut bed = linked();
    let _early = bed.subscribe("EARLY");
    let _late = bed.enter("LATE");
    bed.sends_subscribe();
    bed.loses();
    let (id, _) = bed.sends_subscribe();
    bed.grants(id, 1);
    assert_eq!(bed.tries(), [filters(&["LATE"])]);
    bed.subscriptions.probed(ProbeOutcome::Survived, bed.now);
    assert_eq!(bed.sends(), None, "not before it is known why");
    assert_eq!(bed.tries(), [filters(&["LATE"]), filters(&["LATE"])]);
    bed.ends();
    assert_eq!(bed.sends(), None, "too early");
    bed.passes(Duration::from_secs(2));
    assert_eq!(bed.sends_subscribe().1, filters(&["LATE"]));
    let _other = bed.enter("OTHER");
    assert_eq!(bed.sends(), None);
    bed.passes(Duration::from_secs(2));
    assert_eq!(bed.sends_subscribe().1, filters(&["OTHER"]));
}

#[test]
fn a_loss_by_chance_costs_a_trial_and_changes_nothing() {
    let mut bed = linked();
    let _first = bed.subscribe("FIRST");
    let _second = bed.enter("SECOND");
    bed.sends_subscribe();
    bed.loses();
    assert_eq!(bed.tries_all(&[], 100, 9), 2);
    bed.grants_all();
    assert_eq!(bed.confirms(), ["!FIRST", "SECOND"]);
    let _third = bed.enter("THIRD");
    assert_eq!(bed.sends_subscribe().1, filters(&["THIRD"]), "at once");
}

#[test]
fn what_was_late_or_not_under_way_is_not_suspected() {
    let mut bed = linked();
    let _silent = bed.enter("SILENT");
    bed.sends_subscribe();
    bed.passes(Config::default().subscribe_timeout);
    bed.loses();
    assert!(bed.subscriptions.next_probe(bed.now).is_none());
    assert_eq!(bed.sends_subscribe().1, filters(&["SILENT"]));
    bed.subscriptions.link_lost(None, bed.now);
    bed.subscriptions.open();
    assert!(bed.subscriptions.next_probe(bed.now).is_none(), "it had other reasons");
}

/// No connection is to be had on which something could be tried.
fn no_second_connection(bed: &mut Bed) {
    while bed.subscriptions.next_probe(bed.now).is_some() {
        bed.subscriptions.probed(ProbeOutcome::NotConnected, bed.now);
        bed.passes(Duration::from_secs(1));
    }
}

#[test]
fn without_a_second_connection_the_guilty_one_is_found_on_the_link_apart_from_the_others() {
    let mut bed = linked();
    let _permits = ["A", "B", "BAD", "C"].map(|tenant| bed.enter(tenant));
    bed.sends_subscribe();
    let mut losses = 1;
    bed.loses();
    no_second_connection(&mut bed);
    while let Some((id, request)) = bed.sends() {
        let Request::Subscribe(filters) = request else {
            panic!("{request:?}");
        };
        if filters.contains(&filter("BAD")) {
            losses += 1;
            bed.loses();
        } else {
            bed.grants(id, filters.len());
        }
        no_second_connection(&mut bed);
    }
    assert!(losses <= 4, "{losses}");
    bed.confirms();
    let refusal = bed.index.find("BAD").unwrap().refusal();
    assert_eq!(*refusal.expect("it is refused"), "not authorized (0x87)");
    // It is held off whatever becomes of the link.
    bed.loses_without_blame();
    no_second_connection(&mut bed);
    let (id, asked) = bed.sends_subscribe();
    bed.grants(id, asked.len());
    assert_eq!(bed.confirms(), ["!A", "!B", "!C"]);
    assert_eq!(bed.sends(), None);
    bed.passes(Duration::from_secs(2));
    no_second_connection(&mut bed);
    assert_eq!(bed.sends_subscribe().1, filters(&["BAD"]));
}

#[test]
fn what_is_tried_on_the_link_holds_up_the_others_for_a_second_at_most() {
    let mut bed = linked();
    let _suspect = bed.enter("SUSPECT");
    bed.sends_subscribe();
    bed.loses();
    no_second_connection(&mut bed);
    assert_eq!(bed.sends_subscribe().1, filters(&["SUSPECT"]));
    let _stranger = bed.enter("STRANGER");
    assert_eq!(bed.sends(), None);
    bed.passes(Duration::from_secs(1));
    let (id, asked) = bed.sends_subscribe();
    assert_eq!(asked, filters(&["STRANGER"]));
    bed.grants(id, 1);
    bed.passes(Duration::from_secs(5));
    assert!(bed.subscriptions.next_probe(bed.now).is_none(), "silence is no guilt");
    bed.passes(Duration::from_secs(2));
    assert_eq!(bed.sends_subscribe().1, filters(&["SUSPECT"]));
}

#[test]
fn a_link_that_is_lost_during_a_trial_goes_on_with_it_and_another_broker_does_not() {
    let mut bed = linked();
    let _permit = bed.enter("T");
    bed.sends_subscribe();
    bed.loses();
    bed.tries();
    bed.loses();
    assert_eq!(bed.sends(), None);
    assert_eq!(bed.tries(), [filters(&["T"])]);
    bed.ended();
    bed.subscriptions.link_up(1, false);
    bed.subscriptions.open();
    assert!(bed.subscriptions.next_probe(bed.now).is_none());
    assert_eq!(bed.sends_subscribe().1, filters(&["T"]));
}

#[test]
fn a_suspect_that_leaves_is_not_tried() {
    let mut bed = linked();
    drop(bed.enter("T"));
    bed.sends_subscribe();
    bed.loses();
    bed.passes(Duration::ZERO);
    bed.passes(LINGER);
    assert!(bed.index.find("T").is_none());
    assert!(bed.subscriptions.next_probe(bed.now).is_none());
}
