//! Tests of `files`.

use std::collections::BTreeSet;

use super::*;

static FILES: [File; 2] =
    [File { path: "/index.html", bytes: b"<p>page</p>" }, File { path: "/page.js", bytes: b"go()" }];

fn ask(method: Method, path: &str, known: &str) -> Option<Response<Option<Bytes>>> {
    let request = Request::builder().method(method).uri(path).header(IF_NONE_MATCH, known);
    Files::new(&FILES).answer(&request.body(()).unwrap())
}

#[test]
fn a_file_is_given_with_what_it_may_do_and_only_by_its_path() {
    let page = ask(Method::GET, "/?theme=dark", "").unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(page.headers()[CONTENT_SECURITY_POLICY], POLICY);
    assert_eq!(page.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(page.into_body().unwrap(), "<p>page</p>");
    assert!(ask(Method::GET, "/index.html", "").is_none());
    let posted = ask(Method::POST, "/page.js", "").unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn who_has_it_already_or_asks_for_the_head_gets_no_body() {
    let head = ask(Method::HEAD, "/page.js", "").unwrap();
    assert_eq!(head.headers()[CONTENT_LENGTH], "4");
    let tag = head.headers()[ETAG].to_str().unwrap().to_owned();
    assert!(head.into_body().is_none());
    for known in [format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let same = ask(Method::GET, "/page.js", &known).unwrap();
        assert_eq!(same.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert!(same.into_body().is_none());
    }
    let other = ask(Method::GET, "/", &tag).unwrap();
    assert_eq!(other.status(), StatusCode::OK, "each file has a tag of its own");
}

/// A file that is added to a folder is served, as what it is, or the page that names it is broken.
#[test]
fn every_file_of_the_folders_is_in_its_table() {
    for (folder, table) in [("admin/page", crate::admin::PAGE), ("http/live_page", crate::http::LIVE_PAGE)] {
        let folder = format!("{}/src/{folder}", env!("CARGO_MANIFEST_DIR"));
        let there = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap());
        let there: BTreeSet<_> = there.filter(|name| name != "mod.rs").collect();
        let served: BTreeSet<_> = table.iter().map(|file| file.path[1..].to_owned()).collect();
        assert_eq!(served, there);
        assert!(table.iter().all(|file| content_type(file.path) != "application/octet-stream"));
    }
}
