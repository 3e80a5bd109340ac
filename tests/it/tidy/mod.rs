//! What no compiler checks: the crates' manifests, circles of imports, who may name which library, and that files stay
//! readable.

mod imports;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use imports::Modules;

/// The crates of the engine, lowest first, and what of each may be named only in some places: libraries, and those places.
const CRATES: &[(&str, &[&str])] = &[
    ("engine/protocol", &[]),
    ("engine/core", &["floodway-protocol"]),
    ("engine/sources", &["floodway-protocol", "floodway-core"]),
    ("engine/server", &["floodway-protocol", "floodway-core", "floodway-sources", "floodway-proto"]),
    (
        "engine/floodway",
        &["floodway-protocol", "floodway-core", "floodway-sources", "floodway-server", "floodway-proto"],
    ),
];

/// A library, and the only places in the engine that may name it.
const ONLY: &[(&[&str], &[&str])] = &[
    // NATS speaks MQTT with devices: its tests have one.
    (
        &["rumqttc"],
        &["engine/sources/src/mqtt", "engine/floodway/src/demo", "engine/sources/src/nats/tests"],
    ),
    (&["async_nats"], &["engine/sources/src/nats"]),
    (&["rumqttd"], &["engine/floodway/src/demo"]),
    (&["fastwebsockets"], &["engine/protocol/src/ws", "engine/server/src/http/handshake"]),
    (
        &["tonic", "prost", "tonic_health", "tonic_reflection", "floodway_proto"],
        &["engine/server/src/admin", "engine/floodway/src/client", "engine/floodway/src/cli"],
    ),
    (&["jsonwebtoken"], &["engine/server/src/auth"]),
    (
        &["rustls", "tokio_rustls", "rustls_native_certs", "webpki"],
        &["engine/sources/src/tls", "engine/server/src/tls"],
    ),
    (&["tokio_postgres", "tokio_postgres_rustls"], &["engine/sources/src/postgres"]),
    (&["tokio_tungstenite"], &["engine/sources/src/mqtt/link/transport"]),
    (&["simd_json"], &["engine/core/src/event"]),
];

/// What the way of an event is built without: a library may come in only through a manifest.
const FOREIGN_TO_CORE: &[&str] = &[
    "hyper",
    "hyper-util",
    "http",
    "http-body-util",
    "rumqttc",
    "rustls",
    "tokio-rustls",
    "tonic",
    "prost",
    "toml",
    "clap",
];

/// Files of one circle of imports, at most.
const CIRCLE: usize = 3;

/// Lines of one file, at most.
const LINES: usize = 400;

/// Lines of one client library, at most: who takes it into a program reads it first.
const CLIENT_LINES: usize = 300;

/// What modules of tests may be called: unit tests, properties of any input, comparison with another implementation, models
/// of what the code promises, and what several of them need.
const TEST_MODULES: &[&str] = &["tests", "properties", "differential", "model", "loom_models", "test_kit"];

struct Source {
    /// Path below the root of the project.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The text without comments: what the compiler reads, strings included.
    fn code(&self) -> String {
        let lines = self.text.lines().map(|line| line.find("//").map_or(line, |at| &line[..at]));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The same without the tests at its end.
    fn code_without_tests(&self) -> String {
        let mut code = self.code();
        let tests = code.match_indices("#[cfg(").find(|(at, _)| {
            let mut lines = code[*at..].lines();
            let is_for_tests = lines.next().is_some_and(|line| line.contains("test"));
            is_for_tests && lines.any(|line| line.starts_with("mod ") && line.ends_with('{'))
        });
        if let Some((at, _)) = tests {
            code.truncate(at);
        }
        code
    }
}

/// Whether a folder or file of this name holds tests or what they need.
fn is_of_tests(name: &str) -> bool {
    TEST_MODULES.contains(&name)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the project")
}

/// Every file of the project that people write.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
            if path.is_dir() {
                if !["target", ".git", "__pycache__"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if name != "Cargo.lock" && name != ".git" {
                // What is no text has nothing to be read.
                let Ok(text) = fs::read_to_string(&path) else {
                    continue;
                };
                let path = path.strip_prefix(root()).expect("below the root").to_owned();
                sources.push(Source { path, text });
            }
        }
    }
    assert!(sources.len() > 20, "the project's files are found");
    sources
}

