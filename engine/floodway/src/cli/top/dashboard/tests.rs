//! Keys and answers against what `top` makes of them, and what it then shows.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::view;
use super::*;

fn tenant(id: &str, delivered: u64, dropped: u64) -> Tenant {
    Tenant { tenant_id: id.to_owned(), delivered, dropped, ..Tenant::default() }
}

fn stream(id: &str) -> Connection {
    Connection {
        connection_id: id.to_owned(),
        tenant_id: "slow-ones".to_owned(),
        queue_depth: 7,
        queue_capacity: 100,
        ..Connection::default()
    }
}

fn answer(uptime: i64, tenants: &[(&str, u64, u64)], streams: &[&str]) -> WatchStatusResponse {
    let node = Node {
        name: "gw-1".to_owned(),
        uptime: Some(prost_types::Duration { seconds: uptime, nanos: 0 }),
        ..Node::default()
    };
    WatchStatusResponse {
        status: Some(Status { node: Some(node), ..Status::default() }),
        busiest_tenants: tenants.iter().map(|(id, delivered, dropped)| tenant(id, *delivered, *dropped)).collect(),
        slowest_connections: streams.iter().map(|id| stream(id)).collect(),
        ..WatchStatusResponse::default()
    }
}

/// Two answers, two seconds apart: `b` delivers most, `a` drops most.
fn dashboard() -> Dashboard {
    let mut dashboard = Dashboard::new("http://127.0.0.1:9090".to_owned());
    dashboard.answer(answer(10, &[("a", 0, 50), ("b", 0, 5), ("c", 7, 0)], &["s1", "s2"]));
    dashboard.answer(answer(12, &[("b", 400, 5), ("a", 20, 50), ("c", 7, 0)], &["s1", "s2"]));
    dashboard
}

fn press(dashboard: &mut Dashboard, keys: &str) -> Action {
    let mut last = Action::None;
    for key in keys.chars() {
        let code = match key {
            '\t' => KeyCode::Tab,
            '\u{1b}' => KeyCode::Esc,
            key => KeyCode::Char(key),
        };
        last = dashboard.key(&KeyEvent::new(code, KeyModifiers::NONE));
    }
    last
}

fn order(dashboard: &Dashboard) -> Vec<&str> {
    let rows = dashboard.rows.iter();
    rows.map(|row| row.tenant.tenant_id.as_str()).collect()
}

fn screen(dashboard: &Dashboard, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, dashboard)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn rates_are_of_the_time_between_two_answers() {
    let dashboard = dashboard();
    let rates = dashboard.rows[0].rates.unwrap();
    assert_eq!((rates.delivered, rates.dropped), (200.0, 0.0));
}

#[test]
fn a_tenant_that_is_served_anew_has_no_rate_yet() {
    let mut dashboard = dashboard();
    dashboard.answer(answer(14, &[("b", 3, 0), ("d", 9, 0)], &[]));
    assert!(dashboard.rows.iter().all(|row| row.rates.is_none()));
}

#[test]
fn keys_sort() {
    let mut dashboard = dashboard();
    assert_eq!(order(&dashboard), ["b", "a", "c"]);
    press(&mut dashboard, "d");
    assert_eq!(order(&dashboard), ["a", "b", "c"]);
    press(&mut dashboard, "e");
    assert_eq!(order(&dashboard), ["b", "a", "c"]);
    press(&mut dashboard, "t");
    assert_eq!(order(&dashboard), ["a", "b", "c"]);
}

#[test]
fn the_selection_stays_with_its_tenant() {
    let mut dashboard = dashboard();
    press(&mut dashboard, "jj");
    assert_eq!(dashboard.selected(List::Tenants), Some(1));
    press(&mut dashboard, "d");
    assert_eq!(dashboard.selected(List::Tenants), Some(0), "a, not the second line");
    press(&mut dashboard, "kkk");
    assert_eq!(dashboard.selected(List::Tenants), Some(0));
    press(&mut dashboard, "jjjjj");
    assert_eq!(dashboard.selected(List::Tenants), Some(2), "the last one");
    press(&mut dashboard, "\u{1b}");
    assert_eq!(dashboard.selected(List::Tenants), None);
}

