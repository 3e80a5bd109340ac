//! Where the tokens of a JSON text begin.
//!
//! Invariant: only valid JSON that is not nested too deep has tokens. They are the offsets, growing, of every
//! `{ } [ ] : ,` outside of strings, of each string's opening quote, and of the first byte of each number, `true`,
//! `false` and `null`. So the first one is the root, and a value within an object or array always has a token after it.
//!
//! They are found in one of two ways. simd-json finds the tokens while it validates, but it also reads the numbers, and
//! refuses a payload for one that does not fit into 64 bits. Then serde_json validates, which leaves numbers as text, and
//! the tokens are found byte by byte.

use std::mem;
use std::ops::Range;

use serde_json::value::RawValue;
use simd_json::{Buffers, ErrorType, Tape};

use super::Rejection;

/// The buffers begin with room for payloads of this size; larger payloads enlarge them.
const FIRST_BUFFERS_BYTES: usize = 4096;

/// Finds tokens. It keeps its buffers from one text to the next.
pub(super) struct Tokenizer {
    depth: usize,
    /// simd-json writes into its input.
    copy: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
    found_slowly: Vec<u32>,
    /// The last tokens were found byte by byte.
    is_slow: bool,
}

impl Tokenizer {
    /// A tokenizer of texts with at most `depth` objects and arrays inside one another.
    pub(super) fn new(depth: usize) -> Self {
        Self {
            depth,
            copy: Vec::with_capacity(FIRST_BUFFERS_BYTES),
            buffers: Buffers::with_max_depth(FIRST_BUFFERS_BYTES, depth),
            tape: Tape::null(),
            found_slowly: Vec::new(),
            is_slow: false,
        }
    }

    /// Finds the tokens of `json`.
    pub(super) fn read(&mut self, json: &[u8]) -> Result<(), Rejection> {
        self.is_slow = false;
        match self.validate_fast(json) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.error(), ErrorType::DepthLimitExceeded) => Err(Rejection::TooDeep),
            Err(_) => {
                self.is_slow = true;
                self.tokens_slow(json).map(|_| ())
            }
        }
    }

    /// The tokens of the text that was read last, if it has any.
    pub(super) fn tokens(&self) -> &[u32] {
        if self.is_slow {
            &self.found_slowly
        } else {
            self.buffers.structural_indexes()
        }
    }

    /// The tokens as simd-json finds them.
    #[cfg(test)]
    pub(super) fn tokens_fast(&mut self, json: &[u8]) -> simd_json::Result<&[u32]> {
        self.validate_fast(json).map(|()| self.buffers.structural_indexes())
    }

    fn validate_fast(&mut self, json: &[u8]) -> simd_json::Result<()> {
        self.copy.clear();
        self.copy.extend_from_slice(json);
        // The tape borrows the copy; between two texts it is empty, and can be kept beside it.
        let mut tape = mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let result = simd_json::fill_tape(&mut self.copy, &mut self.buffers, &mut tape);
        self.tape = tape.reset();
        result
    }

    /// The tokens without simd-json's bound on numbers.
    pub(super) fn tokens_slow(&mut self, json: &[u8]) -> Result<&[u32], Rejection> {
        serde_json::from_slice::<&RawValue>(json).map_err(|_| Rejection::NotJson)?;
        self.found_slowly.clear();
        if find_tokens(json, &mut self.found_slowly) > self.depth {
            return Err(Rejection::TooDeep);
        }
        Ok(&self.found_slowly)
    }
}

/// Appends the tokens of `json`, which is valid. Returns how deep it is nested.
fn find_tokens(json: &[u8], tokens: &mut Vec<u32>) -> usize {
    let (mut at, mut depth, mut deepest) = (0, 0_usize, 0);
    while at < json.len() {
        let token = u32::try_from(at).expect("a payload is shorter than 4 GiB");
        match json[at] {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
                at += 1;
            }
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            b':' | b',' => at += 1,
            b'"' => at = end_of_string(json, at),
            _ => at = end_of_word(json, at),
        }
        tokens.push(token);
    }
    deepest
}

