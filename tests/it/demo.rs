//! The demo, as a newcomer meets it: what it prints is pasted into a shell, and works.

use std::process::Command;

use floodway_tests::gateway::{binary, floodway};
use floodway_tests::process::{Process, run, script};
use floodway_tests::wait_until;

/// A shell that runs `line`, and becomes it if it is one command.
fn shell(line: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", line]);
    command
}

/// The printed line that begins with `command`.
fn printed(demo: &Process, command: &str) -> Option<String> {
    let log = demo.log();
    log.into_iter().find(|line| line.starts_with(command))
}

#[tokio::test]
async fn what_the_demo_prints_works_when_it_is_pasted() {
    let mut command = floodway(&["demo"]);
    command.env("FLOODWAY_LISTEN", "127.0.0.1:0").env("FLOODWAY_ADMIN_LISTEN", "127.0.0.1:0");
    let mut demo = Process::start("floodway demo", command);
    wait_until("the last line to copy is printed", async || {
        assert!(demo.runs(), "{:#?}", demo.log());
        printed(&demo, "mosquitto_pub ").is_some()
    })
    .await;

    let token = printed(&demo, "TOKEN=").expect("printed before");
    let curl = printed(&demo, "curl ").expect("printed before");
    let stream = Process::start("curl", shell(&format!("{token}\nexec {curl}")));
    wait_until("a simulated device's event arrives", async || {
        stream.logged(|line| line.contains(r#""device_id":"press-1","tenant_id":"acme""#))
    })
    .await;

    let page = printed(&demo, "http://").expect("printed before");
    let (page, in_fragment) = page.split_once("#token=").expect("the token is ready");
    assert_eq!(token, format!("TOKEN={in_fragment}"));
    for file in ["", "floodway.js"] {
        let fetched =
            run("curl", shell(&format!("curl --fail --silent --show-error --noproxy '*' {page}{file}"))).await;
        assert!(!fetched.succeeded().is_empty(), "the page is there to be opened");
    }

    let publish = printed(&demo, "mosquitto_pub ").expect("printed before");
    run("mosquitto_pub", shell(&publish)).await.succeeded();
    wait_until("the own device's event arrives", async || {
        stream.logged(|line| {
            line.contains(r#""device_id":"my-device""#) && line.contains(r#""metrics":{"temperature":21.50}"#)
        })
    })
    .await;
    assert!(!stream.logged(|line| line.contains("globex")), "the other tenant's events stay with it");

    wait_until("the live line counts the stream", async || {
        demo.logged(|line| line.starts_with("devices 14 | ") && line.contains("subscribers 1"))
    })
    .await;
    demo.terminate();
    assert_eq!(demo.ended().await.code(), Some(0));
}

#[tokio::test]
async fn what_the_demo_prints_fits_a_small_terminal() {
    let mut command = script("demo_terminal.py");
    command.arg(binary());
    let mut terminal = Process::start("demo_terminal.py", command);
    assert_eq!(terminal.ended().await.code(), Some(0), "{:#?}", terminal.log());
    assert!(terminal.logged(|line| line == "all is well"));
}