/// The files of the engine's crates.
fn engine() -> Vec<Source> {
    let engine: Vec<Source> = sources()
        .into_iter()
        .filter(|source| {
            source.path.starts_with("engine") && source.path.extension().is_some_and(|ending| ending == "rs")
        })
        .collect();
    assert!(engine.len() > 50, "the engine's files are found");
    engine
}

/// The names of the dependencies that the crate in this folder is built with.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a manifest");
    let built = manifest.split("[dev-dependencies]").next().expect("a beginning");
    let lists = built.split("dependencies]").skip(1);
    let lines = lists.flat_map(|list| list.lines().take_while(|line| !line.starts_with('[')));
    lines
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// Whether `code` holds `word` with nothing of a name around it, as the beginning of a path.
fn names_library(code: &str, library: &str) -> bool {
    code.match_indices(&format!("{library}::")).any(|(at, _)| {
        let before = &code[..at];
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

/// The folder that a file speaks for: its own, or that of its submodules.
fn room(file: &str) -> &str {
    let stem = file.trim_end_matches(".rs");
    if root().join(stem).is_dir() {
        return stem;
    }
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[test]
fn each_crate_knows_only_those_below_it() {
    let mut wrong = Vec::new();
    for (folder, allowed) in CRATES {
        for name in dependencies(folder) {
            let is_foreign = *folder == "engine/core" && FOREIGN_TO_CORE.contains(&name.as_str());
            if is_foreign || (name.starts_with("floodway") && !allowed.contains(&name.as_str())) {
                wrong.push(format!("{folder} depends on {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_library_is_named_by_its_own_room_only() {
    let mut wrong = Vec::new();
    for source in engine() {
        let (code, file) = (source.code(), source.path.display().to_string());
        for (libraries, places) in ONLY {
            let is_at_home = places.iter().any(|place| file.starts_with(place));
            let named = libraries.iter().filter(|library| !is_at_home && names_library(&code, library));
            wrong.extend(named.map(|library| format!("{file} names {library}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn imports_make_no_circle_of_many_files_and_none_across_folders() {
    let (engine, mut wrong) = (engine(), Vec::new());
    for (folder, _) in CRATES {
        for circle in Modules::of(folder, &engine).circles() {
            let folders: BTreeSet<_> = circle.iter().map(|file| room(file)).collect();
            if circle.len() > CIRCLE || folders.len() > 1 {
                wrong.push(circle.join(", "));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tests_stand_beside_the_code_under_a_few_fixed_names() {
    let mut wrong = Vec::new();
    for source in engine() {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let is_for_tests = pair[0].starts_with("#[cfg(") && pair[0].contains("test");
            let name = pair[1].trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            let name = name.strip_prefix("mod ").map(|name| name.trim_end_matches([';', ' ', '{']));
            if let Some(name) = name.filter(|_| is_for_tests)
                && (pair[1].ends_with('{') || !is_of_tests(name))
            {
                wrong.push(format!("{}: {name}", source.path.display()));
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
fn each_client_library_is_read_in_one_sitting() {
    for (folder, ending) in [("clients/js", "js"), ("clients/python/floodway", "py")] {
        let mut lines = 0;
        for source in sources() {
            let is_of_it = source.path.parent() == Some(Path::new(folder));
            if is_of_it && source.path.extension().is_some_and(|its| its == ending) {
                lines += source.text.lines().count();
            }
        }
        assert!((1..=CLIENT_LINES).contains(&lines), "{folder} has {lines} lines");
    }
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
                    wrong.push(format!("{}:{}: {pattern}", source.path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_reader_of_imports_follows_names_to_the_files_that_define_them() {
    let file = |path: &str, text: &str| Source { path: PathBuf::from(format!("x/src/{path}")), text: text.to_owned() };
    let sources = [
        file("lib.rs", "mod a;\nmod b;\npub use b::{c::C, D};"),
        file("a.rs", "use crate::{C, b::D as E};\nfn f() { super::b::c::g(); }"),
        file("b/mod.rs", "mod c;\npub struct D;"),
        file("b/c.rs", "pub struct C;\nfn g() { crate::a::f(); }"),
    ];
    let modules = Modules::of("x", &sources);
    assert_eq!(modules.circles(), [["x/src/a.rs", "x/src/b/c.rs"]]);
    assert!(names_library("let x = http::Request::new();", "http"));
    assert!(!names_library("use crate::http::Config; my_http::x();", "http"));
}
