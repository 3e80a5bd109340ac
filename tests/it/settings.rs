//! Settings as an operator gives them to the binary: secrets in files, and what looks like a setting and is none.

use std::path::PathBuf;

use floodway_tests::gateway::floodway_run;
use floodway_tests::token::SECRET;
use floodway_tests::{Broker, Gateway};
use tempfile::TempDir;

const KEY: (&str, &str) = ("FLOODWAY_JWT_SECRET", SECRET);

/// A file that holds `text`.
pub(crate) fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("floodway.toml");
    std::fs::write(&path, text).expect("the file is written");
    (folder, path)
}

#[tokio::test]
async fn a_secret_may_stand_in_a_file() {
    let (_folder, path) = file(&format!("{SECRET}\n"));
    let by_file = ("FLOODWAY_JWT_SECRET_FILE", path.to_str().expect("UTF-8"));
    let checked = floodway_run(&["check"], &[by_file]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(
        checked.stdout.contains("# env FLOODWAY_JWT_SECRET_FILE") && checked.stderr.is_empty(),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    let broker = Broker::start().await;
    let launch = Gateway::start(&broker).without("FLOODWAY_JWT_SECRET");
    launch.env(by_file.0, by_file.1).await.ws("T1", "").await;

    let both = floodway_run(&["check"], &[by_file, KEY]).await;
    assert_eq!(both.code, Some(2), "{}", both.stdout);
    assert!(both.stderr.contains("keep one of them"), "{}", both.stderr);
}

#[tokio::test]
async fn a_misspelt_variable_is_warned_of_with_the_nearest_one_and_without_its_value() {
    let misspelt = ("FLOODWAY_JWT_ISUER", "hush-hush");
    let checked = floodway_run(&["check"], &[KEY, misspelt, ("FLOODWAY_ADMIN_CA", "")]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert_eq!(checked.stderr.lines().count(), 1, "{}", checked.stderr);
    assert!(checked.stderr.contains("FLOODWAY_JWT_ISUER"));
    assert!(checked.stderr.contains("FLOODWAY_JWT_ISSUER"));
    assert!(!format!("{}{}", checked.stdout, checked.stderr).contains("hush-hush"));

    // It may be why there is no key.
    let refused = floodway_run(&["serve"], &[("FLOODWAY_JWT_SECRT", "hush-hush")]).await;
    assert_eq!(refused.code, Some(2));
    let nearest = "the nearest known one is FLOODWAY_JWT_SECRET";
    assert!(refused.stderr.contains(nearest), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hush-hush"), "{}", refused.stderr);
}

#[tokio::test]
async fn what_check_prints_in_place_of_a_secret_is_no_secret() {
    let printed = floodway_run(&["check"], &[KEY]).await.stdout;
    let (_folder, path) = file(&printed);
    let path = path.to_str().expect("UTF-8");
    let refused = floodway_run(&["check", "--config", path], &[]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stdout);
    let told = refused.stderr;
    assert!(told.contains("auth.hs256_secret") && told.contains("give the secret itself"), "{told}");
}

#[tokio::test]
async fn the_shell_finds_the_private_listeners_token_in_the_same_file_as_the_gateway() {
    let (_folder, path) = file("s3cret\n");
    let by_file = ("FLOODWAY_ADMIN_TOKEN_FILE", path.to_str().expect("UTF-8"));
    let broker = Broker::start().await;
    let gateway = Gateway::start(&broker).env(by_file.0, by_file.1).await;
    let url = format!("http://{}", gateway.admin());
    let status = async |settings: &[(&str, &str)]| floodway_run(&["status", "--admin", &url], settings).await;
    assert_eq!(status(&[]).await.code, Some(1));
    assert_eq!(status(&[by_file]).await.code, Some(0));
    let nowhere = status(&[(by_file.0, "no-such-file")]).await;
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.stderr.contains("FLOODWAY_ADMIN_TOKEN_FILE = \"no-such-file\""));
}
