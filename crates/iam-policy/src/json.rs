//! A JSON reader that knows where everything stands, notices duplicate keys, and keeps what it has read when the
//! text breaks off.
//!
//! `serde_json` gives neither positions of values nor half a document; both are what a person needs to mend one.

use std::borrow::Cow;

/// The deepest nesting that is read. A policy needs six levels.
pub(crate) const MAX_DEPTH: usize = 64;

/// A value and the bytes it takes in the text.
#[derive(Debug, Clone)]
pub(crate) struct Node<'t> {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) value: Value<'t>,
}

#[derive(Debug, Clone)]
pub(crate) enum Value<'t> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'t str),
    String(Cow<'t, str>),
    Array(Vec<Node<'t>>),
    Object(Vec<Member<'t>>),
}

/// A member of an object; duplicates are all kept.
#[derive(Debug, Clone)]
pub(crate) struct Member<'t> {
    pub(crate) key: Cow<'t, str>,
    /// Where the key starts and ends, quotation marks included.
    pub(crate) key_start: usize,
    pub(crate) key_end: usize,
    pub(crate) value: Node<'t>,
}

/// Where a text stops being JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) at: usize,
    pub(crate) found: String,
    pub(crate) expected: &'static str,
}

impl Value<'_> {
    /// What kind of value it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Reads `text`. The first error ends the reading; what was complete before it is in the node.
pub(crate) fn read(text: &str) -> (Option<Node<'_>>, Option<SyntaxError>) {
    let mut reader = Reader {
        text,
        at: 0,
        error: None,
    };
    let node = reader.value(0);
    reader.skip_white();
    if reader.error.is_none() && reader.at < text.len() {
        reader.fail("the end of the document");
    }
    (node, reader.error)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    error: Option<SyntaxError>,
}

impl<'t> Reader<'t> {
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

