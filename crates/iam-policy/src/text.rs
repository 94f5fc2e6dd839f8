//! Showing text that others wrote.

/// The longest piece of foreign text that a message repeats, in characters.
const SHOWN: usize = 200;

/// `text` in backticks for a message: control characters escaped, long text cut.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push('`');
    for (count, c) in text.chars().enumerate() {
        if count == SHOWN {
            shown.push('…');
            break;
        }
        if c.is_control() || is_invisible(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.push('`');
    shown
}

/// Characters that reorder or hide text on a terminal though they are no control characters.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_act_on_the_terminal() {
        assert_eq!(quoted("a\u{1b}[2J\nb"), "`a\\u{1b}[2J\\nb`");
        assert_eq!(quoted("a\u{202e}b"), "`a\\u{202e}b`");
        assert!(quoted(&"x".repeat(100_000)).len() < 1_000);
    }
}
