//! From text to entries.

use super::plain::plain_length;
use super::{Entry, Kind, MAX_DEPTH, Tree};

/// Where a text stops being JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) at: usize,
    pub(crate) found: String,
    pub(crate) expected: &'static str,
}

/// Reads `text`, of less than 4 GiB. The first error ends the reading; what was complete before it is kept.
pub(crate) fn read(text: &str) -> Tree<'_> {
    let mut reader = Reader::new(text, 0);
    // A policy has an entry for some twenty bytes.
    reader.entries.reserve(text.len() / 16);
    if reader.value(0).is_none() {
        reader.entries.clear();
    }
    reader.skip_white();
    if reader.error.is_none() && reader.at < text.len() {
        reader.fail("the end of the document");
    }
    Tree {
        text,
        entries: reader.entries,
        error: reader.error,
    }
}

/// The text of the string that begins at `start`, its escapes resolved.
pub(super) fn unescaped(text: &str, start: usize) -> String {
    let mut reader = Reader::new(text, start);
    let mut unescaped = String::new();
    reader.string(|part| unescaped.push_str(part));
    unescaped
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    entries: Vec<Entry>,
    error: Option<SyntaxError>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, at: usize) -> Self {
        Self {
            text,
            at,
            entries: Vec::new(),
            error: None,
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    #[cold]
    fn fail(&mut self, expected: &'static str) {
        let found = match self.rest().chars().next() {
            Some(c) => crate::text::quoted(c.encode_utf8(&mut [0; 4])),
            None => "the end of the text".to_owned(),
        };
        self.error.get_or_insert(SyntaxError {
            at: self.at,
            found,
            expected,
        });
    }

    /// Takes `byte` if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Opens an entry that begins here.
    fn open(&mut self, kind: Kind) -> usize {
        self.entries.push(Entry {
            kind,
            start: place(self.at),
            end: 0,
            after: 0,
        });
        self.entries.len() - 1
    }

    /// Closes an entry that ends here.
    fn close(&mut self, entry: usize) {
        let (end, after) = (place(self.at), place(self.entries.len()));
        if let Some(entry) = self.entries.get_mut(entry) {
            (entry.end, entry.after) = (end, after);
        }
    }

    /// One value, if one could be read: a container that breaks off is one.
    fn value(&mut self, depth: usize) -> Option<()> {
        self.skip_white();
        match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => {
                self.fail("at most 64 levels of nesting");
                return None;
            }
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.text_entry()?,
            Some(b'-' | b'0'..=b'9') => {
                let entry = self.open(Kind::Number);
                self.number()?;
                self.close(entry);
            }
            _ => self.word()?,
        }
        Some(())
    }

    fn word(&mut self) -> Option<()> {
        let words = [("true", Kind::Bool), ("false", Kind::Bool), ("null", Kind::Null)];
        let Some((word, kind)) = words.into_iter().find(|(word, _)| self.rest().starts_with(word)) else {
            self.fail("a JSON value");
            return None;
        };
        let entry = self.open(kind);
        self.at += word.len();
        self.close(entry);
        Some(())
    }

    fn array(&mut self, depth: usize) {
        let entry = self.open(Kind::Array);
        self.at += 1;
        self.skip_white();
        if !self.take(b']') {
            self.list(b']', "`,` or `]`", |reader| reader.value(depth));
        }
        self.close(entry);
    }

    fn object(&mut self, depth: usize) {
        let entry = self.open(Kind::Object);
        self.at += 1;
        self.skip_white();
        if !self.take(b'}') {
            self.list(b'}', "`,` or `}`", |reader| reader.member(depth));
        }
        self.close(entry);
    }

    /// What stands between commas, up to and with `end`. What could not be read leaves no entry.
    fn list(&mut self, end: u8, expected: &'static str, mut one: impl FnMut(&mut Self) -> Option<()>) {
        loop {
            let before = self.entries.len();
            if one(self).is_none() {
                self.entries.truncate(before);
            }
            self.skip_white();
            if self.error.is_some() || self.take(end) {
                return;
            }
            if !self.take(b',') {
                self.fail(expected);
                return;
            }
        }
    }

    fn member(&mut self, depth: usize) -> Option<()> {
        self.skip_white();
        if self.peek() != Some(b'"') {
            self.fail("a key in quotation marks");
            return None;
        }
        self.text_entry()?;
        self.skip_white();
        if !self.take(b':') {
            self.fail("`:`");
            return None;
        }
        self.value(depth)
    }

    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') && !self.digits() {
            self.fail("a digit");
            return None;
        }
        if self.take(b'.') && !self.digits() {
            self.fail("a digit");
            return None;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'-') || self.take(b'+');
            if !self.digits() {
                self.fail("a digit");
                return None;
            }
        }
        Some(())
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > start
    }

    /// A string or a key.
    fn text_entry(&mut self) -> Option<()> {
        let entry = self.open(Kind::Plain);
        let mut parts = 0;
        self.string(|_| parts += 1)?;
        self.close(entry);
        if let (2.., Some(entry)) = (parts, self.entries.get_mut(entry)) {
            entry.kind = Kind::Escaped;
        }
        Some(())
    }

    /// Reads a string, and gives its text in parts: one if nothing is escaped.
    fn string(&mut self, mut part: impl FnMut(&str)) -> Option<()> {
        self.at += 1;
        loop {
            let rest = self.rest();
            let plain = rest.get(..plain_length(rest.as_bytes()))?;
            self.at += plain.len();
            part(plain);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Some(());
                }
                Some(b'\\') => {
                    let c = self.escape()?;
                    part(c.encode_utf8(&mut [0; 4]));
                }
                Some(_) => {
                    self.fail("an escaped control character");
                    return None;
                }
                None => {
                    self.fail("`\"`");
                    return None;
                }
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        self.at += 1;
        let simple = match self.peek() {
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            Some(b @ (b'"' | b'\\' | b'/')) => char::from(b),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => {
                self.fail("an escape: one of `\"\\/bfnrtu`");
                return None;
            }
        };
        self.at += 1;
        Some(simple)
    }

    fn unicode_escape(&mut self) -> Option<char> {
        let first = self.four_digits()?;
        if let Some(c) = char::from_u32(first) {
            return Some(c);
        }
        // A surrogate: only a high one, followed by a low one, makes a character.
        let start = self.at;
        if first < 0xdc00 && self.take(b'\\') && self.take(b'u') {
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
            }
        }
        self.at = start;
        self.fail("the second half of a surrogate pair");
        None
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(digits) = digits else {
            self.fail("four hexadecimal digits");
            return None;
        };
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
