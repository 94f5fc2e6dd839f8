//! Untrusted text that is safe to show.

use std::fmt::Write as _;

use audit_core::text::is_hidden;

/// Whether no format may hold a character as it is: it is hidden, or Unicode sets it aside for ever (The Unicode Standard, section 23.7).
/// XML and YAML forbid some of the latter, and HTML calls all of them errors.
pub(crate) fn is_escaped(c: char) -> bool {
    let point = u32::from(c);
    is_hidden(c) || point & 0xfffe == 0xfffe || (0xfdd0..=0xfdef).contains(&point)
}

/// Writes a character that must be escaped as people read it.
pub(crate) fn escape(out: &mut String, c: char) {
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
}

/// Text of several lines, in which only line breaks stay of what is invisible.
#[must_use]
pub fn lines(text: &str) -> String {
    safe(text, true)
}

/// Text on one line that is safe to show.
pub(crate) fn shown(text: &str) -> String {
    safe(text, false)
}

fn safe(text: &str, keeps_breaks: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) && !(keeps_breaks && c == '\n') {
            escape(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out
}
