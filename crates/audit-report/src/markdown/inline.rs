//! Untrusted text in Markdown.
//!
//! Backslash escapes end at backticks, pipes of tables and autolinks. Character references do not: a reference never begins or ends
//! anything (CommonMark 0.31, section 2.5). Only mail addresses are looked for in text whose references are resolved already, so an `@` gets an
//! element before it, which ends the text. What is in a `code` element mentions nobody and refers to no issue.

use std::fmt::Write as _;

use crate::columns::cut;
use crate::text::{lines, shown};

/// The most characters of a value: a subject or the ARN of a role fits.
const MOST: usize = 200;

/// An element that shows nothing and lets a line break.
const BREAK: &str = "<wbr>";

/// The most characters of a sentence.
const MOST_OF_SENTENCE: usize = 4_000;

/// A value as code, for tables, sentences and HTML blocks alike.
pub(super) fn code(text: &str) -> String {
    let text = cut(&shown(&cut(text, MOST)), MOST);
    format!("<code>{}</code>", referenced(&text, "-"))
}

/// A message: its values between backticks are code, the rest is text. It must not begin a line.
pub(super) fn sentence(text: &str) -> String {
    let text = cut(&shown(&cut(text, MOST_OF_SENTENCE)), MOST_OF_SENTENCE);
    let parts: Vec<&str> = text.split('`').collect();
    // Without its partner, a backtick is a character.
    if parts.len().is_multiple_of(2) {
        return words(&text);
    }
    let parts = parts.iter().enumerate().map(|(index, part)| match index % 2 {
        0 => words(part),
        _ if part.is_empty() => "&#96;&#96;".to_owned(),
        _ => code(part),
    });
    parts.collect()
}

/// Text outside of code. What would mention a person, refer to an issue or become a link is code.
fn words(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        if word.contains(['@', '#']) || word.contains("www.") {
            code(word)
        } else {
            referenced(word, "-.,;()'")
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Every character of ASCII that may mean something to Markdown or HTML as a reference, but for those in `kept`.
fn referenced(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '@' {
            out.push_str(BREAK);
        }
        if c.is_ascii_punctuation() && !kept.contains(c) {
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// A code block in a fence that is longer than any run of backticks in the text.
pub(super) fn fence(language: &str, text: &str) -> String {
    let text = lines(text);
    let runs = text.split(|c| c != '`').map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or_default().max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use comrak::nodes::NodeValue;
    use comrak::{Arena, Options, parse_document};
    use proptest::prelude::*;

    use super::*;

    /// The text that a reader sees of a paragraph or a cell, and the kinds of what is in it beside text and `code`.
    fn seen(markdown: &str) -> (String, Vec<String>) {
        let arena = Arena::new();
        let mut options = Options::default();
        options.extension.table = true;
        options.extension.autolink = true;
        options.extension.strikethrough = true;
        options.extension.tasklist = true;
        options.extension.footnotes = true;
        let root = parse_document(&arena, markdown, &options);
        let (mut text, mut other) = (String::new(), Vec::new());
        for node in root.descendants() {
            match &node.data.borrow().value {
                NodeValue::Text(part) => text.push_str(part),
                NodeValue::HtmlInline(tag) if ["<code>", "</code>", BREAK].contains(&tag.as_str()) => {}
                NodeValue::Document
                | NodeValue::Paragraph
                | NodeValue::Table(_)
                | NodeValue::TableRow(_)
                | NodeValue::TableCell => {}
                value => other.push(format!("{value:?}")),
            }
        }
        (text, other)
    }

    /// Text that is made to break out of Markdown.
    fn hostile() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,20}",
            "[`|\\\\<>&*_~#@\\[\\]()!:/.a-w-]{0,24}",
            prop::sample::select(vec![
                "</details>".to_owned(),
                "www.example.com".to_owned(),
                "https://example.com/a@b".to_owned(),
                "a.b@example.com".to_owned(),
                "@team/a #12 xmpp:a@b.example".to_owned(),
                "a\n\n# b\n\n```\nc".to_owned(),
                "`".repeat(70),
                "&lt;script&gt;".to_owned(),
            ]),
        ]
    }

    proptest! {
        #[test]
        fn a_value_is_seen_as_it_is_and_is_nothing_but_text(value in hostile()) {
            let expected = cut(&shown(&value), MOST);
            let table = format!("| a | b |\n|---|---|\n| {} | {} |\n", code(&value), code("end"));
            let (text, other) = seen(&table);
            prop_assert!(other.is_empty(), "{other:?}: {table}");
            let trimmed = text.strip_prefix("ab").and_then(|text| text.strip_suffix("end")).unwrap();
            // White space at the edges of a cell goes.
            prop_assert_eq!(trimmed.trim(), expected.trim());
        }

        #[test]
        fn a_sentence_stays_in_its_paragraph(value in hostile()) {
            let (text, other) = seen(&format!("Message: {}\n", sentence(&value)));
            prop_assert!(other.is_empty(), "{other:?}");
            let plain = |text: &str| text.replace(['`', ' '], "");
            prop_assert_eq!(plain(&text), plain(&format!("Message: {}", shown(&value))));
        }

        #[test]
        fn a_fence_holds_whatever_is_in_it(value in "(```|~~~|`{1,8}|\n| |</details>|[a-z]){0,12}") {
            let arena = Arena::new();
            let markdown = format!("{}\nafter\n", fence("sh", &value));
            let root = parse_document(&arena, &markdown, &Options::default());
            let blocks: Vec<String> = root.descendants().filter_map(|node| match &node.data.borrow().value {
                NodeValue::CodeBlock(block) => Some(block.literal.clone()),
                _ => None,
            }).collect();
            prop_assert_eq!(blocks, vec![format!("{value}\n")]);
        }
    }
}
