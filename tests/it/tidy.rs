//! What no compiler checks: which module may know which, who may name which library, and that files stay readable.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each top-level module of the engine, and the ones it may name: the way of an event, and never back.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("sync", &[]),
    ("counted", &[]),
    ("parts", &[]),
    ("printable", &[]),
    ("pulse", &[]),
    ("names", &[]),
    ("event", &["names"]),
    ("index", &["sync", "names", "event"]),
    ("inbox", &["sync", "names", "event", "index"]),
    (
        "shard",
        &["sync", "pulse", "names", "event", "index", "inbox"],
    ),
    ("tls", &[]),
    ("auth", &["parts", "names", "tls"]),
    (
        "stream",
        &["sync", "names", "event", "index", "inbox", "shard", "auth"],
    ),
    ("control", &["sync", "printable", "names", "event", "index"]),
    (
        "ingest",
        &[
            "sync",
            "parts",
            "printable",
            "pulse",
            "names",
            "event",
            "index",
            "inbox",
            "control",
        ],
    ),
    ("readiness", &["pulse", "index", "shard", "ingest", "auth"]),
    (
        "http",
        &[
            "sync",
            "counted",
            "printable",
            "names",
            "event",
            "index",
            "inbox",
            "shard",
            "stream",
            "ingest",
            "readiness",
            "auth",
            "tls",
        ],
    ),
];

/// What stands above the way of an event and puts it together: it may name everything.
const ABOVE: &[&str] = &[
    "main", "lib", "gateway", "config", "cli", "log", "demo", "admin",
];

/// A library, and the only places in the engine that may name it.
const ONLY: &[(&[&str], &[&str])] = &[
    (&["rumqttc"], &["ingest", "demo"]),
    (&["rumqttd"], &["demo"]),
    (&["fastwebsockets"], &["stream/ws"]),
    (
        &[
            "tonic",
            "prost",
            "tonic_health",
            "tonic_reflection",
            "floodway_proto",
        ],
        &["admin"],
    ),
    (&["jsonwebtoken"], &["auth"]),
    (
        &["rustls", "tokio_rustls", "rustls_native_certs", "webpki"],
        &["tls"],
    ),
    (&["simd_json"], &["event"]),
];

/// The core knows no MQTT, no HTTP, no gRPC.
const CORE: &[&str] = &["sync", "pulse", "names", "event", "index", "inbox", "shard"];
const FOREIGN_TO_CORE: &[&str] = &[
    "hyper",
    "hyper_util",
    "rustls",
    "http",
    "http_body_util",
    "rumqttc",
    "tonic",
    "prost",
];

/// Lines of one file, at most.
const LINES: usize = 400;

struct Source {
    /// Path below the root of the project.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The text without comments: what the compiler reads, strings included.
    fn code(&self) -> String {
        let lines = self
            .text
            .lines()
            .map(|line| line.find("//").map_or(line, |at| &line[..at]));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Path below `engine/src` without its ending, if the file is there.
    fn module(&self) -> Option<String> {
        let below = self
            .path
            .strip_prefix("engine/src")
            .ok()?
            .with_extension("");
        Some(below.to_str().expect("UTF-8").to_owned())
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the project")
}

/// Every file of the project that people write.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .expect("UTF-8")
                .to_owned();
            if path.is_dir() {
                if !["target", ".git", "__pycache__"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name != "Cargo.lock" && name != ".git" {
                // What is no text has nothing to be read.
                let Ok(text) = fs::read_to_string(&path) else {
                    continue;
                };
                let path = path
                    .strip_prefix(root())
                    .expect("below the root")
                    .to_owned();
                sources.push(Source { path, text });
            }
        }
    }
    assert!(sources.len() > 20, "the project's files are found");
    sources
}

fn engine() -> Vec<(String, Source)> {
    let engine: Vec<(String, Source)> = sources()
        .into_iter()
        .filter_map(|source| Some((source.module()?, source)))
        .collect();
    assert!(engine.len() > 5, "the engine's files are found");
    engine
}

/// The first names of all paths in `code` that begin with `crate::`, those in braces too.
fn named_modules(code: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (at, start) in code.match_indices("crate::") {
        if code[..at]
            .ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '$')
        {
            continue;
        }
        let rest = &code[at + start.len()..];
        match rest.strip_prefix('{') {
            Some(list) => named.extend(first_names(list)),
            None => named.extend(first_names(rest).into_iter().next()),
        }
    }
    named
}