    fn value(&mut self, depth: usize) -> Option<Node<'t>> {
        self.skip_white();
        let start = self.at;
        let value = match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => {
                self.fail("at most 64 levels of nesting");
                return None;
            }
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            _ => {
                let words = [
                    ("true", Value::Bool(true)),
                    ("false", Value::Bool(false)),
                    ("null", Value::Null),
                ];
                let Some((word, value)) = words.into_iter().find(|(word, _)| self.rest().starts_with(word))
                else {
                    self.fail("a JSON value");
                    return None;
                };
                self.at += word.len();
                value
            }
        };
        Some(Node {
            start,
            end: self.at,
            value,
        })
    }

    fn array(&mut self, depth: usize) -> Value<'t> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_white();
        if self.take(b']') {
            return Value::Array(items);
        }
        loop {
            items.extend(self.value(depth));
            self.skip_white();
            if self.error.is_some() || self.take(b']') {
                return Value::Array(items);
            }
            if !self.take(b',') {
                self.fail("`,` or `]`");
                return Value::Array(items);
            }
        }
    }

    fn object(&mut self, depth: usize) -> Value<'t> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_white();
        if self.take(b'}') {
            return Value::Object(members);
        }
        loop {
            members.extend(self.member(depth));
            self.skip_white();
            if self.error.is_some() || self.take(b'}') {
                return Value::Object(members);
            }
            if !self.take(b',') {
                self.fail("`,` or `}`");
                return Value::Object(members);
            }
        }
    }

    fn member(&mut self, depth: usize) -> Option<Member<'t>> {
        self.skip_white();
        let key_start = self.at;
        if self.peek() != Some(b'"') {
            self.fail("a key in quotation marks");
            return None;
        }
        let key = self.string()?;
        let key_end = self.at;
        self.skip_white();
        if !self.take(b':') {
            self.fail("`:`");
            return None;
        }
        let value = self.value(depth)?;
        Some(Member {
            key,
            key_start,
            key_end,
            value,
        })
    }

    fn number(&mut self) -> Option<&'t str> {
        let start = self.at;
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
        self.text.get(start..self.at)
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > start
    }

    /// Reads a string; borrows it where nothing is escaped.
    fn string(&mut self) -> Option<Cow<'t, str>> {
        self.at += 1;
        let mut owned: Option<String> = None;
        loop {
            let rest = self.rest();
            let length = rest
                .bytes()
                .position(|b| b == b'"' || b == b'\\' || b < b' ')
                .unwrap_or(rest.len());
            let plain = rest.get(..length)?;
            self.at += length;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Some(match owned {
                        None => Cow::Borrowed(plain),
                        Some(text) => Cow::Owned(text + plain),
                    });
                }
                Some(b'\\') => {
                    let text = owned.get_or_insert_default();
                    text.push_str(plain);
                    let c = self.escape()?;
                    owned.get_or_insert_default().push(c);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(node: &Node<'_>) -> serde_json::Value {
        match &node.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Number(text) => serde_json::from_str(text).unwrap(),
            Value::String(text) => text.as_ref().into(),
            Value::Array(items) => items.iter().map(plain).collect(),
            Value::Object(members) => serde_json::Value::Object(
                members
                    .iter()
                    .map(|m| (m.key.to_string(), plain(&m.value)))
                    .collect(),
            ),
        }
    }

    /// Ours and `serde_json` must agree on what is JSON and what it says.
    fn agrees(text: &str) {
        let (node, error) = read(text);
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) => {
                assert_eq!(error, None, "{text}");
                assert_eq!(plain(&node.unwrap()), value, "{text}");
            }
            Err(e) => assert!(error.is_some(), "{text}: {e}"),
        }
    }

    #[test]
    fn agrees_with_serde_json() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[",
            "[]",
            "{}",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "nul",
            "null",
            "true x",
            "-",
            "-0",
            "01",
            "1.",
            "1.5e-3",
            "1e",
            "\"",
            "\"\\u00e9\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ude00\"",
            "\"\\ud83d\\u0041\"",
            "\"\\x\"",
            "\"\u{1}\"",
            "\"\\u12\"",
            "\"\\u00é\"",
            "[1,2,[3,{\"a\":null}]]",
            "\u{feff}{}",
            "{\"a\":{\"b\":[true,false,\"c\\n\\/\"]}} ",
            "\"a\\\\b\\\"\"",
            "\u{b}1",
            "[\"é\u{1F600}\"]",
            "+1",
            "1 2",
            "\"\\",
        ] {
            agrees(text);
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 4_000, ..Default::default() })]

        #[test]
        fn agrees_with_serde_json_on_noise(text in r#"[\[\]{},:"\\ua0-9e.+\- tfn]{0,24}"#) {
            agrees(&text);
        }

        #[test]
        fn agrees_with_serde_json_on_broken_documents(cut in 0_usize..60, noise in r#"[\[\]{}",:\\a]{0,2}"#) {
            let text = r#"{"Statement":[{"Sid":"a\u0041","N":-1.5e3}],"x":null}"#;
            let (before, after) = text.split_at(cut.min(text.len()));
            agrees(&format!("{before}{noise}{after}"));
        }
    }

    #[test]
    fn keeps_what_came_before_the_break() {
        let (node, error) = read(r#"{"Statement":[{"Effect":"Allow"},{"Effect":"#);
        assert_eq!(
            plain(&node.unwrap()),
            serde_json::json!({"Statement": [{"Effect": "Allow"}, {}]})
        );
        assert_eq!(error.unwrap().at, 43);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(read(&deep(MAX_DEPTH)).1, None);
        assert!(read(&deep(MAX_DEPTH + 1)).1.is_some());
        assert!(read(&"[{\"a\":".repeat(100_000)).1.is_some());
    }

    #[test]
    fn spans_cover_the_text_of_each_value() {
        let text = r#" {"a" : [1, "b"]} "#;
        let (node, _) = read(text);
        let node = node.unwrap();
        assert_eq!(&text[node.start..node.end], r#"{"a" : [1, "b"]}"#);
        let Value::Object(members) = node.value else {
            panic!()
        };
        assert_eq!(&text[members[0].key_start..members[0].key_end], "\"a\"");
        assert_eq!(&text[members[0].value.start..members[0].value.end], r#"[1, "b"]"#);
    }
}
