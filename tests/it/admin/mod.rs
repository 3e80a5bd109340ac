//! The admin API as tools see it: Python's grpcio with reflection, no generated code.

mod agreement;
mod away;
mod broker;
mod calls;
mod health;
mod json;
mod looking;
mod metrics;
mod readiness;
mod steering;
mod streams;
mod tls;

use std::process::Command;

use floodway_tests::process::{Process, run, script};
use floodway_tests::{Gateway, wait_until};
use serde_json::Value;

pub(crate) use metrics::Page;

/// One call by Python's grpcio.
fn python(gateway: &Gateway, call: &str, request: &Value, more: &[&str]) -> Command {
    let mut command = script("admin_call.py");
    command.args([&gateway.admin(), call, &request.to_string()]).args(more);
    command
}

/// A call whose answers go on, after its first one.
pub(crate) struct Watch(Process);

impl Watch {
    pub(crate) async fn start(gateway: &Gateway, call: &str, request: Value) -> Self {
        // More answers than any test waits for.
        let command = python(gateway, call, &request, &["", "1000000"]);
        let watch = Self(Process::start("admin_call.py", command));
        wait_until("the first answer is there", async || !watch.answers().is_empty()).await;
        watch
    }

    /// Its answers so far.
    pub(crate) fn answers(&self) -> Vec<Value> {
        let lines = self.0.log();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }
}

/// The answers to one call, or the code and the message that refuse it.
pub(crate) async fn answers(
    gateway: &Gateway,
    call: &str,
    request: Value,
    more: &[&str],
) -> Result<Vec<Value>, (String, String)> {
    let command = python(gateway, call, &request, more);
    let finished = run("admin_call.py", command).await;
    let lines = finished.stdout.lines();
    let lines: Vec<Value> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    match (finished.code, lines.as_slice()) {
        (Some(0), _) => Ok(lines),
        (Some(1), [.., refused]) if refused["code"].is_string() => {
            let text = |name: &str| refused[name].as_str().unwrap_or_default().to_owned();
            Err((text("code"), text("message")))
        }
        _ => panic!("{call}: {}\nrun scripts/test: it installs what is missing", finished.stderr),
    }
}

/// The value of a sample without labels on the page `/metrics`.
pub(crate) async fn sample(gateway: &Gateway, name: &str) -> String {
    let page = gateway.metrics().await;
    let mut lines = page.lines();
    let found = lines.find_map(|line| line.strip_prefix(&format!("floodway_{name} ")));
    found.expect("the sample is there").to_owned()
}

/// The answer to a call that gives one.
pub(crate) async fn ask(gateway: &Gateway, call: &str, request: Value) -> Value {
    let answers = answers(gateway, call, request, &[]).await;
    answers.unwrap_or_else(|refused| panic!("{call}: {refused:?}")).remove(0)
}

/// Why a call is refused.
pub(crate) async fn refusal(gateway: &Gateway, call: &str, request: Value) -> String {
    let answers = answers(gateway, call, request, &[]).await;
    answers.expect_err(call).1
}

/// The code that refuses a call.
async fn refused(gateway: &Gateway, call: &str, request: Value, token: &str) -> String {
    let answers = answers(gateway, call, request, &[token]).await;
    answers.expect_err(call).0
}

/// 64-bit numbers are texts in protobuf's JSON.
pub(crate) fn number(value: &Value) -> u64 {
    let text = value.as_str().expect("a 64-bit number");
    text.parse().expect("a number")
}
