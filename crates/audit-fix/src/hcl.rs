//! Writing for Terraform, in HCL.
//!
//! An [`Expression`] is made from values only, so that no text can leave its place: a quote, a `${…}` that Terraform
//! would evaluate, a line break and everything that an editor may hide are escaped. The layout is that of
//! `terraform fmt`.
//!
//! Terraform brings strings into Unicode's composed form (NFC). Names and policies of IAM and Kubernetes have no
//! characters that this changes.

use std::fmt;
use std::fmt::Write as _;

use serde_json::Value;

/// How far the inside of a block is indented.
const INDENT: &str = "  ";

/// An expression: what may stand behind `name =`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(String);

impl Expression {
    /// A string.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self(quoted(text))
    }

    /// A list of strings, on one line.
    #[must_use]
    pub fn strings<S: AsRef<str>>(texts: &[S]) -> Self {
        let texts: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
        Self(format!("[{}]", texts.join(", ")))
    }

    /// An object of strings, each on a line.
    #[must_use]
    pub fn map<S: AsRef<str>>(members: &[(S, S)]) -> Self {
        let members = members
            .iter()
            .map(|(key, value)| (key.as_ref(), quoted(value.as_ref())));
        Self(object(&members.collect::<Vec<_>>()))
    }

    /// A JSON value, as `jsonencode` takes it.
    #[must_use]
    pub fn json(value: &Value) -> Self {
        let of = |value| Self::json(value).0;
        Self(match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::String(text) => quoted(text),
            Value::Array(values) if values.iter().all(|value| !is_container(value)) => {
                format!("[{}]", values.iter().map(of).collect::<Vec<_>>().join(", "))
            }
            Value::Array(values) => {
                let values = values.iter().map(|value| format!("{},\n", of(value)));
                format!("[\n{}]", indented(&values.collect::<String>()))
            }
            Value::Object(members) => {
                let members = members.iter().map(|(key, value)| (key.as_str(), of(value)));
                object(&members.collect::<Vec<_>>())
            }
        })
    }

    /// `jsonencode(…)` of a JSON value: a policy document.
    #[must_use]
    pub fn jsonencode(value: &Value) -> Self {
        Self(format!("jsonencode({})", Self::json(value).0))
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A block: `kind "label" { … }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    head: String,
    body: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Attribute(&'static str, Expression),
    Block(Block),
}

impl Block {
    /// An empty block.
    #[must_use]
    pub fn new(kind: &'static str, labels: &[&str]) -> Self {
        let labels = labels.iter().map(|label| quoted(label));
        let head: Vec<String> = std::iter::once(kind.to_owned()).chain(labels).collect();
        Self {
            head: head.join(" "),
            body: Vec::new(),
        }
    }

    /// With one more attribute.
    #[must_use]
    pub fn attribute(mut self, name: &'static str, value: Expression) -> Self {
        self.body.push(Item::Attribute(name, value));
        self
    }

    /// With one more block inside.
    #[must_use]
    pub fn block(mut self, block: Self) -> Self {
        self.body.push(Item::Block(block));
        self
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut body = String::new();
        let mut run: Vec<(&str, String)> = Vec::new();
        for item in &self.body {
            match item {
                Item::Attribute(name, value) => run.push((name, value.0.clone())),
                Item::Block(block) => {
                    body.push_str(&aligned(&std::mem::take(&mut run)));
                    if !body.is_empty() {
                        body.push('\n');
                    }
                    let _ = writeln!(body, "{block}");
                }
            }
        }
        body.push_str(&aligned(&run));
        write!(f, "{} {{\n{}}}", self.head, indented(&body))
    }
}

/// A name for a resource or a data source that reminds of `name`.
#[must_use]
pub fn identifier(name: &str) -> String {
    let legal = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let mut identifier: String = name.chars().take(64).map(legal).collect();
    if !identifier.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        identifier.insert(0, '_');
    }
    identifier
}

/// An object, each member on a line.
fn object(members: &[(&str, String)]) -> String {
    if members.is_empty() {
        return "{}".to_owned();
    }
    let keys: Vec<(String, String)> = members
        .iter()
        .map(|(key, value)| (member_name(key), value.clone()))
        .collect();
    let lines: Vec<(&str, String)> = keys
        .iter()
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect();
    format!("{{\n{}}}", indented(&aligned(&lines)))
}

/// A key of an object: bare where it is a plain name.
fn member_name(key: &str) -> String {
    // `null`, `true` and `for` mean something of their own there.
    let plain = key.starts_with(|c: char| c.is_ascii_uppercase())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { key.to_owned() } else { quoted(key) }
}

/// `name = value` lines, the equals signs of neighbours of one line each below one another.
fn aligned(lines: &[(&str, String)]) -> String {
    let is_long = |(_, value): &(&str, String)| value.contains('\n');
    let mut text = String::new();
    for group in lines.chunk_by(|a, b| !is_long(a) && !is_long(b)) {
        let width = group.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in group {
            let _ = writeln!(text, "{name:width$} = {value}");
        }
    }
    text
}

fn indented(text: &str) -> String {
    let line = |line: &str| {
        if line.is_empty() {
            "\n".to_owned()
        } else {
            format!("{INDENT}{line}\n")
        }
    };
    text.lines().map(line).collect()
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

/// A quoted string in which nothing is evaluated.
///
/// `${` is written `$${`, and `%{` is written `%%{`. Of several `$` before a `{`, Terraform would read the last two as the
/// beginning of an interpolation, so all of them are written as code points.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '$' || c == '%' {
            let after = rest.trim_start_matches(c);
            let count = rest.len() - after.len();
            match (after.starts_with('{'), count) {
                (true, 1) => quoted.extend([c, c]),
                (true, _) => (0..count).for_each(|_| {
                    let _ = write!(quoted, "\\u{:04x}", u32::from(c));
                }),
                (false, _) => quoted.extend(std::iter::repeat_n(c, count)),
            }
            rest = after;
            continue;
        }
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' => quoted.push(c),
            _ if u32::from(c) <= 0xffff => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What Terraform's language makes of a text: its blocks and attributes, with every template evaluated.
    fn read(text: &str) -> Value {
        hcl::eval::from_str(text, &hcl::eval::Context::new())
            .unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn the_layout_is_that_of_terraform_fmt() {
        let block = Block::new("resource", &["aws_iam_role", "cart"])
            .attribute("name", Expression::string("cart"))
            .attribute("description", Expression::string("of the \"cart\""))
            .attribute("tags", Expression::map(&[("a/b", "1"), ("Name", "2")]))
            .block(Block::new("inner", &[]).attribute("values", Expression::strings(&["a", "b"])));
        let lines = [
            r#"resource "aws_iam_role" "cart" {"#,
            r#"  name        = "cart""#,
            r#"  description = "of the \"cart\"""#,
            "  tags = {",
            r#"    "a/b" = "1""#,
            r#"    Name  = "2""#,
            "  }",
            "",
            "  inner {",
            r#"    values = ["a", "b"]"#,
            "  }",
            "}",
        ];
        assert_eq!(block.to_string(), lines.join("\n"));
    }

    #[test]
    fn templates_are_told_and_not_evaluated() {
        let written = |text| Expression::string(text).to_string();
        assert_eq!(written("${aws:username}"), r#""$${aws:username}""#);
        assert_eq!(written("%{if}"), r#""%%{if}""#);
        assert_eq!(written("$${x"), r#""\u0024\u0024{x""#);
        assert_eq!(written("$5 100%"), r#""$5 100%""#);
        assert_eq!(written("é\u{202e}"), r#""\u00e9\u202e""#);
    }

    #[test]
    fn identifiers_are_names() {
        assert_eq!(identifier("cart"), "cart");
        assert_eq!(identifier("9.a/b\"${x}"), "_9_a_b___x_");
        assert_eq!(identifier(""), "_");
    }

    #[test]
    fn a_policy_is_written_as_terraform_encodes_it() {
        let policy =
            json!({ "Statement": [{ "Sid": "${a}", "n": 1, "b": true, "e": {}, "l": [] }], "for": null });
        let text = Block::new("x", &[])
            .attribute("y", Expression::json(&policy))
            .to_string();
        assert_eq!(read(&text)["x"]["y"], policy, "{text}");
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in r#"([$%{}"\\\n~a]|\PC|.){0,12}"#, key in r#"[$%{}"\\\n a.]{0,6}"#) {
            let block = Block::new("b", &[&text])
                .attribute("s", Expression::string(&text))
                .attribute("l", Expression::strings(&[&text, "x"]))
                .attribute("m", Expression::map(&[(key.as_str(), text.as_str())]))
                .attribute("j", Expression::jsonencode(&json!({ &*key: [&*text] })))
                .to_string();
            prop_assert!(block.is_ascii(), "{}", block);
            let without = block.replace("jsonencode(", "(");
            let read = read(&without);
            let body = &read["b"][&text];
            prop_assert_eq!(&body["s"], &json!(text));
            prop_assert_eq!(&body["l"], &json!([text, "x"]));
            prop_assert_eq!(&body["m"], &json!({ &*key: &*text }));
            prop_assert_eq!(&body["j"], &json!({ &*key: [&*text] }));
        }
    }
}
