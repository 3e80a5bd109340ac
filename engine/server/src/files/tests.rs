//! Tests of `files`.

use super::*;

static FILES: [File; 2] = [File::html("/", b"<p>page</p>"), File::script("/page.js", b"go()")];

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
