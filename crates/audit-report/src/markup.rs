//! Untrusted text for HTML and XML.

use crate::text;

/// Text for an element or a quoted attribute, on one line.
pub(crate) fn escape(text: &str) -> String {
    escaped(text, false)
}

/// Text of several lines for an element. Of what is invisible, only line breaks stay.
pub(crate) fn escape_lines(text: &str) -> String {
    escaped(text, true)
}

/// A message for HTML: its values between backticks are code.
pub(crate) fn prose(message: &str) -> String {
    let parts: Vec<&str> = message.split('`').collect();
    // Without its partner, a backtick is a character.
    if parts.len().is_multiple_of(2) {
        return escape(message);
    }
    let parts = parts.iter().enumerate().map(|(index, part)| match index % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    });
    parts.collect()
}

fn escaped(raw: &str, keeps_breaks: bool) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' if keeps_breaks => out.push(c),
            c if text::is_escaped(c) => text::escape(&mut out, c),
            c => out.push(c),
        }
    }
    out
}