fn end_of_string(json: &[u8], opening_quote: usize) -> usize {
    let mut at = opening_quote + 1;
    loop {
        match json[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn end_of_word(json: &[u8], from: usize) -> usize {
    let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b']' | b'}');
    json[from..].iter().position(is_end).map_or(json.len(), |length| from + length)
}

/// A valid text with its tokens.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    json: &'a [u8],
    tokens: &'a [u32],
    /// It contains a backslash. Mostly there is none, and then no key is searched for one.
    has_escapes: bool,
}

impl<'a> Text<'a> {
    /// The text of these tokens, which `has_escapes` or not: see [`has_escapes`].
    pub(super) fn new(json: &'a [u8], tokens: &'a [u32], has_escapes: bool) -> Self {
        Self { json, tokens, has_escapes }
    }

    /// The first byte of a token, which tells what begins there.
    #[inline]
    pub(super) fn byte(&self, token: usize) -> u8 {
        self.json[self.tokens[token] as usize]
    }

    /// Where the value is that begins with `token`, without the white space around it.
    pub(super) fn value(&self, token: usize) -> Range<usize> {
        self.tokens[token] as usize..self.end(token).0
    }

    /// The name of a member, without its quotes and escapes.
    pub(super) fn name<'b>(&'b self, entry: &'b Entry) -> &'b [u8] {
        entry.name(self.json)
    }

    /// The first tokens of the items, if an array begins with `token`.
    pub(super) fn items(self, token: usize) -> Option<impl Iterator<Item = u32> + use<'a>> {
        if self.byte(token) != b'[' {
            return None;
        }
        let mut next = token + 1;
        Some(std::iter::from_fn(move || {
            let item = match self.byte(next) {
                b']' => return None,
                b',' => next + 1,
                _ => next,
            };
            next = self.end(item).1;
            Some(u32::try_from(item).expect("a payload is shorter than 4 GiB"))
        }))
    }

    /// The end of the value that begins with `token`, and the index of the token after it.
    #[inline(always)]
    fn end(&self, token: usize) -> (usize, usize) {
        if !matches!(self.byte(token), b'{' | b'[') {
            return (self.trimmed_end(token), token + 1);
        }
        let (mut at, mut open) = (token, 1);
        while open > 0 {
            at += 1;
            match self.byte(at) {
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
        }
        (self.tokens[at] as usize + 1, at + 1)
    }

    /// The end of a token of many bytes: before the white space that precedes the next one, or the end of the text.
    #[inline(always)]
    fn trimmed_end(&self, token: usize) -> usize {
        let from = self.tokens[token] as usize;
        let next = self.tokens.get(token + 1).map_or(self.json.len(), |&next| next as usize);
        from + self.json[from..next].trim_ascii_end().len()
    }
}

/// Whether a text contains a backslash.
pub(super) fn has_escapes(json: &[u8]) -> bool {
    memchr::memchr(b'\\', json).is_some()
}

/// The members of one object, in the order of the text, doubles included.
pub(super) struct Object<'a> {
    text: Text<'a>,
    next: usize,
}

/// One key and value, by their offsets in the text.
#[derive(Debug)]
pub(super) struct Entry {
    /// The key with its quotes.
    pub(super) key: Range<usize>,
    /// The key without its escapes, if it has any.
    pub(super) unescaped: Option<Box<str>>,
    /// The value without the white space around it.
    pub(super) value: Range<usize>,
    /// Index of the value's first token.
    pub(super) value_token: usize,
}

impl<'a> Object<'a> {
    /// The object that begins with this token, or `None` if another value begins there.
    pub(super) fn at(text: Text<'a>, token: usize) -> Option<Self> {
        (text.byte(token) == b'{').then_some(Self { text, next: token + 1 })
    }
}

impl Iterator for Object<'_> {
    type Item = Entry;

    #[inline]
    fn next(&mut self) -> Option<Entry> {
        let key = match self.text.byte(self.next) {
            b'}' => return None,
            b',' => self.next + 1,
            _ => self.next,
        };
        // After the key comes a colon.
        let value = key + 2;
        let (value_end, next) = self.text.end(value);
        self.next = next;
        let Text { json, tokens, has_escapes } = self.text;
        let key = tokens[key] as usize..self.text.trimmed_end(key);
        let unescaped = has_escapes.then(|| unescaped(&json[key.clone()])).flatten();
        Some(Entry { key, unescaped, value: tokens[value] as usize..value_end, value_token: value })
    }
}

/// The key without its escapes; `None` if it has none. A key with half a surrogate pair is `None` too: no filter can name
/// it.
fn unescaped(key: &[u8]) -> Option<Box<str>> {
    memchr::memchr(b'\\', key)?;
    serde_json::from_slice::<String>(key).ok().map(String::into_boxed_str)
}

impl Entry {
    /// The key without its quotes and escapes.
    pub(super) fn name<'a>(&'a self, json: &'a [u8]) -> &'a [u8] {
        match &self.unescaped {
            Some(name) => name.as_bytes(),
            None => &json[self.key.start + 1..self.key.end - 1],
        }
    }
}