/// The names that begin the items of a list in braces, up to its closing brace.
fn first_names(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut begins) = (Vec::new(), 0, true);
    let mut rest = list;
    while let Some(next) = rest.chars().next() {
        let word: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if !word.is_empty() {
            if begins && depth == 0 {
                names.push(word.clone());
            }
            begins = false;
            rest = &rest[word.len()..];
            continue;
        }
        match next {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' => begins = depth == 0,
            ';' => break,
            _ => {}
        }
        rest = &rest[next.len_utf8()..];
    }
    names
}

/// Whether `code` holds `word` with nothing of a name around it, as the beginning of a path.
fn names_library(code: &str, library: &str) -> bool {
    code.match_indices(&format!("{library}::")).any(|(at, _)| {
        let before = &code[..at];
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn dependencies_point_along_the_way_of_an_event() {
    let mut wrong = Vec::new();
    for (module, source) in engine() {
        let own = module.split('/').next().expect("a first part");
        if ABOVE.contains(&own) {
            continue;
        }
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == own) else {
            wrong.push(format!(
                "{module}: a module without a place; say in this test whom it may know"
            ));
            continue;
        };
        for named in named_modules(&source.code()) {
            let is_module =
                ABOVE.contains(&named.as_str()) || MAY_NAME.iter().any(|(name, _)| *name == named);
            if named != own && is_module && !allowed.contains(&named.as_str()) {
                wrong.push(format!("{module} names {named}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_library_is_named_by_its_own_module_only() {
    let mut wrong = Vec::new();
    for (module, source) in engine() {
        let code = source.code();
        for (libraries, places) in ONLY {
            let at_home = places
                .iter()
                .any(|place| module == *place || module.starts_with(&format!("{place}/")));
            for library in libraries
                .iter()
                .filter(|library| !at_home && names_library(&code, library))
            {
                wrong.push(format!("{module} names {library}"));
            }
        }
        if CORE.contains(&module.split('/').next().expect("a first part")) {
            for library in FOREIGN_TO_CORE
                .iter()
                .filter(|library| names_library(&code, library))
            {
                wrong.push(format!("{module} is of the core and names {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_source_has_a_header_and_fits_on_a_few_screens() {
    let mut wrong = Vec::new();
    for source in sources() {
        if source.path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let path = source.path.display();
        if !source.text.starts_with("//! ") {
            wrong.push(format!("{path} does not open with what it is for"));
        }
        let lines = source.text.lines().count();
        if lines > LINES {
            wrong.push(format!("{path} has {lines} lines"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_is_left_open_or_bound_to_one_machine() {
    // Put together here, so that this file does not find itself.
    let patterns = [
        ["/wo", "rk/"],
        ["/ho", "me/"],
        ["TO", "DO"],
        ["FIX", "ME"],
        ["todo", "!("],
        ["unimplemented", "!("],
        ["crates", ".io"],
        ["pypi", ".org"],
        ["python", "hosted"],
        ["npm", "js.org"],
        ["proxy.golang", ".org"],
    ];
    let mut wrong = Vec::new();
    for source in sources() {
        for (number, line) in source.text.lines().enumerate() {
            for pattern in patterns.iter().map(|parts| parts.concat()) {
                if line.contains(&pattern) {
                    wrong.push(format!(
                        "{}:{}: {pattern}",
                        source.path.display(),
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_reader_of_paths_finds_what_is_named() {
    let code = "use crate::names::{A, B};\nuse crate::{event, index::{Index, Place}, shard as s};\nfn f() { crate::http::go(); $crate::macros!(); }";
    let named: Vec<String> = named_modules(code).into_iter().collect();
    assert_eq!(named, ["event", "http", "index", "names", "shard"]);
    assert!(names_library("let x = http::Request::new();", "http"));
    assert!(!names_library(
        "use crate::http::Config; my_http::x();",
        "http"
    ));
}
