//! The examples of a page: fenced blocks marked `example`, read line by line.

use std::fs;
use std::path::{Path, PathBuf};

/// A line of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// `> …`: what the client sends.
    Client(String),
    /// `< …`: what the gateway sends.
    Gateway(String),
    /// `* …`: what happens elsewhere.
    Elsewhere(String),
}

/// One block.
#[derive(Debug)]
pub(super) struct Example {
    /// The page and the number of the block's first line.
    pub(super) place: String,
    pub(super) lines: Vec<Line>,
}

impl Example {
    /// Whether something happens elsewhere that is told in these words.
    pub(super) fn tells(&self, words: &str) -> bool {
        self.lines
            .iter()
            .any(|line| matches!(line, Line::Elsewhere(what) if what.contains(words)))
    }
}

/// The folder `docs`.
pub(super) fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// The examples of a page of that folder.
pub(super) fn examples(page: &str) -> Vec<Example> {
    let text = fs::read_to_string(docs().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
    let (mut examples, mut is_inside) = (Vec::<Example>::new(), false);
    for (number, line) in text.lines().enumerate() {
        if is_inside && line == "```" {
            is_inside = false;
        } else if is_inside {
            examples.last_mut().expect("begun").take(line);
        } else if line == "```example" {
            is_inside = true;
            examples.push(Example { place: format!("{page}:{}", number + 2), lines: Vec::new() });
        }
    }
    assert!(!is_inside, "{page}: an example is not closed");
    examples
}

impl Example {
    /// A line that begins with spaces goes on with the one before.
    fn take(&mut self, line: &str) {
        if let Some(more) = line.strip_prefix("  ") {
            match self.lines.last_mut() {
                Some(Line::Client(text) | Line::Gateway(text) | Line::Elsewhere(text)) => {
                    text.push_str(more.trim_start())
                }
                None => panic!("{}: goes on with nothing: {line}", self.place),
            }
            return;
        }
        let (mark, text) = line.split_at_checked(1).unwrap_or_default();
        let text = text.strip_prefix(' ').unwrap_or(text).to_owned();
        self.lines.push(match mark {
            ">" => Line::Client(text),
            "<" => Line::Gateway(text),
            "*" => Line::Elsewhere(text),
            _ => panic!("{}: begins with none of the marks: {line}", self.place),
        });
    }
}

#[test]
fn an_example_is_read_line_by_line() {
    let mut example = Example { place: String::new(), lines: Vec::new() };
    for line in [r#"> {"action":"#, r#"    "ping"}"#, "<", "* the broker is lost"] {
        example.take(line);
    }
    let expected = [
        Line::Client(r#"{"action":"ping"}"#.to_owned()),
        Line::Gateway(String::new()),
        Line::Elsewhere("the broker is lost".to_owned()),
    ];
    assert_eq!(example.lines, expected);
    assert!(example.tells("broker"));
}