#[test]
fn a_disconnect_is_asked_for_twice() {
    let mut dashboard = dashboard();
    assert_eq!(press(&mut dashboard, "x"), Action::None);
    assert_eq!(dashboard.asked, None, "nothing is selected");
    assert_eq!(press(&mut dashboard, "jx"), Action::None);
    assert!(screen(&dashboard, 100, 30).contains("all streams of b"));
    assert_eq!(press(&mut dashboard, "n"), Action::None);
    assert_eq!(press(&mut dashboard, "y"), Action::None, "it was called off");
    let target = Target::Tenant("b".to_owned());
    assert_eq!(press(&mut dashboard, "xy"), Action::Disconnect(target));
    let target = Target::Stream("s2".to_owned());
    assert_eq!(press(&mut dashboard, "\tjjxy"), Action::Disconnect(target.clone()));
    dashboard.disconnected(&target, Ok(1));
    assert!(screen(&dashboard, 100, 30).contains("stream s2: 1 stream ended"));
}

#[test]
fn what_is_confirmed_is_what_was_asked_though_lines_moved() {
    let mut dashboard = dashboard();
    press(&mut dashboard, "\tjx");
    dashboard.answer(answer(14, &[], &["s3", "s1"]));
    let target = Target::Stream("s1".to_owned());
    assert_eq!(press(&mut dashboard, "y"), Action::Disconnect(target));
}

#[test]
fn a_stream_that_went_is_not_selected_any_more() {
    let mut dashboard = dashboard();
    press(&mut dashboard, "\tj");
    dashboard.answer(answer(14, &[], &["s3"]));
    assert_eq!(dashboard.selected(List::Streams), None);
    press(&mut dashboard, "x");
    assert_eq!(dashboard.asked, None);
}

#[test]
fn a_gateway_that_is_gone_is_shown_and_another_run_of_it_begins_anew() {
    let mut dashboard = dashboard();
    press(&mut dashboard, "\tjx");
    dashboard.lost("can't reach it");
    let shown = screen(&dashboard, 120, 30);
    assert!(shown.contains("gone") && shown.contains("can't reach it"));
    let mut restarted = answer(1, &[("b", 401, 5)], &["s1"]);
    let node = restarted.status.as_mut().and_then(|s| s.node.as_mut());
    node.unwrap().id = "another run".to_owned();
    dashboard.answer(restarted);
    assert!(!screen(&dashboard, 120, 30).contains("gone"));
    assert_eq!(dashboard.selected(List::Streams), None);
    assert_eq!(press(&mut dashboard, "y"), Action::None, "s1 is another stream");
    assert_eq!(dashboard.rows[0].rates, None);
}

#[test]
fn it_ends_by_q_and_by_control_c() {
    let mut dashboard = dashboard();
    assert_eq!(press(&mut dashboard, "q"), Action::Quit);
    press(&mut dashboard, "jx");
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(dashboard.key(&control_c), Action::Quit, "also from a question");
}

#[test]
fn the_screen_shows_the_gateway_its_tenants_and_slow_streams() {
    let shown = screen(&dashboard(), 120, 30);
    for part in ["gw-1", "200/s", "s1", "slow-ones", "7/100", "q quit"] {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }
}

#[test]
fn a_small_screen_and_no_answer_are_no_panic() {
    let mut asked = dashboard();
    press(&mut asked, "jx");
    for (width, height) in (1..40).flat_map(|width| (1..20).map(move |height| (width, height))) {
        screen(&asked, width, height);
        screen(&Dashboard::new("http://127.0.0.1:9090".to_owned()), width, height);
    }
}
