//! Showing text that others wrote.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

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
        if is_hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.push('`');
    shown
}

/// Whether a character changes how the text around it is displayed, or cannot be told from others or from nothing: what is read is then
/// not what is there.
///
/// By the properties of Unicode: controls, formats, separators other than the space, what is not assigned or has no meaning of its own,
/// and everything that a display may ignore (`Default_Ignorable_Code_Point`: joiners, directions, variation selectors, tags, fillers).
#[must_use]
pub fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    let is_blank = match category {
        GeneralCategory::Control
        | GeneralCategory::Format
        | GeneralCategory::SpaceSeparator
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator
        | GeneralCategory::Unassigned
        | GeneralCategory::PrivateUse
        | GeneralCategory::Surrogate => true,
        // Symbols by their category, of which the glyph is blank.
        GeneralCategory::OtherSymbol => matches!(c, '\u{2800}' | '\u{1d159}'),
        _ => false,
    };
    is_blank || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
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

    #[test]
    fn what_cannot_be_seen_is_hidden_and_what_can_is_not() {
        let hidden = "\u{0}\n\u{7f}\u{85}\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{17b4}\u{180b}\u{180f}\u{2003}\u{200b}\u{200d}\u{2028}\u{202e}\
                      \u{2063}\u{2069}\u{2800}\u{3000}\u{3164}\u{e000}\u{fdd0}\u{fe0f}\u{feff}\u{fffb}\u{1bca0}\u{1d159}\u{1d173}\u{e0001}\u{e0041}\
                      \u{e01ef}\u{10ffff}";
        for c in hidden.chars() {
            assert!(is_hidden(c), "{c:?}");
        }
        for c in " ~aé\u{301}ßжא中한ー…’→🎉\u{10400}".chars() {
            assert!(!is_hidden(c), "{c:?}");
        }
    }
}
