//! Tests of `instruments::machine`.

use super::*;
use std::sync::Mutex;

/// Other tests' work would be seen as this one's.
static ALONE: Mutex<()> = Mutex::new(());

fn work(time: Duration) {
    let begun = own_cpu();
    while own_cpu() - begun < time {
        std::hint::black_box(now_us());
    }
}

#[test]
fn this_process_is_seen_to_work() {
    let _alone = ALONE.lock();
    let mut me = Processes::new(&[std::process::id()]).unwrap();
    let before = me.cpu();
    work(Duration::from_millis(60));
    let spent = me.cpu().since(before);
    assert!(spent.total >= Duration::from_millis(40), "{spent:?}");
    assert_eq!(spent.user() + spent.system(), spent.total);
    assert!(me.rss_kib() > 100);
    assert!(me.descriptors() >= 3);
}

#[test]
fn a_thread_that_ends_loses_no_time() {
    let _alone = ALONE.lock();
    let mut me = Processes::new(&[std::process::id()]).unwrap();
    let before = me.cpu();
    std::thread::spawn(|| work(Duration::from_millis(100))).join().unwrap();
    let spent = me.cpu().since(before).total;
    assert!((70..180).contains(&spent.as_millis()), "{spent:?}");
    // From then on, small times are seen again.
    let before = me.cpu();
    work(Duration::from_millis(8));
    let spent = me.cpu().since(before).total;
    assert!((1..30).contains(&spent.as_millis()), "{spent:?}");
}

#[test]
fn a_process_that_is_not_there_is_an_error() {
    // Process ids end at 4,194,304 (proc_sys_kernel(5)).
    let error = Processes::new(&[5_000_000]).unwrap_err();
    assert!(error.to_string().contains("5000000"), "{error}");
}

#[test]
fn as_many_files_as_may_be_can_be_open() {
    let allowed = allow_open_files().unwrap();
    assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), allowed);
}

#[test]
fn a_core_that_is_not_there_is_an_error() {
    assert!(pin(usize::MAX).is_err());
    assert!(pin(1_000).is_err());
}
