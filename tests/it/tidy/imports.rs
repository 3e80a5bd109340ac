//! Which file of a crate imports which, read from the source text.
//!
//! Names are followed through `use` of whatever kind, so an item counts for the file that defines it.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;

/// A crate's files as modules, by their path in the crate.
pub(super) struct Modules(BTreeMap<Vec<String>, Module>);

struct Module {
    file: String,
    /// Paths that its code names, from the crate's root.
    named: BTreeSet<Vec<String>>,
    /// Names that a `use` brings in, with the path that each stands for.
    imported: BTreeMap<String, Vec<String>>,
}

impl Modules {
    /// Those of the crate in this folder, tests left out.
    pub(super) fn of(folder: &str, sources: &[Source]) -> Self {
        let mut modules = BTreeMap::new();
        for source in sources {
            let file = source.path.to_str().expect("UTF-8");
            let inside = file.strip_prefix(&format!("{folder}/src/"));
            let Some(inside) = inside.and_then(|file| file.strip_suffix(".rs")) else {
                continue;
            };
            let mut path: Vec<String> = inside.split('/').map(str::to_owned).collect();
            if path.iter().any(|part| super::is_of_tests(part)) {
                continue;
            }
            path.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
            modules.insert(path, (file.to_owned(), source.code_without_tests()));
        }
        let paths: BTreeSet<Vec<String>> = modules.keys().cloned().collect();
        let read = |(path, (file, code)): (Vec<String>, (String, String))| {
            let (named, imported) = paths_in(&code, &path, &paths);
            (path, Module { file, named, imported })
        };
        Self(modules.into_iter().map(read).collect())
    }

    /// The circles: sets of files of which each imports each other, if not directly, then through others.
    pub(super) fn circles(&self) -> Vec<Vec<&str>> {
        let edges: BTreeMap<&Vec<String>, BTreeSet<&Vec<String>>> =
            self.0.iter().map(|(path, module)| (path, self.targets(path, module))).collect();
        let reach: BTreeMap<_, _> = edges.keys().map(|from| (*from, reachable(from, &edges))).collect();
        let mut found = BTreeSet::new();
        for (from, reached) in &reach {
            let circle: BTreeSet<_> = reached.iter().filter(|to| reach[**to].contains(from)).collect();
            if circle.len() > 1 {
                let files = circle.iter().map(|path| self.0[**path].file.as_str());
                found.insert(files.collect::<Vec<_>>());
            }
        }
        found.into_iter().collect()
    }

    fn targets(&self, from: &[String], module: &Module) -> BTreeSet<&Vec<String>> {
        let all = module.named.iter().chain(module.imported.values());
        let found = all.filter_map(|path| self.defining(path, 8));
        // What a file takes from the module that it is a part of is no circle: the two are read as one.
        found.filter(|to| !from.starts_with(to)).collect()
    }

    /// The module that defines what stands at this path.
    fn defining(&self, path: &[String], depth: usize) -> Option<&Vec<String>> {
        let known = (0..=path.len()).rev().find(|&length| self.0.contains_key(&path[..length]))?;
        let (at, module) = self.0.get_key_value(&path[..known])?;
        let Some(name) = path.get(known) else {
            return Some(at);
        };
        match module.imported.get(name) {
            Some(source) if depth > 0 => {
                let rest = path[known + 1..].iter().cloned();
                let source: Vec<String> = source.iter().cloned().chain(rest).collect();
                self.defining(&source, depth - 1)
            }
            _ => Some(at),
        }
    }
}

fn reachable<'a>(
    from: &'a Vec<String>,
    edges: &BTreeMap<&'a Vec<String>, BTreeSet<&'a Vec<String>>>,
) -> BTreeSet<&'a Vec<String>> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        for to in &edges[at] {
            if seen.insert(*to) {
                next.push(to);
            }
        }
    }
    seen
}

type Named = (BTreeSet<Vec<String>>, BTreeMap<String, Vec<String>>);

/// The paths that `code`, of the module `here`, names, and the names that it imports.
fn paths_in(code: &str, here: &[String], modules: &BTreeSet<Vec<String>>) -> Named {
    let (mut named, mut imported) = (BTreeSet::new(), BTreeMap::new());
    for tree in code.split("use ").skip(1).filter_map(|rest| rest.split_once(';')) {
        for path in leaves(tree.0) {
            let (path, name) = match path.split_once(" as ") {
                Some((path, name)) => (path, Some(name.trim())),
                None => (path.as_str(), None),
            };
            let Some(absolute) = absolute(path, here, modules) else {
                continue;
            };
            let last = absolute.last().map(String::as_str);
            if let Some(name) = name.or(last) {
                imported.insert(name.to_owned(), absolute);
            }
        }
    }
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for path in code.split(|c| !is_path(c)).filter(|path| path.contains("::")) {
        named.extend(absolute(path, here, modules));
    }
    (named, imported)
}

/// The paths of a tree of `use`: `a::{b, c::d}` has `a::b` and `a::c::d`.
fn leaves(tree: &str) -> Vec<String> {
    let Some((before, list)) = tree.split_once('{') else {
        return vec![tree.trim().to_owned()];
    };
    let list = list.rsplit_once('}').map_or(list, |(list, _)| list);
    let (mut depth, mut from, mut parts) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[from..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    let whole = parts.map(|part| format!("{}{}", before.trim(), part.trim()));
    whole.flat_map(|path| leaves(&path)).collect()
}

/// A path from the crate's root, if it names something of the crate.
fn absolute(path: &str, here: &[String], modules: &BTreeSet<Vec<String>>) -> Option<Vec<String>> {
    let mut parts = path.trim().split("::").map(str::trim).peekable();
    let mut at: Vec<String> = match *parts.peek()? {
        "crate" => Vec::new(),
        "self" | "super" => here.to_vec(),
        first => {
            let child: Vec<String> = here.iter().cloned().chain([first.to_owned()]).collect();
            if !modules.contains(&child) {
                return None;
            }
            here.to_vec()
        }
    };
    for part in parts {
        match part {
            "crate" | "self" | "*" | "" => {}
            "super" => _ = at.pop(),
            part => at.push(part.to_owned()),
        }
    }
    Some(at)
}
