//! Text messages that are no actions, and actions with the wrong things in them.

use serde_json::{Value, json};

use super::Scene;

fn actions() -> Vec<String> {
    let mut actions: Vec<String> = [
        "",
        " ",
        "{",
        "}",
        "[",
        "null",
        "true",
        "0",
        "\"subscribe\"",
        "[]",
        "{}",
        "[{\"action\":\"ping\"}]",
        "subscribe",
        "{\"action\"}",
        "{\"action\":}",
        "{\"action\":\"ping\"",
        "{\"action\":\"ping\"}}",
        "{\"action\":ping}",
        "{\"action\":\"ping\",}",
        "{'action':'ping'}",
        "{\"action\":\"\\ud800\"}",
        "{\"a\":1e999999}",
        "\u{0}",
        "{\"action\":\"ping\"}\n{\"action\":\"dance\"}",
        "{\"Action\":\"ping\"}",
        "GET / HTTP/1.1",
        "\u{feff}{}",
    ]
    .map(str::to_owned)
    .into();
    for value in [
        json!(null),
        json!(1),
        json!(true),
        json!([]),
        json!({}),
        json!(""),
        json!("PING"),
        json!("ping "),
        json!("../ping"),
        json!("a".repeat(5000)),
        json!("\r\nevent: x"),
    ] {
        actions.push(json!({"action": value}).to_string());
    }
    let bad_ids = [
        json!(null),
        json!(1),
        json!([]),
        json!({}),
        json!(""),
        json!("a/b"),
        json!("+"),
        json!("#"),
        json!("a\u{0}"),
        json!("\n"),
        json!("x".repeat(257)),
    ];
    for id in &bad_ids {
        actions.push(json!({"action": "subscribe", "device_id": id}).to_string());
        actions.push(json!({"action": "unsubscribe", "group_id": id}).to_string());
        if !id.is_array() {
            actions.push(json!({"action": "subscribe", "group_ids": ["ok", id]}).to_string());
        }
    }
    for ids in [json!("A"), json!(7), json!({"A": 1}), json!([["A"]]), many(2000)] {
        actions.push(json!({"action": "subscribe", "device_ids": ids}).to_string());
        actions.push(json!({"action": "set_metrics", "metrics": ids}).to_string());
    }
    for token in [json!(null), json!(7), json!([])] {
        actions.push(json!({"action": "refresh", "token": token}).to_string());
    }
    actions.push(format!("{}{}", "[".repeat(5000), "]".repeat(5000)));
    actions.push(format!("{{\"action\":{}1{}}}", "[".repeat(2000), "]".repeat(2000)));
    actions.push(format!("{{{}\"action\":\"dance\"}}", "\"x\":1,".repeat(1500)));
    actions
}

fn many(count: usize) -> Value {
    (0..count).map(|n| format!("D{n}")).collect()
}

#[tokio::test]
async fn bad_actions_are_answered_by_errors_and_change_nothing() {
    let mut scene = Scene::start().await;
    let mut hostile = scene.gateway.ws("GOOD", "device_id=nothing").await;
    let before = hostile.ask(json!({"action": "get_filters"})).await;
    for action in actions() {
        hostile.send(action.clone()).await;
        let answer = hostile.next().await;
        let start: String = action.chars().take(80).collect();
        assert_eq!(answer["type"], "error", "to {start}: {answer}");
        assert!(answer.to_string().len() < 6000, "an answer is bounded");
        assert_eq!(hostile.ask(json!({"action": "get_filters"})).await, before, "after {start}");
        scene.unharmed_by(format!("action of {} bytes: {start:?}", action.len())).await;
    }
    drop(hostile);
    scene.leaves_nothing(80).await;
}
