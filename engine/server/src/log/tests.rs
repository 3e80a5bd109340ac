//! Tests of `log`.

use super::*;

/// What one event looks like under `config`.
fn logged(config: &Config, terminal: bool) -> String {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let writer = move |line: &[u8]| sink.lock().unwrap().extend_from_slice(line);
    let subscriber = subscriber(config, terminal, writer).expect("a good filter");
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(address = "127.0.0.1:8080", "listening");
        tracing::debug!("hidden");
    });
    String::from_utf8(lines.lock().unwrap().clone()).expect("UTF-8")
}

#[test]
fn away_from_a_terminal_a_line_is_one_flat_json_object() {
    let lines = logged(&Config::default(), false);
    assert_eq!(lines.lines().count(), 1, "{lines}");
    let line: serde_json::Value = serde_json::from_str(&lines).expect("JSON");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message"], "listening");
    assert_eq!(line["address"], "127.0.0.1:8080");
    assert_eq!(line["target"], "floodway_server::log::tests");
    assert!(line["timestamp"].is_string(), "{line}");
}

#[test]
fn the_format_can_be_chosen() {
    let text = Config { format: Some(Format::Text), ..Config::default() };
    assert!(logged(&text, false).contains("listening address=\"127.0.0.1:8080\""));
    let json = Config { format: Some(Format::Json), ..Config::default() };
    assert!(logged(&json, true).starts_with('{'));
}

#[test]
fn a_filter_is_checked_before_it_is_used() {
    assert!(filter("floodway=debug,warn").is_ok());
    assert!(filter("floodway=loud").unwrap_err().contains("expected a level"));
}
